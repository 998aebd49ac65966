"""The demo's own parts: its pictures and its simulated annotators."""

import csv

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from workbench.demo import annotators, digits


def test_the_rule_drops_three_in_four_of_the_rare_digits_only():
    target = load_digits().target
    have = np.bincount(target, minlength=10)
    left = np.bincount(target[digits.kept(target)], minlength=10)
    rare = np.isin(np.arange(10), digits.RARE)
    assert (left[~rare] == have[~rare]).all()
    assert (left[rare] == -(-have[rare] // digits.KEEP_ONE_IN)).all()


def test_pictures_and_table_agree(tmp_path):
    table = digits.write(tmp_path)
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["file"] for row in rows} == {path.name for path in tmp_path.glob("*.png")}
    assert {row["label"] for row in rows} == set("0123456789")
    with Image.open(tmp_path / rows[0]["file"]) as picture:
        assert picture.size == (digits.SIDE, digits.SIDE)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    digits.write(first)
    digits.write(second)
    assert [p.read_bytes() for p in sorted(first.iterdir())] == [
        p.read_bytes() for p in sorted(second.iterdir())
    ]


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_errors_never_draw_the_true_class(classes):
    rows = annotators.wrong_rows(classes)
    assert np.diag(rows).tolist() == [0] * classes
    assert np.allclose(rows.sum(axis=1), 1)


@pytest.mark.parametrize("who", annotators.CREW, ids=lambda who: who.email)
def test_error_rates_are_kept(who):
    n = 4000
    given = np.array([annotators.opinion(who, f"item-{i}", i % 10, 10) for i in range(n)])
    wrong = (given != np.arange(n) % 10).mean()
    spread = np.sqrt(who.error_rate * (1 - who.error_rate) / n)
    assert abs(wrong - who.error_rate) < 4 * spread


def test_an_opinion_hangs_on_annotator_and_picture_alone():
    who, other = annotators.CREW[2], annotators.CREW[1]
    once = [annotators.opinion(who, f"item-{i}", 3, 10) for i in range(300)]
    again = [annotators.opinion(who, f"item-{i}", 3, 10) for i in reversed(range(300))]
    assert once == again[::-1]
    assert once != [annotators.opinion(other, f"item-{i}", 3, 10) for i in range(300)]


def test_passwords_are_made_once_and_kept_to_their_owner(tmp_path):
    made = annotators.passwords(tmp_path / "demo")
    assert made == annotators.passwords(tmp_path / "demo")
    assert made != annotators.passwords(tmp_path / "other")
    assert (tmp_path / "demo/annotators.json").stat().st_mode & 0o077 == 0
