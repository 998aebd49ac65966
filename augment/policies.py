"""Draws policies with Albumentations: same picture, key, seed and copy give the same bits, in any order."""

import hashlib
import os
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else importing it asks the package index for news
import albumentations
import cv2

from augment.policy_specs import PolicySpec

Pixels = NDArray[np.uint8]
cv2.setNumThreads(1)  # a worker is one thread; parallel work is done by processes


class InvalidPolicy(ValueError):
    """A spec that Albumentations does not understand; the message is its own word."""


def build(spec: PolicySpec) -> albumentations.Compose:
    """Return the pipeline of a spec.

    Albumentations only warns of unknown arguments and then uses its defaults; here that is an error.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            steps = [getattr(albumentations, t.name)(**_tuples(t.args)) for t in spec.transforms]
        except (AttributeError, UserWarning, ValueError, TypeError) as error:
            raise InvalidPolicy(f"policy {spec.name}: {error}") from error
        return albumentations.Compose(steps)


def apply(spec: PolicySpec, images: Pixels, keys: Sequence[str], *, seed: int, copy: int) -> Pixels:
    """Return one changed copy of each picture, (N, R, R, 3) uint8.

    Each picture is drawn from a seed of its own, derived from (seed, key, copy): neither the order of the
    pictures nor who else is in the batch changes anything.
    """
    pipeline = build(spec)
    changed = np.empty_like(images)
    for i, key in enumerate(keys):
        pipeline.set_random_seed(derived_seed(seed, key, copy))
        changed[i] = pipeline(image=images[i])["image"]
    return changed


def derived_seed(seed: int, key: str, copy: int) -> int:
    """Return 32 bits that depend on all three and on nothing else."""
    digest = hashlib.sha256(f"{seed}/{key}/{copy}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def versions() -> dict[str, str]:
    """Return what, beside spec and seed, decides about the pixels."""
    return {"albumentations": albumentations.__version__, "opencv": cv2.__version__}


def _tuples(args: dict[str, object]) -> dict[str, object]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in args.items()}
