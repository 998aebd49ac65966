"""The estimator of Hoiem et al. 2021 on the paper's own measurements (CIFAR-100, ResNet-18)."""

import json

import numpy as np
import pytest

from tests.trainer import public_curves
from trainer.curves import hoiem


def measured(name):
    """Return the sizes and the errors of their runs, in per cent."""
    rows = json.loads((public_curves.folder() / f"hoiem2021/{name}.json").read_text())
    return [row["num_train_samples"] for row in rows], [row["test_errors"] for row in rows]


@pytest.mark.parametrize(("n", "runs"), [([25], [[70.0]]), ([25, 50], [[70.0]]), ([25, 50], [[70.0], []])])
def test_too_little_is_refused(n, runs):
    with pytest.raises(ValueError, match="two sizes"):
        hoiem.fit(n, runs)


@pytest.mark.parametrize(
    ("name", "exponent", "floor", "scale"),
    [
        ("no_pretr_ft", -0.41, 5.6835, 259.2864),
        ("pretr_ft", -0.57, 12.4808, 194.1902),
        ("no_pretr_linear", -0.84, 78.5058, 120.1197),
        ("pretr_linear", -0.35, 24.4009, 65.2799),
        ("no_pretr_ft_lazy", -0.43, 6.9295, 276.4594),
    ],
)
def test_the_papers_settings(name, exponent, floor, scale):
    found = hoiem.fit(*measured(name))
    assert found[:3] == pytest.approx((floor, scale, exponent), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "e400", "beta400", "noise", "e1600"),
    [("no_pretr_ft", 27.913, 18.228, 12.652, 18.275), ("pretr_ft", 18.864, 7.277, 130.417, 15.377)],
)
def test_error_reliance_and_noise(name, e400, beta400, noise, e1600):
    found = hoiem.fit(*measured(name))
    said = (found.error(400), found.reliance(400), found.noise, found.error(1600))
    assert said == pytest.approx((e400, beta400, noise, e1600), rel=1e-3)


def test_error_of_the_pretrained_linear_head():
    assert hoiem.fit(*measured("pretr_linear")).error(400) == pytest.approx(32.419, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "said", "truth"),
    [
        ("no_pretr_ft", 27.90, 27.92),
        ("pretr_ft", 18.77, 18.88),
        ("no_pretr_linear", 77.32, 79.72),
        ("pretr_linear", 32.60, 32.40),
    ],
)
def test_up_to_200_predicts_400(name, said, truth):
    n, runs = measured(name)
    assert (n[-1], runs[-1]) == (400, [truth])
    assert hoiem.fit(n[:-1], runs[:-1]).error(400) == pytest.approx(said, abs=0.005)


def test_a_planted_law_comes_back():
    n = [25, 50, 100, 200, 400]
    found = hoiem.fit(n, [[20 + 300 * size**-0.5] * 2 for size in n])
    assert found == pytest.approx((20, 300, -0.5, 0), abs=1e-9)


def test_without_repeats_the_noise_is_assumed():
    assert hoiem.fit([25, 50], [[70.0], [60.0]]).noise == hoiem.UNREPEATED_SLOPE
    assert hoiem.noise_slope(np.array([10.0, 20.0]), [[5.0, 5.0], [4.0]]) == 0
