import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from sklearn import metrics as sk

from tests import toys
from trainer.engine import calibration

RNG = np.random.default_rng
COUNTS = np.array([900, 90, 10])


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def planted(n, temperature, seed=0, spread=2.0):
    """Labels follow softmax(z); the model says softmax(T z), so that T mends it."""
    rng = RNG(seed)
    logits = spread * rng.normal(size=(n, 4))
    labels = (softmax(logits).cumsum(1) < rng.random((n, 1))).sum(1)
    return softmax(logits * temperature), np.minimum(labels, 3)


def long_tail(n, counts, seed=0):
    """Pictures whose class is frequent in training look alike: the best calls weigh the classes by counts."""
    rng = RNG(seed)
    labels = rng.choice(len(counts), n, p=counts / counts.sum())
    logits = rng.normal(size=(n, len(counts))) + 1.5 * np.eye(len(counts))[labels]
    return softmax(1.5 * logits + np.log(counts)), labels


# --- what must not happen


def test_a_gain_is_never_measured_on_the_items_that_chose():
    """Probabilities that say nothing: the best tau of all items would promise a gain."""
    rng = RNG(3)
    labels = rng.integers(0, 3, 60)
    found = calibration.fit(rng.dirichlet(np.ones(3), 60), labels, COUNTS, RNG(0))
    assert found.balanced_accuracy.low < 0.05
    assert found.nll.value <= 1.5  # the sureness that is taken away, no more


def test_the_calls_stay_whatever_the_temperature():
    probs, _ = toys.scored()
    assert np.array_equal(calibration.scale(probs, 3.7).argmax(1), probs.argmax(1))


def test_equal_scores_leave_the_calls_alone():
    probs = np.eye(3)[[0, 1, 2]]
    assert calibration.best_tau(probs, np.array([0, 1, 2]), COUNTS) == 0.0


@pytest.mark.parametrize(("right", "end"), [(True, 0.05), (False, 20.0)])
def test_a_model_that_is_always_right_or_wrong_ends_at_the_edge(right, end):
    probs = np.full((6, 2), [0.9, 0.1])
    labels = np.zeros(6, int) if right else np.ones(6, int)
    assert calibration.temperature(probs, labels) == pytest.approx(end)


# --- reference


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_it_recovers_a_planted_temperature(temperature):
    probs, labels = planted(20_000, temperature)
    assert calibration.temperature(probs, labels) == pytest.approx(temperature, rel=0.04)
    assert np.allclose(calibration.scale(probs, temperature), planted(20_000, 1.0)[0])


def test_temperature_against_scipy():
    probs, labels = planted(300, 1.7, seed=1)
    reference = optimize.minimize_scalar(
        lambda t: sk.log_loss(labels, softmax(np.log(probs) / t)), bounds=(0.1, 10), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    assert calibration.temperature(probs, labels) == pytest.approx(reference.x, rel=1e-5)


@given(st.integers(0, 10_000), st.sampled_from(calibration.TAUS))
def test_adjustment_is_the_closed_form(seed, tau):
    probs, _ = toys.scored(n=20, k=3, seed=seed)
    found = calibration.adjust(probs, COUNTS, tau)
    weighted = probs / (COUNTS / 1000) ** tau
    assert np.allclose(found, weighted / weighted.sum(1, keepdims=True))
    assert np.array_equal(found.argmax(1), (np.log(probs) - tau * np.log(COUNTS / 1000)).argmax(1))


def test_a_class_without_labels_counts_as_one_with_a_single_label():
    probs, _ = toys.scored(n=20, k=3)
    found = calibration.adjust(probs, np.array([9, 0, 1]), 1.0)
    assert np.allclose(found, calibration.adjust(probs, np.array([9, 1, 1]), 1.0))


# --- determinism and convergence


def test_a_planted_long_tail_is_mended():
    """Balanced classes at the test: tau = 1 is right by construction, and the gain is shown."""
    probs, labels = long_tail(4000, COUNTS)
    found = calibration.fit(probs, labels, COUNTS, RNG(0))
    assert found.tau in (0.5, 1.0, 1.5)
    assert found.balanced_accuracy.low > 0.05


def test_a_model_that_is_too_sure_is_mended_and_the_gain_shown():
    probs, labels = planted(1000, 3.0)
    found = calibration.fit(probs, labels, np.ones(4, int), RNG(0))
    assert found.temperature == pytest.approx(3.0, rel=0.25)
    assert found.nll.low > 0


def test_the_same_rng_gives_the_same_fit():
    probs, labels = planted(200, 2.0)
    first, again = (calibration.fit(probs, labels, np.ones(4, int), RNG(7)) for _ in range(2))
    assert first == again


def test_few_items_are_enough_to_not_fail():
    probs, labels = planted(2, 1.0)
    assert calibration.fit(probs, labels, np.ones(4, int), RNG(0)).tau in calibration.TAUS
