"""The training benchmark at a size that takes seconds: both sides learn from the same files."""

import numpy as np
import pytest
from PIL import Image

from workbench.benchmarks import registry
from workbench.benchmarks.training import digits, epoch, photographs, plain_loop, sides

PREFIX = "workbench.benchmarks."


def size_of(file):
    with Image.open(file) as image:
        return image.size


def test_the_gate_allows_half_a_point_and_no_more():
    assert sides.holds([0.90, 0.92], [0.91, 0.92])
    assert not sides.holds([0.90, 0.90], [0.91, 0.91])


def test_the_peer_changes_pictures_in_training_only(tmp_path):
    pictures = digits.write(tmp_path / "train", 4, test=False)
    rng = np.random.default_rng(0)
    plain = plain_loop.Folder(pictures, digits.SIDE, rng, train=False)
    changed = plain_loop.Folder(pictures, digits.SIDE, rng)
    assert (plain[0][0] == plain[0][0]).all()
    assert not (changed[0][0] == plain[0][0]).all()
    assert changed[0][0].shape == (3, digits.SIDE, digits.SIDE)


def test_photographs_are_large_and_the_peer_shrinks_them(tmp_path):
    pictures = digits.write_photographs(tmp_path / "train", 3, test=False)
    sizes = [side for file in pictures.files for side in size_of(file)]
    assert len(set(sizes)) > 2
    assert all(digits.LEAST <= side <= digits.MOST for side in sizes)
    image, _ = plain_loop.Folder(pictures, 64, np.random.default_rng(0), train=False)[0]
    assert image.shape == (3, 64, 64)


@pytest.mark.parametrize("measured", [epoch, photographs], ids=["epoch", "photographs"])
def test_both_sides_are_measured_and_told(measured, monkeypatch):
    for name, value in (("TRAINED", 64), ("TESTED", 40), ("EPOCHS", 1), ("REPEATS", 1)):
        monkeypatch.setattr(measured, name, value)
    (outcome,) = (
        benchmark.measure() for benchmark in registry.find([measured.__name__.removeprefix(PREFIX)])
    )
    assert len(outcome.ours.cpu_s) == len(outcome.peer.cpu_s) == 1
    assert outcome.because.startswith("accuracy ")
    assert outcome.ratio == pytest.approx(outcome.peer.cpu_s[0] / outcome.ours.cpu_s[0])
