import numpy as np
import pytest
import torch
from torch import nn

from trainer.engine import losses, recipe
from trainer.engine.recipe import Recipe

COUNTS = np.array([5000, 500, 50])
RNG = np.random.default_rng(0)
LOGITS = torch.from_numpy(RNG.normal(0, 2, (7, 3))).float()
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 1])
HARD = losses.soft(LABELS, 3)
BLENDED = torch.from_numpy(RNG.dirichlet([1, 1, 1], 7)).float()
every_loss = pytest.mark.parametrize("name", recipe.LOSSES)


def loss(name, counts=COUNTS, **more):
    return losses.build(Recipe(loss=name, **more), counts)


# --- what must not happen


@every_loss
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_a_class_without_an_example_gives_finite_numbers(name, size):
    logits = (LOGITS * size).requires_grad_()
    value = loss(name, np.array([30, 0, 1]), focal_gamma=0.5)(logits, losses.soft(LABELS, 3, 0.1))
    value.backward()
    assert value.isfinite()
    assert logits.grad.isfinite().all()


def test_a_class_without_an_example_weighs_nothing_and_the_others_keep_their_sum():
    weights = losses.class_weights(np.array([5000, 0, 50]), 0.999)
    assert weights[1] == 0
    assert weights.sum() == pytest.approx(2)


def test_a_class_without_an_example_counts_as_one_with_one():
    assert losses.log_prior(np.array([8, 0, 1])) == pytest.approx(np.log([0.8, 0.1, 0.1]))


@pytest.mark.parametrize("counts", [[0, 0], [3, -1], [[1, 2]]])
def test_counts_that_count_nothing_are_refused(counts):
    with pytest.raises(ValueError, match=r"counts must be \(K,\), at least 0 and not all 0, got"):
        losses.class_weights(np.array(counts), 0.9)
    with pytest.raises(ValueError, match="counts must be"):
        losses.log_prior(np.array(counts))


def test_a_beta_of_one_is_refused():
    with pytest.raises(ValueError, match=r"beta must lie in \[0, 1\), got 1"):
        losses.class_weights(COUNTS, 1)


# --- reference


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_soft_targets_cost_what_torchs_label_smoothing_costs(smoothing):
    expected = nn.functional.cross_entropy(LOGITS, LABELS, label_smoothing=smoothing)
    torch.testing.assert_close(loss("cross-entropy")(LOGITS, losses.soft(LABELS, 3, smoothing)), expected)


@pytest.mark.parametrize(
    ("beta", "expected"), [(0.9999, (0.0341, 0.2752, 2.6907)), (0.999, (0.1256, 0.3170, 2.5574))]
)
def test_class_weights_of_cui(beta, expected):
    assert losses.class_weights(COUNTS, beta) == pytest.approx(expected, abs=5e-5)


def test_class_weighted_is_torchs_own_with_those_weights():
    weights = torch.from_numpy(losses.class_weights(COUNTS, 0.99)).float()
    each = nn.functional.cross_entropy(LOGITS, LABELS, weight=weights, reduction="none")
    torch.testing.assert_close(loss("class-weighted", class_beta=0.99)(LOGITS, HARD), each.mean())


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_is_its_closed_form(gamma):
    p = LOGITS.double().softmax(1)[range(7), LABELS]
    expected = ((1 - p) ** gamma * -p.log()).mean().float()
    torch.testing.assert_close(loss("focal", focal_gamma=gamma)(LOGITS, HARD), expected)


def test_balanced_softmax_is_its_closed_form():
    weighed = torch.from_numpy(COUNTS) * LOGITS.double().exp()
    expected = -(weighed[range(7), LABELS] / weighed.sum(1)).log().mean().float()
    torch.testing.assert_close(loss("balanced-softmax")(LOGITS, HARD), expected)


def test_logit_adjustment_is_its_closed_form():
    shares = torch.from_numpy(COUNTS / COUNTS.sum())
    adjusted = LOGITS.double() + 1.5 * shares.log()
    expected = (adjusted.logsumexp(1) - adjusted[range(7), LABELS]).mean().float()
    torch.testing.assert_close(loss("logit-adjusted", logit_tau=1.5)(LOGITS, HARD), expected)


def test_l1_adds_up_weights_and_leaves_biases_norms_and_frozen_layers_out():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(4, 5), nn.Linear(5, 5))
    model[3].requires_grad_(False)
    torch.testing.assert_close(losses.l1(model), model[0].weight.abs().sum() + model[2].weight.abs().sum())


# --- invariant


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("focal", {"focal_gamma": 0.0}),
        ("logit-adjusted", {"logit_tau": 0.0}),
        ("class-weighted", {"class_beta": 0.0}),
    ],
)
def test_without_its_strength_every_loss_is_cross_entropy(name, more):
    torch.testing.assert_close(
        loss(name, **more)(LOGITS, BLENDED), nn.functional.cross_entropy(LOGITS, BLENDED)
    )


@every_loss
def test_equal_counts_and_no_focus_give_cross_entropy(name):
    made = loss(name, np.array([40, 40, 40]), focal_gamma=0.0)
    torch.testing.assert_close(made(LOGITS, BLENDED), nn.functional.cross_entropy(LOGITS, BLENDED))


@every_loss
def test_a_blend_of_two_targets_costs_the_blend_of_their_losses(name):
    made, other = loss(name), HARD.roll(1, 0)
    blend = made(LOGITS, 0.3 * HARD + 0.7 * other)
    torch.testing.assert_close(blend, 0.3 * made(LOGITS, HARD) + 0.7 * made(LOGITS, other))


@every_loss
def test_all_rows_count_alike_in_any_order(name):
    made = loss(name)
    one_by_one = torch.stack([made(LOGITS[i : i + 1], BLENDED[i : i + 1]) for i in range(7)])
    torch.testing.assert_close(made(LOGITS.flip(0), BLENDED.flip(0)), one_by_one.mean())


def test_targets_sum_to_one():
    torch.testing.assert_close(losses.soft(LABELS, 3, 0.3).sum(1), torch.ones(7))


# --- convergence


@pytest.mark.parametrize("name", ["balanced-softmax", "logit-adjusted", "class-weighted"])
def test_with_features_that_say_nothing_a_class_aware_loss_favors_no_class(name):
    """900 rows of one class, 100 of another, no feature: what is learned is the bias alone."""
    logits = torch.zeros(2, requires_grad=True)
    targets = losses.soft(torch.tensor([0] * 9 + [1]), 2)
    made = loss(name, np.array([900, 100]), class_beta=0.999999)
    optimizer = torch.optim.LBFGS([logits], max_iter=50)

    def closure():
        optimizer.zero_grad()
        value = made(logits.expand(10, 2), targets)
        value.backward()
        return value

    optimizer.step(closure)
    torch.testing.assert_close(logits.softmax(0), torch.tensor([0.5, 0.5]), atol=1e-3, rtol=0)
