"""How much of a network with weights is trained: its head alone, the head first, or all of it.

Source: Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform out-of-distribution":
a head that is solved first (LP-FT) spares the features the gradients of a random one.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from labeling.progress import Report, silent
from trainer.engine import features, losses, probes
from trainer.engine.device import Device
from trainer.engine.losses import Loss
from trainer.engine.material import Material
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import Recipe


@dataclass(frozen=True)
class Probed:
    """How well the features serve as they are."""

    loss: float  # of the solved head on the training pictures
    accuracy: float  # likewise
    penalty: float
    held_out_accuracy: float  # of every fifth training picture, by a head that did not see it
    held_out: int  # how many those are


def probe(
    model: Classifier,
    material: Material,
    recipe: Recipe,
    *,
    device: Device,
    loss: Loss = nn.functional.cross_entropy,
    report: Report = silent,
) -> Probed:
    """Solve the head on the features as they are; not a bit of the features changes.

    Every version of every picture is embedded once, repeated rows count repeatedly; nothing is drawn.
    """
    versions = [
        features.embed(model, bank, device=device, report=report, stage="embedding the training pictures")
        for bank in material.bank
    ]
    vectors = np.concatenate([found[material.rows] for found in versions])
    pictures = np.tile(material.rows, len(versions))
    labels = torch.from_numpy(material.labels[pictures]).to(device.name)
    targets = losses.soft(labels, model.head.out_features, recipe.label_smoothing)
    found = probes.fit(vectors, targets, pictures=pictures, loss=loss, device=device.name, report=report)
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(found.weight))
        model.head.bias.copy_(torch.from_numpy(found.bias))
        logits = model.head(torch.from_numpy(vectors).to(device.name))
        accuracy = (logits.argmax(1) == labels).float().mean()
        return Probed(
            float(loss(logits, targets)),
            float(accuracy),
            found.penalty,
            found.held_out_accuracy,
            found.held_out,
        )
