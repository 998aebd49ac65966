import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling import selection

DOUBTS = st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=1, max_size=60).map(np.array)
SEEDS = st.integers(0, 2**32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(DOUBTS, st.integers(1, 80), st.floats(0, 1), SEEDS)
def test_no_row_is_chosen_twice_and_none_is_made_up(doubt, count, share, seed):
    choice = selection.choose(doubt, count, share, rng(seed))
    assert len(set(choice.rows.tolist())) == len(choice.rows) == min(count, len(doubt))
    assert set(choice.rows.tolist()) <= set(range(len(doubt)))


@pytest.mark.parametrize(
    ("count", "share", "rule"), [(0, 0.2, "count"), (5, -0.1, "share"), (5, 1.1, "share")]
)
def test_bad_arguments_are_refused(count, share, rule):
    with pytest.raises(ValueError, match=rule):
        selection.choose(np.ones(9), count, share, rng())


@given(DOUBTS, st.integers(1, 80), st.floats(0, 1), SEEDS)
def test_at_least_the_random_share_is_audit_and_less_than_one_more(doubt, count, share, seed):
    choice = selection.choose(doubt, count, share, rng(seed))
    wanted = share * len(choice.rows)
    assert wanted - 1e-6 <= choice.audit.sum() < wanted + 1


@given(DOUBTS, st.integers(1, 80), SEEDS)
def test_the_rest_are_the_most_doubtful_in_order(doubt, count, seed):
    choice = selection.choose(doubt, count, 0.2, rng(seed))
    picked = np.nan_to_num(doubt[choice.rows[~choice.audit]], nan=-1)
    left = np.nan_to_num(np.delete(doubt, choice.rows), nan=-1)
    assert (np.diff(picked) <= 0).all()
    assert left.max(initial=-1) <= picked.min(initial=2)


def test_audit_samples_are_a_fair_sample_of_all_candidates():
    doubt = np.linspace(0, 1, 40)
    drawn = np.zeros(40)
    for seed in range(1000):
        choice = selection.choose(doubt, 20, 0.2, rng(seed))
        drawn[choice.rows[choice.audit]] += 1
    # 4 of 40 a draw: 100 each, deviation 9.5; doubtful or not
    assert np.abs(drawn - 100).max() < 48


def test_audit_samples_stand_at_any_rank():
    ranks = [
        np.flatnonzero(selection.choose(np.linspace(0, 1, 99), 10, 0.2, rng(s)).audit) for s in range(300)
    ]
    assert set(np.concatenate(ranks).tolist()) == set(range(10))


def test_the_same_seed_chooses_the_same():
    one, two = (selection.choose(np.linspace(0, 1, 99), 30, 0.2, rng(5)) for _ in range(2))
    assert np.array_equal(one.rows, two.rows)
    assert np.array_equal(one.audit, two.audit)


def test_margin_is_one_minus_the_lead():
    probs = np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7], [1.0, 0.0, 0.0]])
    assert selection.margin(probs) == pytest.approx([1.0, 0.5, 0.0])


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=4, max_size=4), min_size=1), st.permutations(range(4)))
def test_margin_knows_no_class_order_and_stays_in_range(rows, order):
    probs = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    doubt = selection.margin(probs)
    assert ((doubt >= 0) & (doubt <= 1)).all()
    assert selection.margin(probs[:, list(order)]) == pytest.approx(doubt)


@given(DOUBTS, st.floats(0, 1), SEEDS)
def test_scores_rise_strictly_with_the_rank_within_zero_and_one(doubt, share, seed):
    choice = selection.choose(doubt, len(doubt), share, rng(seed))
    scores = selection.scores(doubt[choice.rows], choice.audit)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores) > 0).all()


@given(DOUBTS, SEEDS)
def test_a_doubtful_sample_scores_one_minus_its_doubt(doubt, seed):
    choice = selection.choose(doubt, len(doubt), 0.2, rng(seed))
    scores = selection.scores(doubt[choice.rows], choice.audit)
    known = ~choice.audit & ~np.isnan(doubt[choice.rows])
    assert (
        np.abs(scores[known] - (1 - doubt[choice.rows][known])).max(initial=0)
        <= len(doubt) * selection.STEP + 1e-9
    )


@given(st.lists(st.sampled_from("abcde"), min_size=1), SEEDS)
def test_one_of_each_group(groups, seed):
    rows = selection.one_per_group(groups, rng(seed)).tolist()
    assert sorted(groups[row] for row in rows) == sorted(set(groups))
    assert rows == sorted(rows)


def test_any_of_a_group_may_be_the_one():
    assert {selection.one_per_group(list("aaa"), rng(seed)).item() for seed in range(40)} == {0, 1, 2}
