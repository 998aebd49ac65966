"""Whether forecasts of 4,000 public curves come true, and bands keep their word."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainer.curves import backtest, instances
from trainer.curves.backtest import METHODS, Said
from trainer.curves.forecast import forecast
from trainer.curves.instances import Instance
from workbench.benchmarks.curves import public
from workbench.benchmarks.registry import Verdict, check

FILE, REFERENCE = "lcdb11_extrap_benchmark.npz", "lcdb11_extrap_reference_predictions.npz"
RATIOS = (2, 4, 8)
TIMED = 100  # curves whose whole forecast, as it is stored, is timed
CLOSE = 1e-4  # to the reference predictions


@check
def lcdb(data: Path | None) -> Verdict:
    """4,000 curves of 32 learners (LCDB 1.1) on data sets that no choice about the estimator was made on.

    Sizes N/16 to N with 5, 5, 4, 2 and 1 noisy runs; the truth at 2N, 4N and 8N is the mean of 25 splits.
    Bounds: mean absolute error 2.45, 3.40 and 3.80 points, less than last value and pow3 least squares;
    coverage of the 90 % band 0.86 to 0.95; interval score 21, 30 and 33; 100 ms a forecast; 1e-4 away from
    the predictions of an independent program.
    """
    folder = public.folder(data)
    curves = instances.read(folder / FILE)
    said = backtest.run(curves)
    away = distance(said, folder / REFERENCE)
    milliseconds = median_ms(curves[:: max(len(curves) // TIMED, 1)])
    verdict = judge(said, mae=(2.45, 3.40, 3.80), coverage=(0.86, 0.95), score=(21, 30, 33))
    because = (
        f"{verdict.because}; at most {away:.1e} from the reference predictions; "
        f"{milliseconds:.0f} ms of CPU a whole forecast (median of {TIMED})"
    )
    figures = verdict.figures | {"away": away, "ms": milliseconds}
    return Verdict(verdict.gate and away < CLOSE and milliseconds < 100, because, verdict.table, figures)


def judge(
    said: Said, *, mae: Sequence[float], coverage: tuple[float, float], score: Sequence[float] | None = None
) -> Verdict:
    """Return whether bounds hold at 2, 4 and 8 times the labels, and whether both simple methods lose."""
    groups = [said.at(ratio) for ratio in RATIOS]
    ours, *others = [[float(group.misses(name).mean()) for group in groups] for name in METHODS]
    covered = [group.coverage() for group in groups]
    scores = [group.interval_score() for group in groups]
    held = (
        all(a <= b for a, b in zip(ours, mae, strict=True)),
        all(a < b for other in others for a, b in zip(ours, other, strict=True)),
        all(coverage[0] <= share <= coverage[1] for share in covered),
        score is None or all(a <= b for a, b in zip(scores, score, strict=True)),
    )
    because = (
        f"{len(said.truth)} targets, mean error {_three(ours, 2)} points, "
        f"coverage {_three(covered, 3)}, interval score {_three(scores, 1)} at 2, 4 and 8 times the labels"
    )
    figures = {f"mae_{ratio}x": value for ratio, value in zip(RATIOS, ours, strict=True)}
    return Verdict(all(held), because, tuple(backtest.table(said)), figures)


def _three(values: Sequence[float], digits: int) -> str:
    return " / ".join(f"{value:.{digits}f}" for value in values)


def distance(said: Said, file: Path, every: int = 1) -> float:
    """Return how far median and band lie at most from the stored predictions of the reference program.

    said holds one curve in `every`.
    """
    with np.load(file) as stored:
        rows = np.flatnonzero(stored["split"] == "test")[::every]
        theirs = {name: np.clip(stored[name][rows], 0, 1) for name in ("median", "lo90", "hi90")}
    place, column = said.curve.astype(int), np.log2(said.ratio).astype(int) - 1
    ours = {"median": said.medians[METHODS[0]], "lo90": said.low, "hi90": said.high}
    return float(max(np.abs(ours[name] - theirs[name][place, column]).max() for name in ours))


def median_ms(curves: Sequence[Instance]) -> float:
    """Return the CPU time of a whole forecast, with all quantiles that are stored, as a median."""
    times = []
    for curve in curves:
        began = time.process_time()
        sizes = [int(n) for n in curve.n]
        forecast(sizes, curve.runs, chance_error=curve.chance_error, n_test=1000)
        times.append(1e3 * (time.process_time() - began))
    return float(np.median(times))
