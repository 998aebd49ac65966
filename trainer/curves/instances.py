"""Curves cut at a size, with what came after: the two file formats that trainer.curves.backtest reads."""

import csv
import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("curve", "n", "error", "repeat", "part")
ARRAYS = ("n", "errors", "target_n", "target_error")


class Unreadable(Exception):
    """A file of curves breaks a rule; the message names the row and the rule, for a person."""


@dataclass(frozen=True)
class Instance:
    """K sizes n (K,) with the errors of their runs, and later sizes (T,) with their true errors.

    Errors are fractions; truth is nan where a curve ends before.  chance_error is the error of guessing.
    """

    name: str
    n: NDArray[np.float64]
    runs: list[list[float]]
    target_n: NDArray[np.float64]
    truth: NDArray[np.float64]
    chance_error: float
    n_test: int | None = None


def read(file: Path, every: int = 1) -> list[Instance]:
    """Return the curves of an .npz or a CSV file, of which one in `every` is taken."""
    try:
        curves = _read_npz(file, every) if file.suffix == ".npz" else _read_csv(file, every)
    except FileNotFoundError:
        raise Unreadable(f"There is no file {file}.") from None
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile, csv.Error) as reason:
        raise Unreadable(f"{file} cannot be read: {reason}.") from reason
    if all(np.isnan(curve.truth).all() for curve in curves):
        raise Unreadable(f"{file} holds no curve with a true error to compare with.")
    return curves


# --- .npz: arrays over I instances


def _read_npz(file: Path, every: int) -> list[Instance]:
    """Read n (I, K), errors (I, K, R) padded with nan, target_n and target_error (I, T).

    chance_error (I,) may be missing, then it is 1.  Of a file with split (I,) the rows "test" are taken.
    """
    try:
        with np.load(file) as stored:
            table = {name: stored[name] for name in stored.files}
    except ValueError as reason:
        raise Unreadable(f"{file} is no archive of plain arrays: {reason}.") from reason
    missing = [name for name in ARRAYS if name not in table]
    if missing:
        raise Unreadable(f"{file} lacks the arrays {', '.join(missing)}; it needs {', '.join(ARRAYS)}.")
    count = len(table["n"])
    if any(len(table[name]) != count for name in (*ARRAYS, "chance_error", "split") if name in table):
        raise Unreadable(f"{file}: all arrays need one row per curve, as n has {count}.")
    rows = np.flatnonzero(table["split"] == "test") if "split" in table else np.arange(count)
    return [_from_row(table, int(row)) for row in rows[::every]]


def _from_row(table: Mapping[str, NDArray[np.generic]], row: int) -> Instance:
    n, errors, target_n, truth = (np.asarray(table[name][row], float) for name in ARRAYS)
    chance = float(table["chance_error"][row]) if "chance_error" in table else 1.0
    if errors.ndim != 2 or len(errors) != len(n) or truth.shape != target_n.shape:
        raise Unreadable(
            f"Row {row}: errors need one list of runs per n, and target_error one entry per target_n."
        )
    runs = [run[~np.isnan(run)].tolist() for run in errors]
    found = Instance(f"row {row}", n, runs, target_n, truth, chance)
    _check(found, f"Row {row}")
    return found


# --- CSV: one line a measurement


class Line(NamedTuple):
    """One measurement of a CSV file."""

    number: int  # in the file, the header is 1
    curve: str
    n: float
    error: float
    repeat: str
    part: str
    chance: float | None
    n_test: int | None


@dataclass
class _Gathered:
    """The lines of one curve."""

    lines: list[Line] = field(default_factory=list)

    def of(self, part: str) -> dict[float, list[float]]:
        """Return the errors of a part by n, ascending."""
        sizes = sorted({line.n for line in self.lines if line.part == part})
        return {n: [line.error for line in self.lines if line.part == part and line.n == n] for n in sizes}


def _read_csv(file: Path, every: int) -> list[Instance]:
    """Read columns curve, n, error, repeat, part ("fit" or "target"); chance and n_test may be there.

    The truth at a target is the mean of its repeats.  chance is the error of guessing; where the column is
    missing the largest error of the fit part stands in, which erred by no more (1,000 curves of LCDB 1.1:
    2.48 / 3.32 / 3.86 points at 2, 4 and 8 times the labels, with chance told 2.49 / 3.32 / 3.86).  n_test is
    the number of test items.
    """
    curves: dict[str, _Gathered] = {}
    seen: dict[tuple[str, float, str, str], int] = {}
    for line in _lines(file):
        key = (line.curve, line.n, line.repeat, line.part)
        if key in seen:
            raise Unreadable(
                f"Row {line.number}: curve, n, repeat and part are those of row {seen[key]}; "
                "every measurement may stand once."
            )
        seen[key] = line.number
        curves.setdefault(line.curve, _Gathered()).lines.append(line)
    return [_from_lines(name, curve) for name, curve in list(curves.items())[::every]]


def _lines(file: Path) -> Iterator[Line]:
    with file.open(newline="", encoding="utf-8-sig") as text:
        table = csv.DictReader(text)
        missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise Unreadable(f"Row 1: the header lacks {', '.join(missing)}; it needs {','.join(COLUMNS)}.")
        for row in table:
            yield _line(table.line_num, row)


def _line(number: int, row: Mapping[str, str | None]) -> Line:
    curve, repeat, part = ((row[name] or "").strip() for name in ("curve", "repeat", "part"))
    if not curve or not repeat:
        raise Unreadable(f"Row {number}: curve and repeat must not be empty.")
    if part not in ("fit", "target"):
        raise Unreadable(f'Row {number}: part must be "fit" or "target", got "{part}".')
    n = _number(number, row, "n", 0, math.inf)
    error = _number(number, row, "error", 0, 1)
    chance = _number(number, row, "chance", 0, 1) if row.get("chance") else None
    items = _number(number, row, "n_test", 0, math.inf) if row.get("n_test") else None
    if n == 0 or chance == 0 or items == 0:
        raise Unreadable(f"Row {number}: n, chance and n_test must be larger than 0.")
    return Line(number, curve, n, error, repeat, part, chance, int(items) if items else None)


def _number(number: int, row: Mapping[str, str | None], name: str, low: float, high: float) -> float:
    try:
        value = float(row[name] or "")
    except ValueError:
        raise Unreadable(f'Row {number}: {name} must be a number, got "{row[name] or ""}".') from None
    if not (math.isfinite(value) and low <= value <= high):
        rule = f"lie in [{low}, {high}]" if math.isfinite(high) else "be positive"
        raise Unreadable(f"Row {number}: {name} must {rule}, got {row[name]}.")
    return value


def _from_lines(name: str, curve: _Gathered) -> Instance:
    fits, targets = curve.of("fit"), curve.of("target")
    place = f'Curve "{name}", from row {curve.lines[0].number} on'
    said = next((line.chance for line in curve.lines if line.chance is not None), None)
    chance = said or max((error for errors in fits.values() for error in errors), default=1.0) or 1.0
    found = Instance(
        name,
        np.array(list(fits)),
        list(fits.values()),
        np.array(list(targets)),
        np.array([np.mean(errors) for errors in targets.values()]),
        chance,
        next((line.n_test for line in curve.lines if line.n_test is not None), None),
    )
    _check(found, place)
    return found


# --- what both must keep


def _check(curve: Instance, place: str) -> None:
    """Raise Unreadable where a curve breaks a rule; place names it."""
    errors = np.array([error for run in curve.runs for error in run] + curve.truth.tolist())
    known = errors[~np.isnan(errors)]
    rules = {
        "at least two sizes must stand in the fit part": len(curve.n) >= 2,
        "sizes must be positive and ascend": bool((curve.n > 0).all() and (np.diff(curve.n) > 0).all()),
        "every size needs the error of at least one run": all(curve.runs),
        "errors must lie in [0, 1]": bool(((known >= 0) & (known <= 1)).all()),
        "the error of guessing must lie in (0, 1]": 0 < curve.chance_error <= 1,
        "at least one target must stand there": len(curve.target_n) > 0,
        "targets must lie beyond the largest size of the fit part": len(curve.n) == 0
        or bool((curve.target_n > curve.n[-1]).all()),
    }
    broken = next((rule for rule, kept in rules.items() if not kept), None)
    if broken:
        raise Unreadable(f"{place}: {broken}.")
