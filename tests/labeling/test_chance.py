import numpy as np
import pytest

from labeling import chance
from labeling.chance import Material, Round

ROUNDS, SIZE, TESTED = 3, 40, 100


def campaign(seed, strategy):
    """Three classes in clouds, one of them rare but in the test; `strategy` picks 32 a round, chance 8."""
    draw = np.random.default_rng(seed)
    labels = np.r_[draw.choice(3, 900, p=[0.55, 0.4, 0.05]), draw.choice(3, 300)]
    vectors = (1.2 * np.eye(3, 8)[labels] + draw.normal(size=(1200, 8))).astype(np.float32)
    before, pool, test = np.arange(40), np.arange(40, 900), np.arange(900, 900 + TESTED)
    rounds = []
    for _ in range(ROUNDS):
        drawn = draw.choice(pool, SIZE // 5, replace=False)
        pool = np.setdiff1d(pool, drawn)
        picked = strategy(pool, labels, draw)[: SIZE - len(drawn)]
        pool = np.setdiff1d(pool, picked)
        rounds.append(Round(picked, drawn))
    return Material(vectors, labels, before, rounds, test)


def by_chance(pool, labels, draw):
    return draw.permutation(pool)


def rare_first(pool, labels, draw):
    return pool[np.argsort(-labels[pool], kind="stable")]


def one_class(pool, labels, draw):
    return pool[np.argsort(labels[pool], kind="stable")]


def judged(seed, strategy):
    return chance.compare(campaign(seed, strategy), np.random.default_rng(seed))


def test_random_against_random_is_claimed_no_more_often_than_it_may():
    claims = [judged(seed, by_chance).shown for seed in range(200)]
    # by the 5 % rule 10 are expected at most, deviation 3.1; ties of 100 test pictures make it fewer
    assert sum(claims) <= 17


def test_the_p_value_is_spread_evenly_where_nothing_is_gained():
    p = np.array([judged(seed, by_chance).p_value for seed in range(200, 300)])
    assert np.abs(np.mean(p) - 0.5) < 0.1 + 0.02  # three and a half deviations; ties push it up


def test_picks_of_a_rare_class_are_shown_to_teach_more():
    verdicts = [judged(seed, rare_first) for seed in range(20)]
    assert sum(one.shown for one in verdicts) >= 8  # by chance one
    assert {(one.labels, one.n_test) for one in verdicts} == {(24, TESTED)}
    assert np.mean([one.gain for one in verdicts]) > 0.05


def test_picks_of_one_class_gain_nothing():
    verdicts = [judged(seed, one_class) for seed in range(20)]
    assert sum(one.shown for one in verdicts) <= 3
    assert np.mean([one.gain for one in verdicts]) < 0


@pytest.mark.parametrize("change", [{"test": np.arange(0)}, {"rounds": []}])
def test_too_little_says_nothing(change):
    assert chance.compare(campaign(0, by_chance)._replace(**change), np.random.default_rng(0)) is None


def test_few_labels_say_nothing():
    given = campaign(0, by_chance)
    few = [Round(one.picked, one.drawn[:6]) for one in given.rounds]  # 18 of each kind
    assert chance.compare(given._replace(rounds=few), np.random.default_rng(0)) is None
