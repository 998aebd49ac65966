import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from labeling import agreement
from labeling.consensus import cohen, measures, reliability, table
from labeling.consensus.table import NOTHING
from tests import toys

# ten subjects, fourteen raters, five categories: the worked example in Wikipedia's "Fleiss' kappa"
VIEWS = [
    *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
    *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
]


def said_of(counts):
    return np.array([np.repeat(np.arange(len(row)), row) for row in counts], dtype=np.int16)


def rng(seed=0):
    return np.random.default_rng(seed)


def world(n=400, error=0.25, missing=0.3, seed=0):
    votes = toys.noisy_votes(n, 4, 3, error, rng(seed))
    said = votes.votes.astype(np.int16)
    said[rng(seed + 1).random(said.shape) < missing] = NOTHING
    return said


def test_nothing_shared_nothing_measured():
    assert measures.agreement(np.array([[0, NOTHING], [NOTHING, 1]], dtype=np.int16), 2, rng()) is None
    assert measures.agreement(np.empty((0, 0), dtype=np.int16), 2, rng()) is None


def test_a_class_that_nobody_names_has_no_figures():
    found = measures.agreement(np.array([[0, 0], [1, 1]], dtype=np.int16), 3, rng())
    assert found.classes[2] == measures.Measures(None, None, None)


def test_fleiss_needs_as_many_opinions_everywhere():
    assert measures.agreement(world(), 3, rng()).overall.fleiss is None
    assert measures.agreement(world(missing=0), 3, rng()).overall.fleiss is not None


def test_fleiss_is_as_published():
    found = measures.agreement(said_of(VIEWS), 5, rng()).overall
    assert (found.fleiss.n, round(found.fleiss.value, 3)) == (10, 0.210)
    assert found.percent.value == pytest.approx(0.378, abs=5e-4)


def test_percent_and_alpha_are_those_of_the_plain_measure():
    said = world()
    plain = agreement.measure([row[row != NOTHING].tolist() for row in said])
    found = measures.agreement(said, 3, rng()).overall
    assert (found.percent.n, found.percent.value) == (plain.items, pytest.approx(plain.pairwise))
    assert found.alpha.value == pytest.approx(plain.alpha)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_class_is_measured_against_all_the_others(number):
    said = world()
    against = np.where(said == NOTHING, NOTHING, said != number).astype(np.int16)
    whole = measures.agreement(against, 2, rng()).overall
    assert measures.agreement(said, 3, rng()).classes[number].alpha.value == pytest.approx(whole.alpha.value)


def test_specific_agreement_by_hand():
    """Of four votes for class 0, two meet another one: the pair agrees, the two others stand alone."""
    found = measures.agreement(np.array([[0, 0], [0, 1], [2, 0], [1, 1]], dtype=np.int16), 3, rng())
    assert found.classes[0].percent[::3] == (pytest.approx(2 / 4), 3)


def test_intervals_hold_the_figure_and_tighten_with_samples():
    few, many = (measures.agreement(world(n), 3, rng()).overall.alpha for n in (100, 10_000))
    assert few.low < few.value < few.high
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(10, rel=0.25)


def test_the_interval_is_that_of_drawing_samples():
    said = world(150, missing=0)
    draws = rng(1).integers(0, 150, (600, 150))
    alphas = [agreement.measure(said[draw].tolist()).alpha for draw in draws]
    found = measures.agreement(said, 3, rng()).overall.alpha
    assert (found.low, found.high) == pytest.approx(np.quantile(alphas, (0.025, 0.975)), abs=0.015)


def test_intervals_cover():
    """Of 200 worlds whose chance to agree is known, about 95 % of the intervals hold it."""
    truth = 0.7**2 + 2 * 0.15**2
    held = []
    for seed in range(200):
        found = measures.agreement(world(150, 0.3, 0, seed), 3, rng(seed)).overall.percent
        held.append(found.low <= truth <= found.high)
    assert 0.90 <= np.mean(held) <= 0.99


def test_equal_generators_give_equal_figures():
    assert measures.agreement(world(), 3, rng(4)) == measures.agreement(world(), 3, rng(4))


def test_kappa_is_that_of_scikit_learn():
    said = world()
    found = cohen.pairs(said, 3, rng())
    both = (said[:, found[0].first] != NOTHING) & (said[:, found[0].second] != NOTHING)
    one, other = said[both, found[0].first], said[both, found[0].second]
    assert found[0].kappa.value == pytest.approx(cohen_kappa_score(one, other))
    assert found[0].classes[2].value == pytest.approx(cohen_kappa_score(one == 2, other == 2))
    assert (found[0].kappa.n, len(found)) == (both.sum(), 6)
    assert found[0].kappa.low < found[0].kappa.value < found[0].kappa.high


def test_kappa_needs_ten_common_samples_and_two_classes():
    assert cohen.pairs(np.zeros((9, 2), dtype=np.int16), 2, rng()) == ()
    same = cohen.pairs(np.zeros((10, 2), dtype=np.int16), 2, rng())[0]
    assert (same.percent.value, same.kappa, same.classes) == (1.0, None, (None, None))


def test_ones_own_word_has_no_part_in_what_the_others_say():
    """Person 0 against 1 and 2: a sample where they agree, one where they are tied, one he judged alone."""
    said = np.array([[1, 0, 0], [1, 0, 1], [1, NOTHING, NOTHING]], dtype=np.int16)
    found = reliability.among_others(said, 2)
    assert found[0].tolist() == [[0, 1], [0, 0]]
    assert found[1].tolist() == [[0, 0], [1, 0]]
    assert found[2].sum() == 0


def test_a_table_is_what_people_said():
    given = table.build({7: {3: "b"}, 5: {1: "a", 3: "a"}}, ["a", "b"])
    assert (given.ids, given.people) == ((7, 5), (1, 3))
    assert given.said.tolist() == [[NOTHING, 1], [0, 0]]
    assert given.votes.tolist() == [1, 2]
    part = given.rows(np.array([True, False]))
    assert (part.ids, part.people, part.said.tolist()) == ((7,), (3,), [[1]])
