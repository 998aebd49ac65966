"""`python -m trainer.curves.backtest FILE`: how well forecasts of known curves came true.

Every curve is cut at a size, forecast, and compared with what came after: the Bayesian average of this
package, the last value, and a power law by least squares.  FILE is an .npz or a CSV, as docs/curves.md
describes them.  Needs numpy and scipy alone.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.curves import fit, instances
from trainer.curves.families import Floats
from trainer.curves.instances import Instance, Unreadable
from trainer.curves.thinning import thinned

BAND = (0.05, 0.5, 0.95)
RATES = np.geomspace(0.05, 2, 256)  # of the power law; 32 erred by as much, to 0.005 points
SMALLEST_ERROR = 1e-4  # errors below count as this one in the logarithm
METHODS = ("Bayesian average", "last value", "pow3 least squares")


@dataclass(frozen=True)
class Said:
    """What every method said of each of S targets: errors as fractions, (S,) each but curve's number."""

    curve: Floats
    ratio: Floats  # target n / largest n, to the nearest power of two
    truth: Floats
    medians: dict[str, Floats]
    low: Floats  # of the Bayesian average's 90 % band
    high: Floats
    seconds: float  # spent on the Bayesian average

    def at(self, ratio: float) -> "Said":
        """Return what was said of one ratio."""
        rows = self.ratio == ratio
        medians = {name: column[rows] for name, column in self.medians.items()}
        columns = (self.curve[rows], self.ratio[rows], self.truth[rows], medians, self.low[rows])
        return Said(*columns, self.high[rows], self.seconds)

    def misses(self, method: str) -> Floats:
        """Return absolute errors in points (S,)."""
        return np.asarray(100 * np.abs(self.medians[method] - self.truth))

    def coverage(self) -> float:
        """Return the share of truths that lie in the 90 % band."""
        return float(((self.low <= self.truth) & (self.truth <= self.high)).mean())

    def interval_score(self) -> float:
        """Return width plus 20 times what the band missed by, in points, on average; less is better.

        Source: Gneiting & Raftery 2007, "Strictly proper scoring rules", section 6.2.
        """
        under, over = np.maximum(self.low - self.truth, 0), np.maximum(self.truth - self.high, 0)
        return float(100 * (self.high - self.low + 20 * (under + over)).mean())

    def squared_logs(self, method: str) -> Floats:
        """Return squared differences of the errors' logarithms (S,)."""
        said, truth = (np.maximum(column, SMALLEST_ERROR) for column in (self.medians[method], self.truth))
        return np.asarray(np.log(said / truth) ** 2)

    def rmsle(self, method: str) -> float:
        return float(np.sqrt(self.squared_logs(method).mean()))

    def rmsle_by_curve(self, method: str) -> float:
        """Return the mean over curves of each curve's RMSLE (Alabdulmohsin et al. 2022)."""
        squares = self.squared_logs(method)
        return float(np.mean([np.sqrt(squares[self.curve == one].mean()) for one in np.unique(self.curve)]))


def forecast(curve: Instance) -> tuple[Floats, Floats, Floats]:
    """Return the Bayesian average's median and the ends of its 90 % band at the targets, (T,) each."""
    n, runs = thinned(curve.n, curve.runs)
    points = fit.summarize(n, runs, curve.n_test)
    mixture = fit.fit(points, curve.chance_error).at(curve.target_n)
    low, median, high = np.clip(mixture.quantiles(BAND), 0, 1)
    return median, low, high


def last_value(curve: Instance) -> Floats:
    """Return the mean error at the largest size for every target (T,): the simplest forecast of all."""
    return np.full(len(curve.target_n), np.mean(curve.runs[-1]))


def power_law(curve: Instance) -> Floats:
    """Return floor + scale * n^-rate by ordinary least squares, floor and scale not negative: (T,)."""
    errors = np.array([np.mean(run) for run in curve.runs])
    phi = (curve.n / curve.n[-1]) ** -RATES[:, None]
    line = fit.solve_free(phi, errors, np.ones(len(errors)))
    best = int(((errors - line.floor[:, None] - line.scale[:, None] * phi) ** 2).sum(axis=1).argmin())
    return np.asarray(line.floor[best] + line.scale[best] * (curve.target_n / curve.n[-1]) ** -RATES[best])


def run(curves: Sequence[Instance]) -> Said:
    """Forecast every curve; targets without a truth are left out."""
    rows, seconds = [], 0.0
    for number, curve in enumerate(curves):
        began = time.perf_counter()
        median, low, high = forecast(curve)
        seconds += time.perf_counter() - began
        ratio = 2.0 ** np.rint(np.log2(curve.target_n / curve.n[-1]))
        said = [median, last_value(curve), power_law(curve)]
        place = np.full(len(ratio), number)
        rows.append(np.array([place, ratio, curve.truth, low, high, *said])[:, ~np.isnan(curve.truth)])
    place, ratio, truth, low, high, *medians = np.concatenate(rows, axis=1)
    return Said(place, ratio, truth, dict(zip(METHODS, medians, strict=True)), low, high, seconds)


def table(said: Said) -> Iterator[str]:
    """Yield the lines of the table: every method at every ratio, and over all targets."""
    yield f"{'method':<20}{'ratio':>8}{'n':>7}{'MAE':>8}{'median':>8}{'coverage':>10}{'IS90':>8}{'RMSLE':>9}"
    groups = [(f"{ratio:g}x", said.at(ratio)) for ratio in np.unique(said.ratio)] + [("all", said)]
    for method in METHODS:
        for name, group in groups:
            misses = group.misses(method)
            banded = method == METHODS[0]
            band = (
                f"{group.coverage():>10.3f}{group.interval_score():>8.2f}" if banded else f"{'-':>10}{'-':>8}"
            )
            yield (
                f"{method:<20}{name:>8}{len(misses):>7}{misses.mean():>8.2f}{np.median(misses):>8.2f}"
                f"{band}{group.rmsle(method):>9.4f}"
            )
    by_curve = ", ".join(f"{method} {said.rmsle_by_curve(method):.4f}" for method in METHODS)
    yield f"RMSLE of each curve, averaged over curves: {by_curve}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m trainer.curves.backtest", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--every", type=int, default=1, metavar="K", help="take one curve in K (default: all)"
    )
    chosen = parser.parse_args(argv)
    if chosen.every < 1:
        parser.error(f"--every must be at least 1, got {chosen.every}")
    try:
        curves = instances.read(chosen.file, chosen.every)
    except Unreadable as sentence:
        print(sentence, file=sys.stderr)
        return 2
    said = run(curves)
    print(f"{chosen.file}: {len(curves)} curves, {len(said.truth)} targets")
    print("MAE, median (absolute error) and IS90 (interval score of the 90 % band) are in points")
    print("\n".join(table(said)))
    print(f"{1e3 * said.seconds / len(curves):.1f} ms per curve for the Bayesian average")
    return 0


if __name__ == "__main__":
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads us, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the last flush complains again
        code = 0
    sys.exit(code)
