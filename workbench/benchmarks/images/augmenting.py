"""How fast decoded pictures come moved and mirrored, batch after batch."""

import os
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else importing it asks the package index for news
import albumentations
import cv2

from augment import transforms
from augment.batch_specs import SHIFT_FLIP
from augment.supply import Supply
from workbench.benchmarks.registry import Outcome, benchmark, in_turn

PICTURES, SIDE, REACH = 2000, 32, 4
BATCH, EPOCHS, REPEATS = 512, 20, 7
COMPARED = 500

Pixels = NDArray[np.uint8]


@benchmark(target=40.0)
def augmenting() -> Outcome:
    """The peer is an Albumentations Compose a picture: mirrored, padded by reflection, cut out at random.

    Both shuffle 2,000 decoded pictures of 32 pixels in memory 20 times and hand out batches of 512 (uint8).
    Not counted: that ours lays the pictures out once, 10 us each, half of what one picture costs the peer.
    Smaller batches cost ours more a picture (64: twice as much), and so do more pictures than the processor's
    cache holds (10,000: twice as much); the peer costs the same.
    The gate: 500 pictures moved by the same offsets by Albumentations' own classes are equal to the byte.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    images = np.random.default_rng(0).integers(0, 256, (PICTURES, SIDE, SIDE, 3), dtype=np.uint8)
    generator = torch.Generator().manual_seed(0)
    supply = Supply(torch.from_numpy(images), SHIFT_FLIP)
    rng = np.random.default_rng(0)
    chain = albumentations.Compose([*_padded_mirror(0.5), albumentations.RandomCrop(SIDE, SIDE)], seed=0)
    ours, peer = in_turn(
        ("seedbed", lambda: _ours(supply, generator)),
        ("Albumentations", lambda: _theirs(chain, images, rng)),
        REPEATS,
    )
    equal = equal_pictures(images[:COMPARED])
    return Outcome(
        ours,
        peer,
        gate=equal == COMPARED,
        because=f"{equal} of {COMPARED} pictures equal to the byte for the same offsets",
        counts="cpu",
    )


def equal_pictures(images: Pixels) -> int:
    """Return how many pictures Albumentations moves and mirrors exactly as we do, offsets given."""
    made = transforms.draw(SHIFT_FLIP, len(images), SIDE, torch.Generator().manual_seed(1))
    ours = transforms.change(torch.from_numpy(images), SHIFT_FLIP, made).numpy()
    equal = 0
    for image, seen, down, right, flip in zip(
        images, ours, *made.move.tolist(), made.flip.tolist(), strict=True
    ):
        top, left = REACH + down, REACH + right
        crop = albumentations.Crop(left, top, left + SIDE, top + SIDE)
        exact = albumentations.Compose([*_padded_mirror(float(flip)), crop])
        equal += np.array_equal(exact(image=image)["image"], seen)
    return equal


def _padded_mirror(share: float) -> list[albumentations.BasicTransform]:
    mirror = albumentations.HorizontalFlip(p=share)
    return [mirror, albumentations.Pad(REACH, border_mode=cv2.BORDER_REFLECT_101)]


def _ours(supply: Supply, generator: torch.Generator) -> None:
    for _ in range(EPOCHS):
        order = torch.randperm(PICTURES, generator=generator)
        for start in range(0, PICTURES, BATCH):
            supply.batch(order[start : start + BATCH], generator)


def _theirs(chain: albumentations.Compose, images: Pixels, rng: np.random.Generator) -> None:
    for _ in range(EPOCHS):
        for rows in _batches(rng.permutation(PICTURES)):
            np.stack([chain(image=images[row])["image"] for row in rows])


def _batches(order: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]
