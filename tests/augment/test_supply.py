import numpy as np
import pytest
import torch

from augment import batch_specs, supply, transforms
from augment.batch_specs import SHIFT, SHIFT_FLIP, BatchSpec
from augment.supply import Supply

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (300, 12, 12, 3), dtype=np.uint8))
ROWS = torch.tensor([299, 3, 3, 0, 256, 255])
POLICIES = [*batch_specs.NAMED.values(), BatchSpec("flip", "", flip=True), BatchSpec("nothing", "")]


def generator():
    return torch.Generator().manual_seed(7)


@pytest.mark.parametrize("spec", POLICIES, ids=lambda spec: spec.name)
@pytest.mark.parametrize("rows", [ROWS, torch.arange(300)], ids=["some", "all"])
def test_it_gives_what_apply_gives_to_the_bit(spec, rows):
    given = Supply(IMAGES, spec).batch(rows, generator())
    assert torch.equal(given, transforms.apply(IMAGES[rows], spec, generator()))


def test_whole_moves_are_laid_out_and_fine_ones_sampled():
    laid = {spec.name for spec in POLICIES if Supply(IMAGES, spec)._planes is not None}
    assert laid == {"shift", "shift-flip", "shift-flip-color", "flip"}


@pytest.mark.parametrize("spec", [SHIFT, SHIFT_FLIP])
def test_too_many_pictures_are_changed_batch_by_batch(spec, monkeypatch):
    monkeypatch.setattr(supply, "ROOM", 10_000)
    source = Supply(IMAGES, spec)
    assert source._planes is None
    assert torch.equal(source.batch(ROWS, generator()), transforms.apply(IMAGES[ROWS], spec, generator()))


def test_without_a_policy_pictures_come_as_they_are():
    assert torch.equal(Supply(IMAGES, None).batch(ROWS, generator()), IMAGES[ROWS])


def test_a_batch_may_be_written_to_without_harm():
    source = Supply(IMAGES, SHIFT_FLIP)
    first = source.batch(ROWS, generator())
    kept = first.clone()
    first.zero_()
    assert torch.equal(source.batch(ROWS, generator()), kept)
