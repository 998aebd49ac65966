"""The backtest's two formats, its figures and its sentences."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import curve_fit

from trainer.curves import backtest, instances
from trainer.curves.backtest import METHODS, Said
from trainer.curves.instances import Instance, Unreadable

ROOT = Path(__file__).resolve().parents[2]
SIZES = [64, 128, 256, 512, 1024]
HEADER = "curve,n,error,repeat,part"
BLOCKED = """
import runpy, sys
for name in ("django", "torch", "pandas", "sklearn"):
    sys.modules[name] = None
sys.argv = ["backtest", *sys.argv[1:]]
runpy.run_module("trainer.curves.backtest", run_name="__main__")
"""


def law(n):
    return 0.05 + 0.6 * n**-0.5


def rows(curve="a", repeats=2, targets=(2048, 4096), noise=0.0):
    """Lines of a CSV file: a power law whose repeats lie `noise` above and below."""
    fits = [(n, law(n) + noise * (-1) ** repeat, repeat, "fit") for n in SIZES for repeat in range(repeats)]
    later = [(n, law(n), 0, "target") for n in targets]
    return [f"{curve},{n},{error},{repeat},{part}" for n, error, repeat, part in fits + later]


@pytest.fixture
def write(tmp_path):
    def as_csv(lines, header=HEADER):
        file = tmp_path / "curves.csv"
        file.write_text("\n".join([header, *lines]) + "\n")
        return file

    return as_csv


def arrays(count=3, **changed):
    """The arrays of an .npz file of equal power laws, the truth at 8 times missing."""
    errors = np.full((count, 5, 2), np.nan)
    errors[:, :, 0] = [law(n) for n in SIZES]
    targets = np.array([2048, 4096, 8192])
    return {
        "n": np.tile(SIZES, (count, 1)),
        "errors": errors,
        "target_n": np.tile(targets, (count, 1)),
        "target_error": np.tile([law(2048), law(4096), np.nan], (count, 1)),
        "chance_error": np.full(count, 0.9),
    } | changed


@pytest.fixture
def save(tmp_path):
    def as_npz(**stored):
        np.savez(tmp_path / "curves.npz", **stored)
        return tmp_path / "curves.npz"

    return as_npz


# --- what must not happen


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a,zz,0.1,0,fit", 'Row 14: n must be a number, got "zz".'),
        ("a,,0.1,0,fit", 'Row 14: n must be a number, got "".'),
        ("a,0,0.1,0,fit", "Row 14: n, chance and n_test must be larger than 0."),
        ("a,-5,0.1,0,fit", "Row 14: n must be positive, got -5."),
        ("a,inf,0.1,0,fit", "Row 14: n must be positive, got inf."),
        ("a,20,1.1,0,fit", "Row 14: error must lie in [0, 1], got 1.1."),
        ("a,20,-0.1,0,fit", "Row 14: error must lie in [0, 1], got -0.1."),
        ("a,20,nan,0,fit", "Row 14: error must lie in [0, 1], got nan."),
        ("a,20,,0,fit", 'Row 14: error must be a number, got "".'),
        ("a,20,0.1,0,test", 'Row 14: part must be "fit" or "target", got "test".'),
        (",20,0.1,0,fit", "Row 14: curve and repeat must not be empty."),
        ("a,20,0.1", "Row 14: curve and repeat must not be empty."),
        (
            "a,64,0.3,1,fit",
            "Row 14: curve, n, repeat and part are those of row 3; every measurement may stand once.",
        ),
        (
            "b,20,0.1,0,fit",
            'Curve "b", from row 14 on: at least two sizes must stand in the fit part.',
        ),
        (
            "a,1024,0.1,0,target",
            'Curve "a", from row 2 on: targets must lie beyond the largest size of the fit part.',
        ),
    ],
)
def test_a_bad_row_is_named_with_its_rule(line, sentence, write):
    with pytest.raises(Unreadable) as found:
        instances.read(write([*rows(), line]))
    assert str(found.value) == sentence


def test_a_curve_without_a_target_is_named(write):
    with pytest.raises(Unreadable, match='Curve "a", from row 2 on: at least one target must stand there'):
        instances.read(write(rows(targets=())))


@pytest.mark.parametrize(
    ("lines", "header", "sentence"),
    [
        (rows(), "curve,n,error,repeat", "Row 1: the header lacks part; it needs curve,n,error,repeat,part."),
        ([], HEADER, "holds no curve with a true error to compare with."),
    ],
)
def test_a_file_without_columns_or_rows(lines, header, sentence, write):
    with pytest.raises(Unreadable) as found:
        instances.read(write(lines, header))
    assert str(found.value).endswith(sentence)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"errors": np.full((3, 5, 2), 1.5)}, "Row 0: errors must lie in [0, 1]."),
        (
            {"n": np.tile(SIZES[::-1], (3, 1))},
            "Row 0: sizes must be positive and ascend.",
        ),
        (
            {"errors": np.full((3, 5, 2), np.nan)},
            "Row 0: every size needs the error of at least one run.",
        ),
        ({"chance_error": np.zeros(3)}, "Row 0: the error of guessing must lie in (0, 1]."),
        (
            {"target_n": np.tile([512, 2048, 4096], (3, 1))},
            "Row 0: targets must lie beyond the largest size of the fit part.",
        ),
        (
            {"errors": np.full((3, 5), 0.1)},
            "Row 0: errors need one list of runs per n, and target_error one entry per target_n.",
        ),
        ({"chance_error": np.full(2, 0.9)}, "all arrays need one row per curve, as n has 3."),
        (
            {"target_error": np.full((3, 3), np.nan)},
            "holds no curve with a true error to compare with.",
        ),
        ({"n": np.array([[1, 2, 3, 4, None]] * 3)}, "allow_pickle=False."),
    ],
)
def test_bad_arrays_are_named_with_their_rule(changed, sentence, save):
    with pytest.raises(Unreadable) as found:
        instances.read(save(**arrays(**changed)))
    assert str(found.value).endswith(sentence)


def test_missing_arrays_are_named(save):
    whole = arrays()
    with pytest.raises(Unreadable, match=r"lacks the arrays errors, target_n; it needs n, errors, target_n"):
        instances.read(save(n=whole["n"], target_error=whole["target_error"]))


def test_what_is_no_file_or_no_archive(tmp_path):
    with pytest.raises(Unreadable, match=r"There is no file .*absent\.csv\."):
        instances.read(tmp_path / "absent.csv")
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(Unreadable, match=r"broken\.npz is no archive of plain arrays"):
        instances.read(tmp_path / "broken.npz")
    (tmp_path / "bytes.csv").write_bytes(b"curve,n,error,repeat,part\n\xff\xfe,1,0,0,fit\n")
    with pytest.raises(Unreadable, match=r"bytes\.csv cannot be read"):
        instances.read(tmp_path / "bytes.csv")


def test_a_bad_row_ends_with_one_sentence_and_2(write, capsys):
    assert backtest.main([str(write([*rows(), "a,20,1.1,0,fit"]))]) == 2
    assert capsys.readouterr() == ("", "Row 14: error must lie in [0, 1], got 1.1.\n")


def test_none_in_zero_is_refused(write, capsys):
    with pytest.raises(SystemExit) as end:
        backtest.main([str(write(rows())), "--every", "0"])
    assert end.value.code == 2
    assert "--every must be at least 1, got 0" in capsys.readouterr().err


# --- what must happen


def test_a_csv_is_read(write):
    lines = ["b,40,0.3,0,fit", "b,10,0.5,x,fit", "b,10,0.7,y,fit", "b,80,0.2,0,target", "b,80,0.1,1,target"]
    first, second = instances.read(write([*rows(), *lines]))
    assert (first.name, first.n.tolist(), first.chance_error) == ("a", SIZES, pytest.approx(law(64)))
    assert (second.n.tolist(), second.runs) == ([10, 40], [[0.5, 0.7], [0.3]])
    assert (second.target_n.tolist(), second.truth.tolist()) == ([80], [pytest.approx(0.15)])
    assert (second.chance_error, second.n_test) == (0.7, None)


def test_chance_and_test_items_may_be_told(write):
    told = ["0.9", *[""] * (len(rows()) - 1)]
    lines = [f"{line},{chance},500" for line, chance in zip(rows(), told, strict=True)]
    (found,) = instances.read(write(lines, HEADER + ",chance,n_test"))
    assert (found.chance_error, found.n_test) == (0.9, 500)


def test_an_archive_is_read(save):
    split = np.array(["cal", "test", "test"])
    first, _ = instances.read(save(**arrays(), split=split))
    assert (first.name, first.chance_error) == ("row 1", 0.9)
    assert first.runs == [[law(n)] for n in SIZES]
    assert np.isnan(first.truth).tolist() == [False, False, True]


def test_one_curve_in_many_is_taken(write, save):
    lines = [line for name in "abcde" for line in rows(name)]
    assert [curve.name for curve in instances.read(write(lines), 2)] == ["a", "c", "e"]
    assert [curve.name for curve in instances.read(save(**arrays()), 3)] == ["row 0"]


def test_planted_laws_are_forecast_better_than_by_the_last_value(save):
    said = backtest.run(instances.read(save(**arrays())))
    assert said.ratio.tolist() == [2, 4] * 3
    assert said.misses(METHODS[0]).max() < 0.2
    assert said.misses(METHODS[2]).max() < 0.2
    assert said.misses(METHODS[1])[:2] == pytest.approx([100 * (law(1024) - law(n)) for n in (2048, 4096)])
    assert said.coverage() == 1


@pytest.mark.parametrize(
    ("floor", "scale", "rate"),
    [(0.1, 0.02, backtest.RATES[160]), (0.0, 0.03, backtest.RATES[200]), (0.2, 0.0, backtest.RATES[40])],
)
def test_the_power_law_on_its_grid_of_rates_is_exact(floor, scale, rate):
    assert backtest.power_law(power(floor, scale, rate)) == pytest.approx(floor + scale * 2**-rate)


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.7])
def test_the_power_law_is_that_of_scipy(rate):
    curve = power(0.1, 0.05, rate, noise=(0.003, -0.002, 0.001, 0.002, -0.001))
    errors = [run[0] for run in curve.runs]
    x = curve.n / curve.n[-1]
    bounds = ([0, 0, 0.05], [1, 1, 2])
    best, _ = curve_fit(lambda x, c, s, b: c + s * x**-b, x, errors, p0=(0.1, 0.05, 0.5), bounds=bounds)
    assert backtest.power_law(curve) == pytest.approx(best[0] + best[1] * 2 ** -best[2], abs=5e-4)


def power(floor, scale, rate, noise=(0,) * 5):
    """A curve of one run a size, to be forecast at twice the labels."""
    n = np.array(SIZES, float)
    errors = floor + scale * (n / n[-1]) ** -rate + np.array(noise)
    return Instance("", n, [[error] for error in errors], np.array([2048.0]), np.array([0.1]), 0.9)


SAID = Said(
    curve=np.array([0, 0, 1]),
    ratio=np.array([2.0, 4.0, 2.0]),
    truth=np.array([0.10, 0.05, 0.20]),
    medians={name: np.array([0.12, 0.05, 0.16]) for name in METHODS},
    low=np.array([0.08, 0.06, 0.10]),
    high=np.array([0.14, 0.10, 0.18]),
    seconds=0.0,
)


def test_the_figures_by_hand():
    assert SAID.misses(METHODS[0]) == pytest.approx([2, 0, 4])
    assert SAID.coverage() == pytest.approx(1 / 3)
    assert SAID.interval_score() == pytest.approx(100 * ((0.06 + 0.04 + 0.08) + 20 * (0.01 + 0.02)) / 3)
    logs = np.log([1.2, 1.0, 0.8])
    assert SAID.rmsle(METHODS[0]) == pytest.approx(np.sqrt((logs**2).mean()))
    per_curve = [np.sqrt((logs[:2] ** 2).mean()), abs(logs[2])]
    assert SAID.rmsle_by_curve(METHODS[0]) == pytest.approx(np.mean(per_curve))


def test_the_table():
    assert list(backtest.table(SAID))[:5] == [
        "method                 ratio      n     MAE  median  coverage    IS90    RMSLE",
        "Bayesian average          2x      2    3.00    3.00     0.500   27.00   0.2038",
        "Bayesian average          4x      1    0.00    0.00     0.000   24.00   0.0000",
        "Bayesian average         all      3    2.00    2.00     0.333   26.00   0.1664",
        "last value                2x      2    3.00    3.00         -       -   0.2038",
    ]


def test_ratios_are_told_to_the_nearest_power_of_two(write):
    said = backtest.run(instances.read(write(rows(targets=(1300, 1700, 3000, 7000)))))
    assert said.ratio.tolist() == [1, 2, 4, 8]  # 1.27, 1.66, 2.93 and 6.84 times the largest


def test_it_runs_without_django_and_torch(write):
    file = write([line for name in "abc" for line in rows(name, noise=0.004)])
    ended = subprocess.run(
        [sys.executable, "-c", BLOCKED, str(file)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[0] == f"{file}: 3 curves, 6 targets"
    assert "Bayesian average          2x      3" in ended.stdout
    assert ended.stderr == ""


def test_a_reader_who_has_enough_meets_no_traceback(write):
    command = [sys.executable, "-m", "trainer.curves.backtest", str(write(rows()))]
    reads, writes = os.pipe()
    os.close(reads)  # as `head` does when it has its lines
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, text=True)
    os.close(writes)
    assert (done.returncode, done.stderr) == (0, "")
