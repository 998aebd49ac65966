"""What advisers may know, and what they may say.  Plain values, gathered once and read by all."""

from dataclasses import dataclass

from trainer.curves.outlook import Outlook


@dataclass(frozen=True)
class ClassCount:
    """One class: its labels that may be trained on, and those that measure."""

    name: str
    train: int
    test: int


@dataclass(frozen=True)
class Trial:
    """What changing the training data gained: one training with and one without, all else equal.

    gain, low and high are fractions of the metric, up is good; low and high the 95 % interval.
    """

    augments: bool  # pictures were changed
    rebalances: bool  # rare classes were drawn more often
    metric: str
    n: int  # test items, the same for both
    labels: int  # that both were trained on
    gain: float
    low: float
    high: float


@dataclass(frozen=True)
class Facts:
    """What is known of a dataset when advice is asked for."""

    classes: tuple[ClassCount, ...]
    pool: int  # pictures that may be labeled and are not
    queued: int  # of these: already in an annotators' queue
    shared: int  # samples with two opinions or more
    disputed: int  # of these: people differ
    curve: Outlook | None  # of accuracy, the latest that is finished
    curve_coming: bool  # a newer one is being computed
    trials: tuple[Trial, ...]  # latest first

    @property
    def labels(self) -> int:
        """Labels that may be trained on."""
        return sum(count.train for count in self.classes)

    @property
    def first_labels(self) -> int:
        """Labels below which a model chooses worse than chance, and a curve spans too little."""
        return max(10 * len(self.classes), 200)

    def trial(self, metric: str, *, augments: bool, rebalances: bool) -> Trial | None:
        """Return the latest trial of exactly these changes."""
        asked = (metric, augments, rebalances)
        found = (trial for trial in self.trials if (trial.metric, trial.augments, trial.rebalances) == asked)
        return next(found, None)


@dataclass(frozen=True)
class Suggestion:
    """What one adviser says.  gain, low and high are fractions; None where nothing was measured."""

    adviser: str
    action: str  # a sentence that begins with a verb
    because: str
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None  # of the interval, e.g. 0.9
    n: int | None = None  # items that the interval rests on
    labels: int | None = None  # labels that it asks for, of pictures that are there

    @property
    def shown(self) -> bool:
        """True unless the interval holds zero: then the gain is "not shown"."""
        return self.low is None or self.high is None or not self.low <= 0 <= self.high


def points(gain: float) -> str:
    """Return a difference as advice writes it, e.g. "+1.2"."""
    return f"{100 * gain:+.1f}"
