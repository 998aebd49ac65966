"""Whether bands cover laws that are known, and promise nothing where there is nothing to gain."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from pathlib import Path

import numpy as np

from trainer.curves import fit
from trainer.curves.families import Floats
from workbench.benchmarks.registry import Verdict, check

SIZES = (64, 128, 256, 512, 1024)
TARGETS = np.array([2048.0, 4096.0, 8192.0])
N_TEST, REPEATS, GUESSING = 2000, 2, 0.9
DRAWS = 1500
POINT = 0.01

Law = Callable[[float], float]


@dataclass(frozen=True)
class Drawn:
    """What was said in D draws of a law: median, low and high are (D, 3), gains is (D,)."""

    truth: Floats  # (3,)
    median: Floats
    low: Floats
    high: Floats
    gains: Floats  # the probability of more than a point less error at 4 times the labels

    def coverage(self) -> Floats:
        """Return the share of draws whose 90 % band holds the truth, (3,)."""
        return np.asarray(((self.low <= self.truth) & (self.truth <= self.high)).mean(axis=0))

    def bias(self) -> Floats:
        """Return the median of what was said less the truth, in points, (3,)."""
        return np.asarray(100 * np.median(self.median - self.truth, axis=0))


def power(n: float) -> float:
    return float(0.05 + 0.6 * n**-0.5)


def flat(n: float) -> float:
    return 0.15


def plateau(n: float) -> float:
    """A hard exponential floor, which no band of power laws covers well."""
    return 0.1 + 0.3 * exp(-n / 200)


def draw(law: Law, draws: int, rng: np.random.Generator) -> Drawn:
    """Forecast `draws` curves of a law with binomial noise: 2,000 test items, two runs a size."""
    said = []
    for _ in range(draws):
        runs = [(rng.binomial(N_TEST, law(n), REPEATS) / N_TEST).tolist() for n in SIZES]
        points = fit.summarize(SIZES, runs, N_TEST)
        mixture = fit.fit(points, GUESSING).at(TARGETS)
        low, median, high = mixture.quantiles((0.05, 0.5, 0.95))
        said.append((median, low, high, mixture.below(points.error[-1] - POINT)))
    median, low, high, gains = (np.array(column) for column in zip(*said, strict=True))
    return Drawn(np.array([law(n) for n in TARGETS]), median, low, high, gains[:, 1])


@check
def planted(data: Path | None) -> Verdict:
    """1,500 draws each of a power law, a flat curve and an exponential plateau, 64 to 1,024 labels.

    Bounds: the 90 % band covers the power law at 2, 4 and 8 times the labels in 90 % of draws, with a median
    bias below 0.4 points; the flat curve is said to gain a point at 4 times the labels with more than 0.5
    in at most 6 % of draws, never with more than 0.8.  The plateau is told, and has no bound.
    """
    rng = np.random.default_rng(0)
    laws = (power, flat, plateau)
    found = {law.__name__: draw(law, DRAWS, rng) for law in laws}
    hopeful = float((found["flat"].gains > 0.5).mean())
    held = (
        (found["power"].coverage() >= 0.9).all(),
        (np.abs(found["power"].bias()) < 0.4).all(),
        hopeful <= 0.06,
        found["flat"].gains.max() <= 0.8,
    )
    because = (
        f"the power law was covered in {found['power'].coverage().min():.3f} of {DRAWS} draws or more; "
        f"the flat curve promised a point in {hopeful:.3f}, at most with {found['flat'].gains.max():.2f}"
    )
    return Verdict(bool(all(held)), because, tuple(_table(found)), {"hopeful": hopeful})


def _table(found: dict[str, Drawn]) -> list[str]:
    head = f"{'law':<10}{'draws':>6}{'coverage at 2x, 4x, 8x':>26}{'bias in points':>24}"
    rows = [
        f"{name:<10}{len(drawn.gains):>6}"
        f"{'  '.join(f'{share:.3f}' for share in drawn.coverage()):>26}"
        f"{'  '.join(f'{bias:+.2f}' for bias in drawn.bias()):>24}"
        for name, drawn in found.items()
    ]
    return [head, *rows]
