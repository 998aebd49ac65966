import numpy as np
import pytest
from scipy.stats import norm

from trainer.curves import advantage, allocation, per_class
from trainer.curves.advantage import Plan
from trainer.curves.allocation import Slice
from trainer.curves.outlook import SHARES, Quantiles
from trainer.curves.per_class import ClassRuns

LABELS, N_TEST, DRAWS = 200, 100, 24
GRID = np.rint(LABELS * 2 ** (np.arange(-16, 17) / 4)).astype(int)
RATE = 0.35


def recall(n, scale):
    return 1 - scale * np.asarray(n, float) ** -RATE


def known(scale, sd=0.01):
    rows = [tuple(norm.ppf(SHARES, recall(n, scale), sd).tolist()) for n in GRID]
    return Quantiles(tuple(GRID.tolist()), tuple(rows))


def said(forecasts, plans):
    return advantage.advantage(forecasts, plans, np.random.default_rng(0))


# --- what must not be said


@pytest.mark.parametrize("plans", [[Plan(200, 50, 50)] * 2, [Plan(200, 0, 0)] * 2])
def test_equal_purchases_show_no_difference(plans):
    found = said([known(1.0), known(0.5)], plans)
    assert found.difference == (0, 0, 0)
    assert not found.shown
    assert found.sentence.endswith(": no difference can be shown.")


def test_no_forecast_no_advantage():
    assert said([None, None], [Plan(200, 50, 50)] * 2) is None


def test_every_forecast_needs_its_plan():
    with pytest.raises(ValueError, match="argument 2 is longer"):
        said([known(1.0)], [Plan(200, 50, 50)] * 2)


def test_classes_without_a_forecast_are_left_out_and_named():
    found = said([known(1.0), None], [Plan(200, 100, 50), Plan(200, 0, 50)])
    assert found.cautions == ("1 class without a forecast left out of the gains.",)
    assert found.targeted.value == pytest.approx(recall(300, 1.0) - recall(200, 1.0), abs=1e-3)


def test_no_gain_is_counted_beyond_reach():
    found = said([known(1.0)], [Plan(200, 5000, 1400)])
    assert found.difference.value == 0
    assert found.cautions == (
        "1 class bought to more than 8 times what was measured: no gain beyond counted.",
    )


def test_where_targeting_would_be_for_nothing_it_is_rarely_called_better():
    """Five classes that learn alike: the allocation follows noise.  Of 60 draws 1 was called better."""
    found, truths = zip(*[simulated(seed, alike=True) for seed in range(DRAWS)], strict=True)
    assert max(truths) <= 0
    assert sum(one.shown for one in found) <= 2


# --- reference and convergence


def test_gains_are_those_of_the_curves():
    found = said([known(1.0), known(0.5)], [Plan(200, 100, 50), Plan(200, 0, 50)])
    targeted = (recall(300, 1.0) - recall(200, 1.0)) / 2
    plain = (recall(250, 1.0) - recall(200, 1.0) + recall(250, 0.5) - recall(200, 0.5)) / 2
    assert found.targeted.value == pytest.approx(targeted, abs=1e-3)
    assert found.as_it_comes.value == pytest.approx(plain, abs=1e-3)
    assert found.difference.value == pytest.approx(targeted - plain, abs=1e-3)


def test_a_difference_is_shown_with_its_band():
    found = said([known(1.0), known(0.01)], [Plan(200, 400, 0), Plan(200, 0, 400)])
    assert found.shown
    assert found.sentence.endswith(f": a difference of {found.difference.words}.")


def test_weights_decide_whose_recall_counts():
    plans = [Plan(200, 100, 0, weight=3), Plan(200, 0, 100, weight=1)]
    found = said([known(1.0), known(1.0)], plans)
    rise = recall(300, 1.0) - recall(200, 1.0)
    assert found.targeted.value == pytest.approx(0.75 * rise, abs=1e-3)
    assert found.as_it_comes.value == pytest.approx(0.25 * rise, abs=1e-3)


def test_planted_gains_lie_in_their_bands():
    """Of 60 draws the bands held 100, 92 and 100 % of the gains and of their difference."""
    found, truths = zip(*[simulated(seed, alike=False) for seed in range(DRAWS)], strict=True)
    inside = [
        one.difference.low <= truth <= one.difference.high for one, truth in zip(found, truths, strict=True)
    ]
    assert np.mean(inside) >= 0.85
    assert np.mean([one.difference.value for one in found]) > 0


def simulated(seed, *, alike):
    """Return what is said of a purchase that follows fitted laws, and its true advantage."""
    rng = np.random.default_rng([seed, 11])
    spread = np.zeros(5) if alike else rng.normal(size=5)
    scales, labels = 0.7 * np.exp(0.4 * spread), np.full(5, LABELS)
    forecasts = per_class.forecasts([measured(scale, rng) for scale in scales])
    slices = [Slice(one.law, LABELS, pool=1000) for one in forecasts]
    bought = allocation.allocate(slices, 500)
    plans = [Plan(*row) for row in zip(labels.tolist(), bought.counts, bought.as_it_comes, strict=True)]
    after = [recall(labels + np.array(counts), scales) for counts in (bought.counts, bought.as_it_comes)]
    return said([one.quantiles for one in forecasts], plans), float(np.mean(after[0] - after[1]))


def measured(scale, rng):
    sizes = tuple(LABELS // 2**k for k in (4, 3, 2, 1, 0))
    errors = [np.clip(scale * n**-RATE, 0, 1) for n in sizes]
    runs = tuple(tuple((rng.binomial(N_TEST, error, 2) / N_TEST).tolist()) for error in errors)
    return ClassRuns("some", sizes, runs, N_TEST)


def test_the_same_generator_the_same_answer():
    plans = [Plan(200, 100, 50), Plan(200, 0, 50)]
    assert said([known(1.0), known(0.5)], plans) == said([known(1.0), known(0.5)], plans)
