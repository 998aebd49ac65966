"""Embeddings: what a network, or nothing but the pixels, says of each picture, kept by content and by model.

A store is a folder named after the model; in it lie shards that only ever get more, so that a picture is
embedded once, and a job that dies loses the lot that it was at.
"""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeling.progress import Progress, Report, silent
from trainer.engine.device import Device
from trainer.engine.inference import autocast
from trainer.engine.material import Decoded
from trainer.engine.networks.build import Classifier
from trainer.engine.pixels import DECODER

Vectors = NDArray[np.float32]  # (N, D)
Embed = Callable[[NDArray[np.int64]], Vectors]  # row numbers (M,) -> (M, D)
LOT = 2048  # pictures a shard: half a minute of a small network
BATCH = 256
LARGEST = float(np.finfo(np.float16).max)


@torch.inference_mode()
def embed(
    model: Classifier,
    pixels: Decoded,
    *,
    device: Device,
    rows: NDArray[np.int64] | None = None,
    report: Report = silent,
    stage: str = "embedding",
) -> Vectors:
    """Return the features (N, D) of uint8 pictures (N, R, R, 3), or of these rows of them.

    The model is left in the mode that it was in.
    """
    training = model.training
    model.eval()
    rows = np.arange(len(pixels)) if rows is None else rows
    parts = [torch.zeros(0, model.head.in_features)]
    try:
        for start in range(0, len(rows), BATCH):
            report(Progress(stage, start, len(rows)))
            images = torch.from_numpy(pixels[rows[start : start + BATCH]]).to(device.name)
            with autocast(device):
                parts.append(forward(model, images).float().cpu())
    finally:
        model.train(training)
    return torch.cat(parts).numpy()


def forward(model: Classifier, images: Tensor) -> Tensor:
    """Return what the head of the model looks at, (B, D), of images (B, R, R, 3) in [0, 255]."""
    return model.features(model.normalize(images))  # type: ignore[no-any-return]


def raw(pixels: Decoded, rows: NDArray[np.int64] | None = None) -> Vectors:
    """Return the pixels themselves, (N, R * R * 3) in [0, 1]: the yardstick of everything that is learned."""
    chosen = pixels[np.arange(len(pixels)) if rows is None else rows]
    return chosen.reshape(len(chosen), -1).astype(np.float32) / np.float32(255)


def fingerprint(*facts: object, model: Classifier | None = None) -> str:
    """Return the SHA-256 of what decides about a vector beside the picture: facts, decoder, weights."""
    told = hashlib.sha256(repr((DECODER, *facts)).encode())
    for name, tensor in sorted(model.state_dict().items()) if model else ():
        if not name.startswith("head."):
            told.update(name.encode())
            told.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return told.hexdigest()


def cached(
    store: Path, keys: Sequence[str], compute: Embed, *, lot: int = LOT, report: Report = silent
) -> tuple[Vectors, int]:
    """Return the vectors (N, D) of pictures by their content keys, and how many of them were new.

    What the store lacks is computed in lots and written to it as float16: 2 bytes a number, 0.05 % error.
    """
    known = dict(_read(store))
    missing = [row for row, key in enumerate(keys) if key not in known]
    for start in range(0, len(missing), lot):
        report(Progress("embedding", start, len(missing)))
        rows = np.array(missing[start : start + lot], dtype=np.int64)
        vectors = _small(compute(rows))
        _write(store, [keys[row] for row in rows], vectors)
        known.update(zip((keys[row] for row in rows), vectors, strict=True))
    found = [known[key] for key in keys]
    return (np.stack(found) if found else np.zeros((0, 0))).astype(np.float32), len(missing)


def _small(vectors: Vectors) -> NDArray[np.float16]:
    if not np.isfinite(vectors).all():
        raise ValueError("an embedding is not finite: the network that gave it is broken")
    return np.clip(vectors, -LARGEST, LARGEST).astype(np.float16)


def _read(store: Path) -> Iterator[tuple[str, NDArray[np.float16]]]:
    for shard in sorted(store.glob("*.npz")):
        with np.load(shard) as kept:
            yield from zip(kept["keys"].tolist(), kept["vectors"], strict=True)


def _write(store: Path, keys: list[str], vectors: NDArray[np.float16]) -> None:
    """Write a shard whole or not at all; two jobs may write the same picture, which does no harm."""
    store.mkdir(parents=True, exist_ok=True)
    draft = store / f"{os.getpid()}.draft"
    try:
        with open(draft, "wb") as out:
            np.savez(out, keys=np.array(keys, dtype=np.str_), vectors=vectors)
        draft.replace(store / f"{uuid.uuid4().hex}.npz")
    finally:
        draft.unlink(missing_ok=True)
