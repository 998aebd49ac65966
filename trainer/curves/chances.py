"""The chance of reaching a target score with more labels, and the labels for a chance."""

from typing import NamedTuple

import numpy as np

from trainer.curves.families import Floats
from trainer.curves.outlook import Quantiles

EARLIER_RISK = 0.5  # of a purchase that another can follow
STEPS_PER_DOUBLING = 16  # four times as fine as a forecast is stored: a chance bends more than a score
CAP = 4  # times the labels of today: the most that one purchase leads to


class Chances(NamedTuple):
    """The chance of reaching a target with n labels, both (T,), from the labels of today on; it never falls.

    More labels do not take a target back that fewer had reached, even where the band grows wider.
    """

    n: Floats
    chance: Floats

    def first(self, share: float) -> float | None:
        """Return the fewest labels whose chance is at least share, interpolated in log n, or None."""
        k = int(np.searchsorted(self.chance, share))
        if k == len(self.n):
            return None
        if k == 0:
            return float(self.n[0])
        (left, right), (low, high) = np.log(self.n[k - 1 : k + 1]), self.chance[k - 1 : k + 1]
        return float(np.exp(left + (right - left) * (share - low) / (high - low)))

    def at(self, n: float) -> float:
        """Return the chance with n labels, interpolated in log n."""
        return float(np.interp(np.log(n), np.log(self.n), self.chance))

    def purchase(self, risk: float, rounds: int, cap: float = CAP) -> tuple[float, bool]:
        """Return how many labels to hold after the next of `rounds` purchases, and if those must suffice.

        Even odds are enough while another round follows, and the last must suffice but for risk; where even
        odds hold today, only more than those are worth buying.  At most cap times the labels of today.
        """
        must_suffice = rounds == 1 or bool(self.chance[0] >= 1 - EARLIER_RISK)
        found = self.first(1 - (risk if must_suffice else EARLIER_RISK))
        return min(float(self.n[-1] if found is None else found), cap * float(self.n[0])), must_suffice


def chances(quantiles: Quantiles, now: float, target: float) -> Chances:
    """Return the chances of a score of at least target, from today's labels to FAR times the largest size."""
    steps = int(np.ceil(max(np.log2(quantiles.n[-1] / now), 0) * STEPS_PER_DOUBLING))
    n = np.geomspace(now, max(quantiles.n[-1], now), steps + 1)
    return Chances(n, np.maximum.accumulate([quantiles.chance(size, target) for size in n]))
