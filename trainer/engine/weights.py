"""Weights to start from: read from a file, fitted to a network, and told what did not fit.

One reader for all that has weights: our runs' models, our self-supervised features, timm's files.  No code in
a file is ever executed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from trainer.engine import backbones
from trainer.engine.backbones import NoWeights
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import TIMM, Recipe

LEAST_FIT = 0.5  # share of the network's numbers that a file must fill
PREFIXES = (
    "",
    "features.",
    "module.",
    "model.",
    "backbone.",
    "encoder.",
)  # under which files keep a backbone
NESTED = ("state_dict", "model", "model_state")  # keys under which .pth files hide the weights
NAMED = 3  # tensors named in a message

Moments = tuple[Tensor, Tensor]  # mean and deviation per channel, (3,) each, in [0, 255]


@dataclass(frozen=True)
class Start:
    """What a training started from; it belongs into the receipt."""

    source: str  # "pretrained", "self-supervised" or the file's path
    digest: str  # SHA-256 of the file
    taken: int  # tensors of the network that the file filled
    missing: tuple[str, ...]  # tensors of the network that stayed as drawn
    left_over: tuple[str, ...]  # tensors of the file that have no place: its head, mostly
    moments: Moments | None  # what the weights expect of the pixels; None: whatever the pictures have

    def to_json(self) -> dict[str, object]:
        return {
            "source": self.source,
            "digest": self.digest,
            "taken": self.taken,
            "missing": list(self.missing),
            "left_over": list(self.left_over),
        }


def begin(model: Classifier, recipe: Recipe, path: Path | None = None) -> Start | None:
    """Give a fresh model the weights that its recipe names; None where it names none.

    `path` says where "self-supervised" weights lie; "pretrained" ones are fetched, others are files.  The
    head stays as drawn.  The model is fitted to the pictures before: where the weights expect other pixel
    moments, they take the place of the pictures' own.  Raises NoWeights.
    """
    if recipe.weights is None:
        return None
    timm = recipe.network.removeprefix(TIMM) if recipe.network.startswith(TIMM) else None
    if recipe.weights == "pretrained" and timm:
        path = backbones.fetch(timm)
    elif recipe.weights != "self-supervised":
        path = Path(recipe.weights)
    if path is None:
        raise NoWeights("Self-supervised weights need a pretraining of this dataset: start one first.")
    start = fit(model.features, read(path), path)
    told = start.moments or (backbones.moments(timm) if timm else None)
    if told:
        model.fit_pixels(*told)
    return replace(start, source=recipe.weights, moments=told)


def read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors or of a torch file, on the CPU; raises NoWeights."""
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise NoWeights(f"There is no weights file {path}.") from None
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError) as error:
        raise NoWeights(f"{path} cannot be read as weights: {_first_line(error)}.") from error
    except Exception as error:  # torch's unpickler refuses everything that is no plain tensor
        raise NoWeights(f"{path} holds more than weights, which is never loaded.") from error
    for name in NESTED:
        kept = kept[name] if isinstance(kept, Mapping) and isinstance(kept.get(name), Mapping) else kept
    tensors = kept.items() if isinstance(kept, Mapping) else ()
    return {str(name): value for name, value in tensors if isinstance(value, Tensor)}


def fit(features: nn.Module, found: Mapping[str, Tensor], path: Path) -> Start:
    """Copy into the features every tensor of the file that has its name and shape.

    Names may stand under one prefix.  Raises NoWeights, and changes nothing, where less than half of the
    network's numbers would be filled.
    """
    wanted = features.state_dict()
    best: dict[str, Tensor] = {}
    prefix = ""
    for candidate in PREFIXES:
        matching = _matching(features, wanted, found, candidate)
        if len(matching) > len(best):
            best, prefix = matching, candidate
    missing = tuple(name for name in wanted if name not in best)
    _check(path, wanted, best, missing)
    features.load_state_dict({**wanted, **best})
    left = tuple(name for name in found if name.removeprefix(prefix) not in best and name not in _OURS)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Start(str(path), digest, len(best), missing, left, _moments(found))


_OURS = ("mean", "deviation")  # of trainer.engine.networks.Classifier


def _moments(found: Mapping[str, Tensor]) -> Moments | None:
    kept = [found.get(name) for name in _OURS]
    mean, deviation = (part if part is not None and part.shape == (3,) else None for part in kept)
    return None if mean is None or deviation is None else (mean, deviation)


def _matching(
    features: nn.Module, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], prefix: str
) -> dict[str, Tensor]:
    """Return the file's tensors by the network's names, as far as shapes agree."""
    matching = {}
    for name, have in wanted.items():
        given = found.get(prefix + name)
        if given is not None and name == "pos_embed" and given.shape != have.shape:
            given = backbones.resized_positions(given, features)
        if given is not None and given.shape == have.shape:
            matching[name] = given
    return matching


def _check(
    path: Path, wanted: Mapping[str, Tensor], taken: Mapping[str, Tensor], missing: tuple[str, ...]
) -> None:
    filled = sum(wanted[name].numel() for name in taken) / max(1, sum(t.numel() for t in wanted.values()))
    if filled < LEAST_FIT or not taken:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise NoWeights(
            f"{path} does not fit this network: it fills {filled:.0%} of it. It lacks"
            f" {', '.join(missing[:NAMED])}{more}, or has them in another shape; network and width must be"
            " those that the weights were learned with."
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
