"""The chance of reaching a target score with more labels, and the labels for a chance."""

from typing import NamedTuple

import numpy as np

from trainer.curves.families import Floats
from trainer.curves.outlook import Quantiles

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

    def total(self, now: float, risk: float, cap: float = CAP) -> float:
        """Return how many labels to hold after a purchase: enough but for risk, at most cap times today's."""
        found = self.first(1 - risk)
        return min(self.n[-1] if found is None else found, cap * now)


def chances(quantiles: Quantiles, now: float, target: float) -> Chances:
    """Return the chances of a score of at least target, from today's labels to FAR times the largest size."""
    n = np.array([now, *(size for size in quantiles.n if size > now)], float)
    return Chances(n, np.maximum.accumulate([quantiles.chance(size, target) for size in n]))
