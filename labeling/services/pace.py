"""What a label costs this team: seconds as measured, money as stated."""

from dataclasses import dataclass

import numpy as np

from labeling.models import Annotation, Dataset

TRIMMED = 0.1  # share of the fastest and of the slowest annotations that are left out: pauses and slips
FEWEST = 10  # annotations below which there is no pace
RESAMPLES = 1000
CURRENCIES = ("USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "CAD", "AUD", "BRL")


@dataclass(frozen=True)
class Pace:
    """Seconds per label: the median of n annotations without the extreme tenths, with its 95 % interval."""

    n: int
    seconds: float
    low: float
    high: float
    simulated: bool  # all of them by programs


class InvalidPrice(ValueError):
    """A price that is none; the message says why, for a person."""


def pace(dataset: Dataset) -> Pace | None:
    """Return how long a label takes, people's where there are enough, else programs'; None where unknown.

    Deterministic: its bootstrap has a fixed seed.
    """
    judged = Annotation.objects.filter(
        sample__dataset=dataset, source=Annotation.Source.LABEL_STUDIO, skipped=False, lead_time_s__gt=0
    )
    people = list(judged.filter(annotator__simulated=False).values_list("lead_time_s", flat=True))
    if len(people) >= FEWEST:
        return _of(people, simulated=False)
    programs = list(judged.filter(annotator__simulated=True).values_list("lead_time_s", flat=True))
    return _of(programs, simulated=True) if len(programs) >= FEWEST else None


def _of(seconds: list[float | None], *, simulated: bool) -> Pace:
    kept = np.sort(np.asarray(seconds, dtype=float))
    cut = int(TRIMMED * len(kept))
    kept = kept[cut : len(kept) - cut]
    drawn = np.random.default_rng(0).choice(kept, (RESAMPLES, len(kept)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return Pace(len(kept), float(np.median(kept)), float(low), float(high), simulated)


def set_price(dataset: Dataset, price: float | None, currency: str) -> None:
    """Write down what one label costs; None: nobody says."""
    if price is not None and not 0 <= price <= 10_000:
        raise InvalidPrice(f"The price of a label must lie between 0 and 10,000, got {price:g}.")
    if currency not in CURRENCIES:
        raise InvalidPrice(f"The currency must be one of {', '.join(CURRENCIES)}, got {currency!r}.")
    dataset.label_price, dataset.currency = price, currency
    dataset.save(update_fields=["label_price", "currency"])
