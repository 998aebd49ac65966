import numpy as np
import pytest

from trainer.curves import lure


@pytest.mark.parametrize(
    ("chances", "pool", "said"),
    [
        ([], 10, "1 to 10 items can be picked from 10, got 0"),
        ([0.5] * 3, 2, "1 to 2 items can be picked from 2, got 3"),
        ([0.5, 0.0], 10, "chances must lie in"),
        ([1.1], 10, "chances must lie in"),
        ([float("nan")], 10, "chances must lie in"),
    ],
)
def test_picks_that_make_no_sense(chances, pool, said):
    with pytest.raises(ValueError, match=said):
        lure.weights(chances, pool)


def test_the_published_weights():
    found = lure.weights([0.1, 0.2, 0.15, 0.3], 10)
    assert found == pytest.approx([1, 2 / 3, 6 / 7, 10 / 21], abs=5e-5)


def test_random_picks_weigh_one_each():
    assert lure.weights([1 / 8, 1 / 7, 1 / 6], 8) == pytest.approx([1, 1, 1])


def test_all_items_weigh_one_each():
    assert lure.weights([0.3, 0.4, 1.0], 3).tolist() == [1, 1, 1]


def test_the_mean_loss_of_the_pool_comes_out_where_a_plain_mean_is_biased():
    """Picks favor large losses; 4,000 campaigns of five picks among twelve items, seed 0."""
    rng = np.random.default_rng(0)
    losses = np.linspace(0, 1, 12)
    weighed, plain = [], []
    for _ in range(4000):
        left, picked, chances = list(range(12)), [], []
        for _ in range(5):
            pull = losses[left] + 0.2
            place = rng.choice(len(left), p=pull / pull.sum())
            chances.append(pull[place] / pull.sum())
            picked.append(losses[left.pop(place)])
        plain.append(np.mean(picked))
        weighed.append(np.mean(lure.weights(chances, 12) * picked))
    error = np.std(weighed) / np.sqrt(4000)
    assert abs(np.mean(weighed) - losses.mean()) < 4 * error
    assert np.mean(plain) - losses.mean() > 20 * error
