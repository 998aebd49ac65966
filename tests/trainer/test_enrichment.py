import dataclasses
from itertools import islice

import numpy as np
import pytest
import torch

from augment import policies, policy_specs
from labeling.progress import Cancelled
from tests import toys
from trainer.engine import batches, enrichment, loop
from trainer.engine.device import Device
from trainer.engine.material import Examples
from trainer.engine.recipe import Recipe

RECIPE = Recipe(width=4, resolution=16, min_steps=40, policy="gentle", copies=3, rebalance=1.0)
PIXELS, _ = toys.shape_pixels(24, 16, np.random.default_rng(0))
LABELS = np.repeat([0, 1, 2], [16, 6, 2])
EXAMPLES = Examples(PIXELS, LABELS, tuple(f"k{i}" for i in range(24)))


def enrich(seed=1, examples=EXAMPLES, **changes):
    return enrichment.enrich(examples, dataclasses.replace(RECIPE, **changes), seed=seed)


def test_it_can_be_stopped():
    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        enrichment.enrich(EXAMPLES, RECIPE, seed=0, report=stop)


def test_the_examples_themselves_are_left_alone():
    before = PIXELS.copy()
    enrich()
    assert np.array_equal(PIXELS, before)


def test_a_picture_is_changed_alike_in_a_small_subset_and_in_a_large_one():
    """Cells of a curve are nested: company must not matter."""
    rows = np.array([20, 3, 11])
    subset = Examples(PIXELS[rows], LABELS[rows], tuple(EXAMPLES.keys[row] for row in rows))
    assert np.array_equal(enrich(examples=subset).bank, enrich().bank[:, rows])


def test_copies_differ_and_rare_classes_come_as_often_as_the_largest():
    made = enrich()
    assert made.bank.shape == (3, 24, 16, 16, 3)
    assert len({copy.tobytes() for copy in made.bank}) == 3
    assert np.bincount(LABELS[made.rows]).tolist() == [16, 16, 16]
    assert (made.n, made.enriched) == (24, True)


@pytest.mark.parametrize(
    ("copies", "steps", "rows", "shown"),
    [
        (12, 4, range(24), 2),  # 4 x 10 pictures are one epoch and two thirds
        (12, 4, [*range(24), 0, 0], 4),  # one row stands three times
        (2, 4, range(24), 2),
    ],
)
def test_copies_that_nobody_would_see_are_not_drawn(copies, steps, rows, shown):
    recipe = dataclasses.replace(RECIPE, copies=copies, min_steps=steps, steps_per_root=0.0, batch=10)
    assert enrichment.copies_shown(recipe, np.array(rows)) == shown


def test_leaving_them_out_changes_no_batch():
    """All that are left out would only have been shown later."""
    recipe = dataclasses.replace(RECIPE, copies=12, min_steps=5, steps_per_root=0.0, batch=16)
    few = enrichment.enrich(EXAMPLES, recipe, seed=1)
    assert len(few.bank) < 12
    bank = [policies.apply(policy_specs.GENTLE, PIXELS, EXAMPLES.keys, seed=1, copy=c) for c in range(12)]
    whole = dataclasses.replace(few, bank=np.stack(bank))
    for one, other in zip(*(first_batches(made, 16, 5) for made in (few, whole)), strict=True):
        assert torch.equal(one, other)


def first_batches(made, batch, count):
    source = batches.Stream(made, batch, Device("cpu", "fp32"), torch.Generator().manual_seed(0))
    return [pixels for pixels, _ in islice(source, count)]


def test_either_wish_alone():
    assert np.array_equal(enrich(policy=None).bank[0], PIXELS)
    assert enrich(rebalance=None).rows.tolist() == list(range(24))


def test_the_seed_decides():
    one, same, other = enrich(), enrich(), enrich(seed=2)
    assert np.array_equal(one.bank, same.bank)
    assert one.rows.tolist() == same.rows.tolist()
    assert not np.array_equal(one.bank, other.bank)
    assert one.rows.tolist() != other.rows.tolist()


def test_enriched_material_trains_for_as_long_as_plain_material():
    trained = loop.train(enrich(), RECIPE, 3, seed=0, device=Device("cpu", "fp32"))
    assert trained.history[-1].step == RECIPE.steps(24)
