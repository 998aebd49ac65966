"""Which trainings make a curve: nested, class-stratified subsets of geometric sizes, each with its key."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

SMALLEST = 16  # labels: below, a curve shows luck
SMALLEST_PER_CLASS = 5
STEP = 2**0.25  # factor between sizes below which two of them tell the same
THIN_PER_CLASS = 8  # labels: a curve whose smallest size has fewer leaves that size out,
FEWEST_KEPT = 4  # but keeps this many sizes


@dataclass(frozen=True)
class Preset:
    """Sizes stand `factor` apart, the largest is everything; repeats[k] trainings at the k-th, ascending."""

    factor: float
    repeats: tuple[int, ...]


# Repeats at the large sizes pay: at equal cost 2,2,2,2,2 erred by 1.78 points at twice the data, the plan of
# Hoiem et al. (5,5,4,2,1) by 2.04, one each by 2.17 (2,500 curves of LCDB 1.1).
PRESETS: Mapping[str, Preset] = {
    "quick": Preset(4, (1, 1, 1)),
    "standard": Preset(2, (2, 2, 2, 2, 2)),
    "thorough": Preset(2, (1, 1, 2, 3, 3)),
}


@dataclass(frozen=True)
class Cell:
    """One training of a curve: on `rows` (n,) of the labeled pool, in training order."""

    n: int
    repeat: int
    seed: int
    rows: Rows


def sizes(total: int, classes: int, preset: Preset) -> tuple[int, ...]:
    """Return ascending sizes up to `total` labels, at most one per entry of preset.repeats.

    Where the smallest of five would hold fewer than 8 labels per class it is left out.  Where the smallest
    would still fall under max(16, 5 per class), the sizes stand closer together instead.
    Raises ValueError where not even two sizes fit.
    """
    smallest = max(SMALLEST, SMALLEST_PER_CLASS * classes)
    if total < 2 * smallest:
        raise ValueError(f"a curve of {classes} classes needs at least {2 * smallest} labels, got {total}")
    steps = len(preset.repeats) - 1
    if steps >= FEWEST_KEPT and total / preset.factor**steps < THIN_PER_CLASS * classes:
        steps -= 1
    factor = min(preset.factor, (total / smallest) ** (1 / steps))
    return tuple(sorted({round(total / factor**k) for k in range(steps + 1)}))


def cells(
    keys: Sequence[str],
    labels: Rows,
    sizes: Sequence[int],
    repeats: Sequence[int],
    *,
    seed: int,
    since: Sequence[Rows] = (),
) -> list[Cell]:
    """Return every training of a curve, small sizes first, repeat after repeat.

    `since` names the rows of each earlier curve that this one continues, the first one's first: its labels
    keep their order and the new ones follow, so that the cells of the earlier curves stay what they were.

    keys and labels (N,) name the labeled pool; the order of its rows does not matter.  Subsets of one
    repeat are nested; each repeat draws its own order.  Seeds depend on (seed, n, repeat) alone, so two
    recipes on one design are paired.
    """
    if len(sizes) != len(repeats):
        raise ValueError(
            f"every size needs its number of repeats: {len(sizes)} sizes, {len(repeats)} repeats"
        )
    parts = _parts(len(keys), since)
    orders = [_order(keys, labels, parts, (seed, repeat)) for repeat in range(max(repeats))]
    return [
        Cell(n, repeat, _training_seed(seed, n, repeat), orders[repeat][:n])
        for repeat in range(max(repeats))
        for n, times in zip(sizes, repeats, strict=True)
        if repeat < times
    ]


def _parts(total: int, since: Sequence[Rows]) -> list[Rows]:
    """Return the rows that came with each curve, in the order of the curves; every row once."""
    parts, taken = [], np.zeros(total, dtype=np.bool_)
    for rows in (*since, np.arange(total)):
        fresh = rows[~taken[rows]]
        taken[fresh] = True
        parts.append(fresh)
    return [part for part in parts if len(part)]


def _order(keys: Sequence[str], labels: Rows, parts: Sequence[Rows], seed: tuple[int, int]) -> Rows:
    """Return all rows, part after part, each stratified in itself."""
    found = []
    for number, rows in enumerate(parts):
        rng = np.random.default_rng([*seed, number] if number else seed)
        found.append(rows[order([keys[row] for row in rows], labels[rows], rng)])
    return np.concatenate(found)


def longer(sizes: Sequence[int], total: int) -> tuple[int, ...]:
    """Return the sizes of a curve that goes on to `total` labels: the known ones, doublings, and the end.

    A last size within STEP of a known one takes no training of its own.
    """
    found = list(sizes)
    while 2 * found[-1] <= total / STEP:
        found.append(2 * found[-1])
    return (*found, total) if total > STEP * found[-1] else tuple(found)


def _training_seed(seed: int, n: int, repeat: int) -> int:
    return int(np.random.SeedSequence([seed, n, repeat]).generate_state(1, np.uint32)[0])


def order(keys: Sequence[str], labels: Rows, rng: np.random.Generator) -> Rows:
    """Return all rows so that every prefix of length n holds n * share items of each class, within one."""
    by_key = np.argsort(np.asarray(keys), kind="stable")
    shuffled = by_key[rng.permutation(len(by_key))]
    _, numbers, counts = np.unique(labels[shuffled], return_inverse=True, return_counts=True)
    queues = [iter(shuffled[numbers == number]) for number in range(len(counts))]
    return np.array([next(queues[number]) for number in _turns(counts)], dtype=np.int64)


def _turns(counts: Rows) -> list[int]:
    """Return which class gives the next item, N times.

    Source: Tijdeman 1980, "The chairman assignment problem": among the classes that are owed enough, the
    one whose deadline comes first; every prefix then stays within 1 - 1/(2K - 2) of its due shares.
    """
    if len(counts) == 1:
        return [0] * int(counts[0])
    shares, given, turns = counts / counts.sum(), np.zeros(len(counts)), []
    slack = 1 / (2 * len(counts) - 2)
    for turn in range(1, int(counts.sum()) + 1):
        owed = (turn * shares - given >= slack - 1e-9) & (given < counts)
        deadline = np.where(owed, (given + 1 - slack) / shares, np.inf)
        chosen = int(np.argmin(deadline))
        given[chosen] += 1
        turns.append(chosen)
    return turns


def long_tail(largest: int, classes: int, factor: float) -> tuple[int, ...]:
    """Return exponentially falling class counts, the first one largest, the last one largest / factor.

    Source: Cui et al. 2019, "Class-balanced loss based on effective number of samples": long-tailed CIFAR.
    """
    if classes < 2 or largest < 1 or factor < 1:
        raise ValueError(f"need 2 classes, 1 item, a factor of 1 or more; got {classes}, {largest}, {factor}")
    return tuple(int(largest * factor ** (-k / (classes - 1)) + 1e-9) for k in range(classes))


def held_out_key(keys: Sequence[str], labels: Sequence[str]) -> str:
    """Return the name of a test set: its items and their labels, in any order."""
    return _hash(sorted(zip(keys, labels, strict=True)))


def cell_key(
    test_set: str, keys: Sequence[str], labels: Sequence[str], recipe: Mapping[str, object], seed: int
) -> str:
    """Return the name of a training; equal names mean equal results, so it need not run twice.

    keys and labels are those of its subset, in training order; recipe is its JSON form.
    """
    return _hash([test_set, list(zip(keys, labels, strict=True)), recipe, seed])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
