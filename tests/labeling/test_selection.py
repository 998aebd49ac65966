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


def world(seed: int, sizes: tuple[int, ...], sure: float = 0.8):
    """Return doubts and probabilities (N, K) of a model that is right about `sure` of each class."""
    draw = rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    calls = np.where(draw.random(len(truth)) < sure, truth, draw.integers(0, len(sizes), len(truth)))
    probs = np.full((len(truth), len(sizes)), 0.0)
    top = draw.uniform(0.5, 0.99, len(truth))
    probs[:] = ((1 - top) / (len(sizes) - 1))[:, None]
    probs[np.arange(len(truth)), calls] = top
    return selection.margin(probs), probs, truth


MIXES = st.lists(st.integers(0, 30), min_size=3, max_size=3).filter(any).map(np.array)


@given(MIXES, st.floats(0, 1), SEEDS)
def test_a_mix_takes_each_row_once_and_as_many_as_there_are(wanted, share, seed):
    doubt, probs, _ = world(0, (20, 10, 5))
    found = selection.choose_mix(doubt, probs, wanted, share, rng(seed))
    assert len(set(found.rows.tolist())) == len(found.rows) == min(wanted.sum(), 35)
    assert found.audit.sum() >= share * len(found.rows) - 1e-6


def test_a_mix_of_nothing_is_refused():
    doubt, probs, _ = world(0, (20, 10, 5))
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        selection.choose_mix(doubt, probs, np.zeros(3, dtype=int), 0.2, rng())


def test_rare_classes_come_as_they_are_asked_for():
    doubt, probs, truth = world(1, (900, 80, 20))
    rows = selection.choose_mix(doubt, probs, np.array([10, 40, 10]), 0.2, rng()).rows
    taken_for = np.bincount(probs.argmax(1)[rows], minlength=3)
    plain = selection.choose(doubt, 60, 0.2, rng()).rows
    # nearly all of the 12 drawn at random are of the first class: what they hold beyond its ten stays
    assert (taken_for[1:] >= [38, 10]).all()
    assert np.bincount(truth[rows], minlength=3)[2] > np.bincount(truth[plain], minlength=3)[2]


def test_a_class_that_is_never_called_gets_its_likeliest_rows():
    probs = np.tile([0.6, 0.3, 0.1], (50, 1))
    probs[7], probs[9] = [0.5, 0.1, 0.4], [0.5, 0.15, 0.35]
    found = selection.choose_mix(selection.margin(probs), probs, np.array([0, 0, 2]), 0.0, rng())
    assert set(found.rows.tolist()) == {7, 9}


def test_rows_that_no_model_saw_come_last():
    doubt, probs, _ = world(2, (20, 10, 5))
    doubt[:15], probs[:15] = np.nan, np.nan
    found = selection.choose_mix(doubt, probs, np.array([10, 5, 5]), 0.0, rng())
    assert found.rows.min() >= 15


def test_the_drawn_rows_count_towards_the_mix():
    probs = np.tile([0.9, 0.1], (100, 1))
    probs[50:] = [0.1, 0.9]
    found = selection.choose_mix(selection.margin(probs), probs, np.array([20, 20]), 0.5, rng(3))
    assert np.bincount(probs.argmax(1)[found.rows]).tolist() == [20, 20]


def test_a_mix_repeats():
    doubt, probs, _ = world(3, (20, 10, 5))
    first, second = (selection.choose_mix(doubt, probs, np.array([9, 9, 3]), 0.2, rng(4)) for _ in range(2))
    assert first.rows.tolist() == second.rows.tolist()
    assert first.audit.tolist() == second.audit.tolist()


def test_a_mix_is_labeled_in_order_of_doubt():
    doubt, probs, _ = world(4, (20, 10, 5))
    found = selection.choose_mix(doubt, probs, np.array([9, 9, 3]), 0.2, rng(4))
    assert (np.diff(doubt[found.rows[~found.audit]]) <= 0).all()
