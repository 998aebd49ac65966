"""The highest accuracy that can be measured while some labels of the test set are wrong."""

from dataclasses import dataclass

from labeling.quality.errors import FEWEST_AUDITED
from trainer.engine import intervals
from trainer.engine.intervals import Interval


@dataclass(frozen=True)
class Ceiling:
    """What wrong labels in the test set do to every score measured on it; intervals are 95 %.

    `score` is what a faultless model would score.  `shrink` is the share of a true difference between two
    models that is left in the measured one.
    """

    wrong: int
    audited: int
    score: Interval
    shrink: Interval

    @property
    def sentence(self) -> str:
        low, high = (f"{100 * end:.1f}" for end in self.score[1:])
        return (
            f"No model can measure above about {100 * self.score.value:.1f} % (95 %: {low} to {high}): "
            f"{self.wrong} of {self.audited} audited labels were wrong."
        )


def ceiling(wrong: int, audited: int, classes: int) -> Ceiling | None:
    """Return the ceiling from an audit of randomly drawn labels; None below FEWEST_AUDITED items.

    Items must have been drawn at random: among suspicious ones errors are far more common.
    Raises ValueError unless 0 <= wrong <= audited and classes >= 2.
    """
    if not 0 <= wrong <= audited:
        raise ValueError(f"wrong must lie in [0, audited], got {wrong} of {audited}")
    if classes < 2:
        raise ValueError(f"a label can only be wrong among at least 2 classes, got {classes}")
    if audited < FEWEST_AUDITED:
        return None
    return of_rate(intervals.wilson(wrong, audited), wrong, audited, classes)


def of_rate(rate: Interval, wrong: int, audited: int, classes: int) -> Ceiling:
    """Return the ceiling that a rate of wrong labels sets, told with the audit that it comes from.

    With an error rate r whose mistakes fall on the other C - 1 classes alike, a model of true accuracy a is
    measured at r / (C - 1) + a * (1 - r * C / (C - 1)): at 1 - r where a = 1.  Errors that people and model
    share can lift a model above the ceiling.
    """
    spread = classes / (classes - 1)
    return Ceiling(
        wrong,
        audited,
        Interval(1 - rate.value, 1 - rate.high, 1 - rate.low),
        Interval(*(max(0.0, 1 - r * spread) for r in (rate.value, rate.high, rate.low))),
    )
