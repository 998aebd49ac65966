"""The fast tiers of a curve: heads on fixed vectors, for all its cells at once."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from labeling.progress import Progress, Report, silent
from trainer.curves.design import Cell
from trainer.engine import metrics
from trainer.engine.heads import logistic, mlp, ridge
from trainer.engine.heads.problem import Floats, Problem, Rows

Tier = Literal["ridge", "logistic", "mlp"]
TIERS: tuple[Tier, ...] = ("ridge", "logistic", "mlp")
CONSTANT = 1e-6  # standard deviation: a feature below it tells nothing


class Measured(NamedTuple):
    cell: Cell
    metrics: dict[str, object]  # as metrics.Report.to_json; without the losses where heads only call classes
    receipt: dict[str, object]  # what made it, beside code and machine


class _Fitted(NamedTuple):
    logits: NDArray[np.floating]  # (R, S, M, K)
    receipts: dict[str, NDArray[np.generic]]  # (R, S) by name


def measure(
    tier: Tier,
    vectors: Floats,
    labels: Rows,
    cells: Sequence[Cell],
    test_rows: Rows,
    *,
    n_classes: int,
    report: Report = silent,
) -> Iterator[Measured]:
    """Yield every cell with what its head is worth on the test rows.

    vectors (N, D) and labels (N,) are of all pictures, -1 where there is no label; cells and test_rows hold
    row numbers.  The largest cell of a repeat gives its order: every other must be a prefix of it.
    Bootstraps are drawn by the cell's seed, as is an MLP, so that a cell's figures do not depend on its
    company.

    Vectors are standardized by all rows but the test rows.  A feature's scale is thus the same at all sizes,
    and labels given later do not move it; pictures added later do.
    Raises ValueError where cells are not nested or vectors, labels and rows do not fit, and what report
    raises.
    """
    if tier not in TIERS:
        raise ValueError(f"tier must be one of {', '.join(TIERS)}, got {tier!r}")
    scaled = standardize(vectors, test_rows)
    ascending = sorted(cells, key=lambda cell: (cell.repeat, cell.n))
    repeats = [list(group) for _, group in groupby(ascending, key=lambda cell: cell.repeat)]
    for _, alike in groupby(sorted(repeats, key=lambda own: own[-1].n), key=lambda own: own[-1].n):
        company = list(alike)
        problem = _problem(scaled, labels, company, n_classes)
        fitted = _fit(tier, problem, company, scaled[test_rows], report)
        wanted = [(repeat, cell) for repeat, own in enumerate(company) for cell in own]
        for done, (repeat, cell) in enumerate(wanted):
            report(Progress("measuring the heads", done, len(wanted), {"labels": float(cell.n)}))
            size = problem.sizes.index(cell.n)
            told = _metrics(tier, fitted.logits[repeat, size], labels[test_rows], cell.seed)
            used = {name: part[repeat, size].item() for name, part in fitted.receipts.items()}
            yield Measured(cell, told, {"tier": tier, "scaled_by": len(vectors) - len(test_rows), **used})


def standardize(vectors: Floats, test_rows: Rows) -> NDArray[np.float32]:
    """Return vectors (N, D) with mean 0 and deviation 1 over the rows that are no test rows."""
    others = np.delete(vectors, test_rows, axis=0)
    mean, deviation = others.mean(0, dtype=np.float64), others.std(0, dtype=np.float64)
    return np.asarray((vectors - mean) / np.where(deviation > CONSTANT, deviation, 1), dtype=np.float32)


def _problem(vectors: Floats, labels: Rows, repeats: Sequence[Sequence[Cell]], n_classes: int) -> Problem:
    for own in repeats:
        for cell in own:
            if not np.array_equal(cell.rows, own[-1].rows[: cell.n]):
                raise ValueError(
                    f"the {cell.n} rows of repeat {cell.repeat} are not the first of its {own[-1].n}"
                )
    sizes = sorted({cell.n for own in repeats for cell in own})
    return Problem(vectors, labels, np.stack([own[-1].rows for own in repeats]), tuple(sizes), n_classes)


def _fit(
    tier: Tier, problem: Problem, repeats: Sequence[Sequence[Cell]], asked: Floats, report: Report
) -> _Fitted:
    if tier == "ridge":
        ridges = ridge.fit(problem, report=report)
        return _Fitted(ridges.logits(asked), {"penalty": ridges.penalties})
    if tier == "logistic":
        heads = logistic.fit(problem, report=report)
        penalties = np.full(problem.shape, logistic.PENALTY)
        return _Fitted(heads.logits(asked), {"penalty": penalties, "converged": heads.reached})
    steps = np.array([[mlp.steps(n) for n in problem.sizes]] * len(repeats))
    networks = mlp.fit(problem, _seeds(problem, repeats), report)
    return _Fitted(networks.logits(asked), {"steps": steps})


def _seeds(problem: Problem, repeats: Sequence[Sequence[Cell]]) -> NDArray[np.int64]:
    """Return (R, S) seeds; 0 where the curve has no such cell."""
    seeds = np.zeros(problem.shape, np.int64)
    for repeat, own in enumerate(repeats):
        for cell in own:
            seeds[repeat, problem.sizes.index(cell.n)] = cell.seed
    return seeds


def _metrics(tier: Tier, logits: NDArray[np.floating], labels: Rows, seed: int) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    if tier == "ridge":
        return metrics.of_calls(logits.argmax(1), labels, logits.shape[1], rng)
    probs = torch.from_numpy(logits).double().softmax(1).numpy()
    return metrics.evaluate(probs, labels, rng).to_json()
