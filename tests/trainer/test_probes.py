import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from trainer.engine import probes

RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(size=(3, 6))
X = RNG.normal(size=(400, 6)).astype(np.float32) * [1, 5, 0.2, 1, 1, 30] + 4
SCORES = (X - X.mean(0)) / X.std(0) @ WEIGHT.T
LABELS = (SCORES + RNG.gumbel(size=SCORES.shape)).argmax(1)
TARGETS = nn.functional.one_hot(torch.from_numpy(LABELS), 3).float()


# --- what must not happen


@pytest.mark.parametrize(("x", "targets"), [(X[:3], TARGETS), (X[:, 0], TARGETS), (X[LABELS == 1], None)])
def test_what_cannot_be_solved_is_refused(x, targets):
    targets = TARGETS[torch.from_numpy(LABELS == 1)] if targets is None else targets
    with pytest.raises(ValueError, match="two classes are needed"):
        probes.fit(x, targets)


def test_torchs_generator_is_left_alone():
    before = torch.random.get_rng_state()
    probes.fit(X, TARGETS, penalties=[1e-2])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_vectors_of_one_picture_never_choose_against_each_other():
    twice, pictures = np.concatenate([X, X]), np.tile(np.arange(400), 2)
    once, doubled = (
        probes.fit(x, t, pictures=p)
        for x, t, p in ((X, TARGETS, None), (twice, torch.cat([TARGETS, TARGETS]), pictures))
    )
    assert doubled.penalty == once.penalty
    assert doubled.held_out_accuracy == pytest.approx(once.held_out_accuracy)
    np.testing.assert_allclose(doubled.weight, once.weight, atol=1e-3)


# --- reference


@pytest.mark.parametrize("penalty", [1e-3, 0.1])
def test_it_is_the_logistic_regression_of_scikit_learn(penalty):
    ours = probes.fit(X, TARGETS, penalties=[penalty])
    standard = (X - X.mean(0)) / X.std(0)
    theirs = LogisticRegression(C=1 / (penalty * len(X)), tol=1e-8, max_iter=1000).fit(standard, LABELS)
    np.testing.assert_allclose(ours.predict(X), theirs.predict_proba(standard), atol=2e-3)


# --- invariant


def test_scale_and_origin_of_the_vectors_are_no_matter():
    once, moved = probes.fit(X, TARGETS), probes.fit(X * 7 - 2, TARGETS)
    np.testing.assert_allclose(moved.predict(X * 7 - 2), once.predict(X), atol=1e-3)


def test_a_constant_dimension_does_no_harm():
    with_constant = np.concatenate([X, np.full((400, 1), 3.0)], axis=1)
    found = probes.fit(with_constant, TARGETS)
    np.testing.assert_allclose(found.predict(with_constant), probes.fit(X, TARGETS).predict(X), atol=1e-3)


def test_two_pictures_are_enough():
    found = probes.fit(X[:2], torch.eye(2))
    assert found.predict(X[:2]).argmax(1).tolist() == [0, 1]


# --- determinism and convergence


def test_it_repeats_and_finds_the_planted_classes():
    once, again = probes.fit(X, TARGETS), probes.fit(X, TARGETS)
    assert np.array_equal(once.weight, again.weight)
    right = (once.predict(X).argmax(1) == LABELS).mean()
    assert right >= (SCORES.argmax(1) == LABELS).mean() - 0.02  # the truth is as good as that
    assert once.held_out_accuracy == pytest.approx(right, abs=0.1)


def test_another_loss_is_obeyed():
    rare = torch.tensor([1.0, 1.0, 20.0])
    weighted = probes.fit(X, TARGETS, loss=lambda z, t: nn.functional.cross_entropy(z, t, weight=rare))
    plain = probes.fit(X, TARGETS)
    assert (weighted.predict(X).argmax(1) == 2).sum() > (plain.predict(X).argmax(1) == 2).sum() + 20
