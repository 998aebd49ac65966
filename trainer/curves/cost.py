"""What labels cost in money and in time, with its words."""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple


class Bill(NamedTuple):
    """What labels cost; None where no price, or no pace, is known."""

    money: float | None
    hours: float | None

    currency: str = "USD"

    @property
    def words(self) -> str:
        """Such as "48 dollars and 3.1 hours"; "" where nothing is known."""
        known = []
        if self.money is not None:
            unit = "dollars" if self.currency == "USD" else self.currency
            known.append(f"{_two_digits(self.money)} {unit}")
        if self.hours is not None:
            short = self.hours < 1
            known.append(
                f"{_two_digits(60 * self.hours)} minutes" if short else f"{_two_digits(self.hours)} hours"
            )
        return " and ".join(known)


@dataclass(frozen=True)
class Cost:
    """What one label costs: its price, and the working time until it is there."""

    price: float | None = None
    seconds: float | None = None
    currency: str = "USD"  # ISO 4217

    def __post_init__(self) -> None:
        if not all(one is None or 0 <= one < inf for one in (self.price, self.seconds)):
            raise ValueError(
                f"costs must not be negative, got {self.price} {self.currency}, {self.seconds} seconds"
            )

    def of(self, labels: int) -> Bill:
        """Return the bill for so many labels."""
        return Bill(
            None if self.price is None else self.price * labels,
            None if self.seconds is None else self.seconds * labels / 3600,
            self.currency,
        )


UNKNOWN = Cost()


def _two_digits(value: float) -> str:
    return f"{value:.1f}" if 0 < value < 10 else f"{float(f'{value:.2g}'):,.0f}"
