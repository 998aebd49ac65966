"""What labels cost in money and in time, with its words."""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple


class Bill(NamedTuple):
    """What labels cost; None where no price, or no pace, is known."""

    dollars: float | None
    hours: float | None

    @property
    def words(self) -> str:
        """Such as "48 dollars and 3.1 hours"; "" where nothing is known."""
        known = []
        if self.dollars is not None:
            known.append(f"{_two_digits(self.dollars)} dollars")
        if self.hours is not None:
            short = self.hours < 1
            known.append(
                f"{_two_digits(60 * self.hours)} minutes" if short else f"{_two_digits(self.hours)} hours"
            )
        return " and ".join(known)


@dataclass(frozen=True)
class Cost:
    """What one label costs: its price in dollars, and the working time until it is there."""

    dollars: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if not all(one is None or 0 <= one < inf for one in (self.dollars, self.seconds)):
            raise ValueError(
                f"costs must not be negative, got {self.dollars} dollars, {self.seconds} seconds"
            )

    def of(self, labels: int) -> Bill:
        """Return the bill for so many labels."""
        return Bill(
            None if self.dollars is None else self.dollars * labels,
            None if self.seconds is None else self.seconds * labels / 3600,
        )


UNKNOWN = Cost()


def _two_digits(value: float) -> str:
    return f"{value:.1f}" if 0 < value < 10 else f"{float(f'{value:.2g}'):,.0f}"
