"""What a training pays for its mistakes: losses by name, all on soft targets.

The counts are those of the training fold, as drawn: a class-aware loss must not look at other rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.engine.recipe import Recipe

Counts = NDArray[np.int64]
Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (B, K) float32 and targets (B, K), rows sum to 1 -> the mean over the batch, a scalar."""

SURE = 1e-6  # focal: a doubt below this counts as this much; (1 - p)^gamma has no slope at 0 for gamma < 1


def build(recipe: Recipe, counts: Counts, device: str = "cpu") -> Loss:
    """Return the recipe's loss for a training fold with counts (K,) examples a class.

    What the loss knows of the counts lies on the device, so that no step copies it there.
    Classes without an example are lawful: `class_weights` and `log_prior` say what becomes of them.
    """
    if recipe.loss == "class-weighted":
        weights = torch.from_numpy(class_weights(counts, recipe.class_beta)).float().to(device)
        return lambda logits, targets: nn.functional.cross_entropy(logits, targets, weight=weights)
    if recipe.loss == "focal":
        return lambda logits, targets: focal(logits, targets, recipe.focal_gamma)
    if recipe.loss in ("balanced-softmax", "logit-adjusted"):
        tau = 1.0 if recipe.loss == "balanced-softmax" else recipe.logit_tau
        shift = tau * torch.from_numpy(log_prior(counts)).float().to(device)
        return lambda logits, targets: nn.functional.cross_entropy(logits + shift, targets)
    return nn.functional.cross_entropy


def soft(labels: Tensor, n_classes: int, smoothing: float = 0.0) -> Tensor:
    """Return targets (B, K) of labels (B,): 1 - smoothing on the label, and smoothing spread over all K.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture", section 7; as torch counts it.
    """
    hard = nn.functional.one_hot(labels, n_classes).float()
    return hard * (1 - smoothing) + smoothing / n_classes


def class_weights(counts: Counts, beta: float) -> NDArray[np.float64]:
    """Return (K,) weights (1 - beta) / (1 - beta^n), scaled so that their sum is K; beta lies in [0, 1).

    beta = 0 weighs all alike, beta -> 1 by 1/n.  A class without an example weighs 0: nothing is learned
    about it, smoothing included; the others then sum to their own number.
    Source: Cui et al. 2019, "Class-balanced loss based on effective number of samples", equations 5 and 6.
    """
    _check(counts)
    if not 0 <= beta < 1:
        raise ValueError(f"beta must lie in [0, 1), got {beta}")
    seen = counts > 0
    effective = np.where(seen, 1 - np.power(beta, counts, dtype=np.float64), 1.0)
    raw = np.where(seen, (1 - beta) / effective, 0.0)
    weights: NDArray[np.float64] = raw * seen.sum() / raw.sum()
    return weights


def log_prior(counts: Counts) -> NDArray[np.float64]:
    """Return (K,) logarithms of the shares of the classes, to be added to logits while training.

    Balanced softmax (Ren et al. 2020, equation 4) adds them once, logit adjustment (Menon et al. 2021,
    equation 10) tau times.  A class without an example counts as if it had one: its logit is pushed down
    as far as that of the rarest class there can be, never to minus infinity.
    """
    _check(counts)
    at_least_one = np.maximum(counts, 1)
    shares: NDArray[np.float64] = at_least_one / at_least_one.sum()
    return np.log(shares)


def focal(logits: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """Return the mean of sum_k t_k (1 - p_k)^gamma (-ln p_k); gamma = 0 is cross-entropy.

    Source: Lin et al. 2017, "Focal loss for dense object detection", equation 4, without its alpha; carried
    over to softmax and soft targets term by term.
    """
    logs = logits.log_softmax(1)
    doubt = (-torch.expm1(logs)).clamp(min=SURE)
    return -(targets * doubt**gamma * logs).sum(1).mean()


def l1(model: nn.Module) -> Tensor:
    """Return the sum of the absolute trained weights; biases and the scales of norms are free."""
    weights = [p.abs().sum() for p in model.parameters() if p.requires_grad and p.ndim > 1]
    return torch.stack(weights).sum()


def _check(counts: Counts) -> None:
    if counts.ndim != 1 or counts.min(initial=0) < 0 or not counts.any():
        raise ValueError(f"counts must be (K,), at least 0 and not all 0, got {counts.tolist()}")
