import numpy as np
import pytest

from trainer.curves import fit
from trainer.curves.families import RatePrior
from trainer.curves.law import law

SIZES = np.array([64, 128, 256, 512, 1024])


def of(errors, **options):
    return law(fit.Points(SIZES, np.asarray(errors), np.full(5, 1e-6)), **options)


def test_a_planted_law_comes_back():
    found = of(0.05 + 0.6 * SIZES**-0.5)
    assert found.error(1024) == pytest.approx(0.05 + 0.6 * 1024**-0.5, abs=2e-4)
    assert found.error(256) == pytest.approx(0.05 + 0.6 * 256**-0.5, abs=1e-3)
    assert found.rate == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("errors", [[0.1, 0.2, 0.3, 0.4, 0.5], [0.3] * 5, [0.0] * 5])
def test_a_curve_that_learns_nothing_promises_nothing(errors):
    found = of(errors)
    assert found.error(1024) - found.error(4096) == pytest.approx(0, abs=0.01)
    assert found.floor >= 0
    assert found.scale >= 0


def test_a_sigmoid_that_pow3_cannot_follow_still_has_a_law():
    found = of(0.9 / (1 + (SIZES / 400) ** 4))
    assert np.isfinite(found).all()


def test_a_tight_prior_decides_the_rate():
    found = of([0.3, 0.25, 0.21, 0.18, 0.16], rates=RatePrior(1.0, 0.01))
    assert found.rate == pytest.approx(1.0, abs=0.1)
