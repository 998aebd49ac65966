import numpy as np
import pytest

from labeling.consensus import dawid_skene
from labeling.consensus.table import NOTHING
from tests import toys


def planted(n=2000, seed=0):
    """Five people of three classes: one is careless, one always takes class 1 for class 2."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    errors = [0.05, 0.1, 0.1, 0.6]
    said = [np.where(rng.random(n) < e, (truth + rng.integers(1, 3, n)) % 3, truth) for e in errors]
    said.append(np.where(truth == 1, 2, truth))
    table = np.stack(said, axis=1).astype(np.int16)
    table[rng.random(table.shape) < 0.3] = NOTHING
    kept = (table != NOTHING).any(axis=1)
    return table[kept], truth[kept]


def own(said):
    return np.zeros(said.shape[1], dtype=bool)


@pytest.mark.parametrize(
    ("said", "k", "pooled", "smoothing", "rule"),
    [
        ([[NOTHING, NOTHING]], 2, [False, False], 0.01, "at least one opinion"),
        ([[0, 2]], 2, [False, False], 0.01, "class numbers"),
        ([[0, -2]], 2, [False, False], 0.01, "class numbers"),
        ([[0, 1]], 2, [False], 0.01, "mark each of 2"),
        ([[0, 1]], 2, [False, False], 0.0, "positive"),
    ],
)
def test_senseless_opinions_are_refused(said, k, pooled, smoothing, rule):
    with pytest.raises(ValueError, match=rule):
        dawid_skene.fit(np.array(said, dtype=np.int16), k, pooled=np.array(pooled), smoothing=smoothing)


def test_planted_errors_are_found():
    said, truth = planted()
    found = dawid_skene.fit(said, 3, pooled=own(said))
    votes = np.stack([(said == k).sum(axis=1) for k in range(3)], axis=1)
    assert (found.weighed.labels == truth).mean() > (votes.argmax(axis=1) == truth).mean() + 0.01
    assert found.confusion[4, 1] == pytest.approx([0, 0, 1], abs=0.03)
    assert found.weighed.quality == pytest.approx([0.95, 0.9, 0.9, 0.4, 0.667], abs=0.04)


@pytest.mark.parametrize("pooled", [np.zeros(5, bool), np.ones(5, bool), np.arange(5) > 2])
def test_chances_are_chances(pooled):
    found = dawid_skene.fit(planted(200)[0], 3, pooled=pooled)
    assert found.posterior.sum(axis=1) == pytest.approx(1)
    assert found.confusion.sum(axis=2) == pytest.approx(1)
    assert found.prior.sum() == pytest.approx(1)
    assert found.confusion.shape == (5, 3, 3)


def test_who_shares_a_matrix_is_trusted_alike():
    said, _ = planted(300)
    quality = dawid_skene.fit(said, 3, pooled=np.array([True, True, False, True, False])).weighed.quality
    assert quality[0] == quality[1] == quality[3]
    assert len({*quality.tolist()}) == 3


def test_order_of_people_and_samples_does_not_matter():
    said, _ = planted(300)
    rows, columns = np.random.default_rng(1).permutation(len(said)), [3, 1, 0, 4, 2]
    once = dawid_skene.fit(said, 3, pooled=own(said))
    again = dawid_skene.fit(said[rows][:, columns], 3, pooled=own(said))
    assert again.posterior == pytest.approx(once.posterior[rows], abs=1e-5)
    assert again.confusion == pytest.approx(once.confusion[columns], abs=1e-5)


def test_the_same_opinions_give_equal_bits():
    said, _ = planted(300)
    once, again = (dawid_skene.fit(said, 3, pooled=own(said)) for _ in range(2))
    assert (once.posterior == again.posterior).all()


def test_one_round_by_hand():
    """Two samples, two people who agree: each class has the half, and both are nearly always right."""
    found = dawid_skene.fit(np.array([[0, 0], [1, 1]], dtype=np.int16), 2, pooled=np.zeros(2, bool))
    right = 1.01 / 1.02
    assert found.confusion == pytest.approx(
        np.tile([[right, 1 - right], [1 - right, right]], (2, 1, 1)), abs=1e-4
    )
    assert found.posterior[0, 0] == pytest.approx(right**2 / (right**2 + (1 - right) ** 2), abs=1e-5)


def test_fifty_labels_earn_a_matrix():
    said = np.full((50, 2), NOTHING, dtype=np.int16)
    said[:, 0], said[:49, 1] = 0, 0
    assert dawid_skene.few(said).tolist() == [False, True]


def test_many_alike_people_come_near_the_truth():
    world = toys.noisy_votes(500, 15, 4, 0.4, np.random.default_rng(0))
    found = dawid_skene.fit(world.votes.astype(np.int16), 4, pooled=np.zeros(15, bool))
    assert (found.weighed.labels == world.truth).mean() > 0.94
