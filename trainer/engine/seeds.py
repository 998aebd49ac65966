"""What several trainings of each of two recipes show: the luck of the seed told from the gain.

Light: numpy only.  A run's seed draws its weights, the order of its batches and its changed pictures; the
labels and the test items are the same for all, so nothing here speaks of other labels or other items.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.engine import intervals
from trainer.engine.intervals import Z90, Interval

LEAST_CHANCE = 0.75  # Bouthillier et al. 2021: a better recipe wins three pairs of four


@dataclass(frozen=True)
class Verdict:
    """How much the other recipe gains on the base in one metric, over pairs of trainings; up is good."""

    pairs: int
    gain: Interval  # 95 %, corrected resampled t
    p_value: float
    wins: Interval  # P(other better than base), 90 %

    @property
    def meaningful(self) -> bool:
        """True where the other recipe wins by more than luck, and often enough to be worth a change."""
        return self.wins.low > 0.5 and self.wins.value >= LEAST_CHANCE

    @property
    def shown(self) -> bool:
        """True if the interval of the gain leaves zero out."""
        return self.gain.low > 0 or self.gain.high < 0


def across(base: Sequence[float], other: Sequence[float], *, n_train: int, n_test: int) -> Verdict:
    """Compare the scores, in [0, 1], of at least two pairs of trainings; base[i] and other[i] make a pair.

    The t test is that of Nadeau & Bengio 2003, "Inference for the generalization error": R trainings share
    their data, so the variance of their mean is (1/R + n_test/n_train) times their variance, not 1/R.
    P(A > B) is of Bouthillier et al. 2021, "Accounting for variance in machine learning benchmarks".  Unlike
    them we take Wilson's interval: a bootstrap of two wins in two pairs would be certain of the third.
    """
    if not len(base) == len(other) >= 2:
        raise ValueError(f"two or more pairs are needed, got {len(base)} and {len(other)} scores")
    gains = np.asarray(other, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    mean, pairs = float(gains.mean()), len(gains)
    # a score moves in steps of about one item: equal gains are equal to half an item, not exactly
    spread = max(float(gains.std(ddof=1)), 1 / (n_test * math.sqrt(12)))
    error = spread * math.sqrt(1 / pairs + n_test / n_train)
    half = intervals.student_quantile(0.975, pairs - 1) * error
    return Verdict(
        pairs=pairs,
        gain=Interval(mean, max(-1.0, mean - half), min(1.0, mean + half)),  # scores lie in [0, 1]
        p_value=2 * (1 - intervals.student_cdf(abs(mean) / error, pairs - 1)),
        wins=intervals.wilson(float((gains > 0).sum() + (gains == 0).sum() / 2), pairs, Z90),
    )
