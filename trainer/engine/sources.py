"""What can give pictures their vectors, by a name that fits into one line.

pixels, pixels:8           the pixels themselves, at 16 or so many a side
pretraining:3              features learned from the pictures alone
run:42                     what a trained run's head looks at
timm:resnet18              a backbone with its pretrained weights
timm:resnet18:/a/file.pth  likewise, with the weights of a file
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.engine import artifacts, backbones, features, self_supervised, weights
from trainer.engine.device import Device
from trainer.engine.features import Vectors
from trainer.engine.material import Decoded
from trainer.engine.networks import build as networks
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import TIMM, Recipe

PIXELS_SIDE = 16  # 768 numbers; TrashNet's neighbors were found as well at 8, 16 and 32 pixels as at 128
KINDS = ("pixels", "pretraining", "run", "timm")


class UnknownSource(ValueError):
    """No such source; the message names the kinds that there are."""


@dataclass(frozen=True)
class Origin:
    """A source, ready to embed."""

    resolution: int  # of the pixels that it takes
    fingerprint: str
    embed: Callable[[Decoded, NDArray[np.int64], Device], Vectors]  # these rows of uint8 pictures -> (M, D)


def find(source: str, file: Path | None = None) -> Origin:
    """Return the named source; `file` holds the weights of a pretraining or a run.

    Raises UnknownSource, and what reading weights raises (backbones.NoWeights, backbones.NoBackbone).
    """
    kind, _, rest = source.partition(":")
    if kind == "pixels" and (not rest or rest.isdigit()):
        side = int(rest or PIXELS_SIDE)
        return Origin(side, features.fingerprint("pixels", side), _raw)
    if kind == "pretraining" and file is not None:
        model, plan = self_supervised.load(file)
        return _origin(model, plan.resolution)
    if kind == "run" and file is not None:
        trained, recipe, _ = artifacts.load_model(file)
        return _origin(trained, recipe.resolution)
    if kind == "timm" and rest:
        return _timm(*rest.partition(":")[::2])
    raise UnknownSource(f"There is no source {source!r}; known are {', '.join(KINDS)}, as in timm:resnet18.")


def _raw(pixels: Decoded, rows: NDArray[np.int64], device: Device) -> Vectors:
    return features.raw(pixels, rows)


def _timm(name: str, file: str) -> Origin:
    recipe = Recipe(network=TIMM + name, resolution=backbones.side(name), weights=file or "pretrained")
    model = networks.build(recipe, 2, torch.Generator().manual_seed(0))
    weights.begin(model, recipe)
    return _origin(model, recipe.resolution)


def _origin(model: Classifier, resolution: int) -> Origin:
    return Origin(resolution, features.fingerprint(resolution, model=model), partial(_embed, model))


def _embed(model: Classifier, pixels: Decoded, rows: NDArray[np.int64], device: Device) -> Vectors:
    return features.embed(model.to(device.name), pixels, device=device, rows=rows)
