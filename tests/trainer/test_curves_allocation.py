import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from trainer.curves import allocation
from trainer.curves.allocation import Slice
from trainer.curves.outlook import Forecast, Law

EVEN = [Slice(Law(0.02, 2, 0.5), 100, pool=400), Slice(Law(0.02, 1, 0.5), 100, pool=400)]
RARE = [Slice(Law(0.02, 2, 0.5), n, pool=8 * n) for n in (300, 200, 30)]

slices = st.lists(
    st.builds(
        Slice,
        st.builds(Law, st.floats(0, 0.3), st.floats(0.1, 3), st.floats(0.1, 1)),
        st.integers(5, 500),
        st.sampled_from([1.0, 1.5, 3.0]),
        st.sampled_from([0.5, 1.0, 2.0]),
        st.integers(0, 400),
    ),
    min_size=2,
    max_size=6,
)


# --- what must not happen


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Slice(Law(0.1, 1, 0), 10), "rate > 0"),
        (Slice(Law(0.1, float("nan"), 0.5), 10), "laws need floor"),
        (Slice(Law(0.1, 1, 0.5), 10, cost=0), "costs must be positive"),
        (Slice(Law(0.1, 1, 0.5), 10, cost=float("nan")), "costs must be positive"),
        (Slice(Law(0.1, 1, 0.5), -1), "not negative"),
        (Slice(Law(0.1, 1, 0.5), 10, weight=0), "one weight positive"),
    ],
)
def test_slices_that_make_no_sense(one, said):
    with pytest.raises(ValueError, match=said):
        allocation.allocate([one], 10)


def test_no_class_no_allocation():
    with pytest.raises(ValueError, match="at least one class"):
        allocation.optimum([], 10)


@pytest.mark.parametrize(
    "bad", [{"budget": 0}, {"fairness": -1}, {"as_it_comes": 1.1}, {"ratio_step": -1}, {"mending": 0.5}]
)
def test_settings_that_make_no_sense(bad):
    with pytest.raises(ValueError, match="budget must be positive"):
        allocation.allocate(EVEN, **{"budget": 10, **bad})


def test_a_pool_without_pictures_sells_none():
    bought = allocation.allocate([one._replace(pool=0) for one in EVEN], 50)
    assert (bought.counts, bought.as_it_comes, bought.left) == ((0, 0), (0, 0), 50)


def test_classes_that_learn_no_more_are_bought_as_the_pool_comes():
    flat = [Slice(Law(0.2, 0, 0.5), 100, pool=300), Slice(Law(0.1, 0, 0.5), 100, pool=100)]
    assert allocation.allocate(flat, 40).as_it_comes == (30, 10)
    np.testing.assert_allclose(allocation.optimum(flat, 40), [30, 10])


def test_no_class_with_a_forecast_no_laws():
    with pytest.raises(ValueError, match="no class has a forecast"):
        allocation.laws([forecast(None)])


def test_a_class_without_a_forecast_borrows_the_medians():
    known = [Law(0.1, 1, 0.4), Law(0.3, 2, 0.2), Law(0.2, 5, 0.3)]
    found = allocation.laws([forecast(law) for law in (known[0], None, *known[1:])])
    assert found == (known[0], Law(0.2, 2, 0.3), *known[1:])


def test_a_class_that_is_always_recognized_has_nothing_to_learn():
    assert allocation.laws([forecast(Law(0.1, 1, 0.4)), forecast(None, 1.0)])[1] == (0, 0, 0.4)


def forecast(law, last_value=0.8):
    return Forecast((), last_value, False, "" if law else "Too few test items.", (), None, law)


# --- reference


@pytest.mark.parametrize(
    ("rates", "scales", "labels", "costs", "budget", "expected"),
    [
        ((0.5, 0.5), (1, 1), (100, 400), (1, 1), 300, (300, 0)),
        ((0.5, 0.5), (2, 1), (100, 100), (1, 1), 800, (513.51, 286.49)),
        ((0.4, 0.2, 0.3), (3, 1.5, 2), (300, 300, 300), (1, 1.5, 1), 3000, (993.69, 659.42, 1017.17)),
    ],
)
def test_published_allocations(rates, scales, labels, costs, budget, expected):
    classes = [Slice(Law(0.07, b, a), s, c) for a, b, s, c in zip(rates, scales, labels, costs, strict=True)]
    found = allocation.optimum(classes, budget, fairness=0)
    np.testing.assert_allclose(found, expected, atol=5e-3)


@settings(deadline=None)  # the machine may be busy
@given(classes=slices, fairness=st.sampled_from([0.0, 0.1, 1.0]))
def test_no_solver_finds_a_better_purchase(classes, fairness):
    budget = 0.6 * sum(one.cost * one.pool for one in classes) + 1e-3
    found = allocation.optimum(classes, budget, fairness)
    costs, pools = np.array([(one.cost, one.pool) for one in classes]).T
    assert costs @ found <= budget * (1 + 1e-9)
    assert (found >= 0).all()
    assert (found <= pools).all()
    start = pools * min(1, budget / max(costs @ pools, 1e-9))
    other = minimize(
        lambda d: loss(classes, d, fairness),
        start,
        bounds=[(0, pool) for pool in pools],
        constraints={"type": "ineq", "fun": lambda d: budget - costs @ d},
        method="SLSQP",
    )
    assert loss(classes, found, fairness) <= loss(classes, np.clip(other.x, 0, pools), fairness) + 1e-5


def loss(classes, bought, fairness):
    """The objective as written in the source, weights with mean 1."""
    weights = np.array([one.weight for one in classes])
    now, then = errors(classes, 0 * np.asarray(bought)), errors(classes, bought)
    mean = np.average(np.minimum(now, 1), weights=weights)
    weights = weights / weights.mean()
    return float(weights @ then + fairness * np.maximum(0, then / mean - 1).sum())


def errors(classes, bought):
    rows = zip(classes, bought, strict=True)
    return np.array([c.law.floor + c.law.scale * (c.labels + d) ** -c.law.rate for c, d in rows])


def test_fairness_moves_labels_to_the_class_that_errs_most():
    classes = [Slice(Law(0.0, 1, 0.5), 400), Slice(Law(0.3, 1, 0.5), 400)]
    np.testing.assert_allclose(allocation.optimum(classes, 200, fairness=0), [100, 100])
    plain, fair = allocation.optimum(classes, 200, fairness=0.1)
    assert fair > 1.5 * plain


# --- the purchase


def test_a_purchase_of_equal_classes_is_the_optimum_beside_its_guard():
    bought = allocation.allocate([one._replace(pool=4000) for one in EVEN], 800, fairness=0)
    np.testing.assert_allclose(bought.counts, [514, 286], atol=1)
    assert (bought.as_it_comes, bought.targeted) == ((400, 400), 1)
    assert bought.ratio == (1, pytest.approx(614 / 386, abs=0.02))


def test_a_fifth_follows_the_pool():
    satisfied = [Slice(Law(0.1, 0, 0.5), 100, pool=300), Slice(Law(0.1, 2, 0.5), 100, pool=100)]
    bought = allocation.allocate(satisfied, 40, fairness=0)
    assert bought.counts == (6, 34)  # 0.2 * 40 * 3/4
    assert bought.as_it_comes == (30, 10)


@pytest.mark.parametrize(("mending", "least"), [(1, 9), (2, 5)])
def test_the_class_ratio_moves_only_so_far(mending, least):
    bought = allocation.allocate(RARE, 200, mending=mending)
    assert bought.ratio[0] == 10
    assert least <= bought.ratio[1] <= least + 0.5
    assert 0 < bought.targeted < 1
    assert sum(bought.counts) == 200
    assert bought.counts[2] > bought.as_it_comes[2]
    assert bought.caution.startswith(f"Held to {100 * bought.targeted:.0f} % of the best mix: the ratio")


def test_a_ratio_grows_by_one_at_most():
    hard = [Slice(Law(0.02, 5, 0.5), 100, pool=4000), Slice(Law(0.02, 0.1, 0.5), 100, pool=4000)]
    assert 1.9 < allocation.allocate(hard, 400).ratio[1] <= 2


def test_less_of_the_best_mix_gains_less():
    """The figures of the docstring: points of mean recall for 200 labels."""
    limits = [{"mending": 1}, {"mending": 2}, {"ratio_step": 1e9}]
    mixes = [allocation.allocate(RARE, 200, **limit) for limit in limits]
    counts = [mixes[0].as_it_comes, *(mix.counts for mix in mixes)]
    gains = [100 * np.mean(errors(RARE, (0, 0, 0)) - errors(RARE, bought)) for bought in counts]
    assert gains == pytest.approx([3.0, 3.4, 5.7, 7.7], abs=0.4)
    assert (mixes[2].targeted, mixes[2].caution) == (1, "")


def test_a_class_without_labels_counts_as_one_of_a_single_label():
    bought = allocation.allocate([*EVEN, Slice(Law(0.02, 2, 0.5), 0, pool=30)], 60, ratio_step=99)
    assert bought.counts[2] == 30
    assert bought.ratio[0] == 100


@settings(deadline=None)  # the machine may be busy
@given(classes=slices, budget=st.integers(1, 800))
def test_purchases_keep_to_money_and_pool(classes, budget):
    classes = [one._replace(cost=1.0) for one in classes]
    bought = allocation.allocate(classes, budget, ratio_step=1e9)
    pool = sum(one.pool for one in classes)
    assert sum(bought.as_it_comes) == min(budget, pool)
    assert sum(bought.counts) == min(budget, pool)
    assert bought.left == pytest.approx(budget - sum(bought.counts), abs=1e-6)
    assert all(0 <= n <= one.pool for n, one in zip(bought.counts, classes, strict=True))


@settings(deadline=None)  # the machine may be busy
@given(classes=slices, budget=st.integers(1, 800))
def test_unequal_costs_leave_less_than_a_picture(classes, budget):
    classes = [one._replace(pool=10_000) for one in classes]
    bought = allocation.allocate(classes, budget, ratio_step=1e9)
    spent = sum(n * one.cost for n, one in zip(bought.counts, classes, strict=True))
    assert budget - 3 * len(classes) <= spent <= budget + 1e-6


def test_the_same_classes_the_same_purchase():
    assert allocation.allocate(RARE, 200) == allocation.allocate(RARE, 200)
