from itertools import islice

import numpy as np
import pytest
import torch

from augment import transforms
from augment.batch_specs import SHIFT_FLIP, STRONG
from trainer.engine import batches
from trainer.engine.device import Device
from trainer.engine.material import Material

CPU = Device("cpu", "fp32")


def material(rows, versions=1, n=5):
    """Pictures that say who they are: first channel the version, second the row."""
    bank = np.zeros((versions, n, 2, 2, 3), np.uint8)
    bank[..., 0] = np.arange(versions)[:, None, None, None]
    bank[..., 1] = np.arange(n)[:, None, None]
    return Material(bank, np.arange(n) * 10, np.array(rows), enriched=True)


def drawn(material, batch, count, seed=0):
    """Return (version, row, label) of `count` batches."""
    source = batches.Stream(material, batch, CPU, torch.Generator().manual_seed(seed))
    return [
        list(zip(x[:, 0, 0, 0].tolist(), x[:, 0, 0, 1].tolist(), y.tolist(), strict=True))
        for x, y in islice(source, count)
    ]


def test_pictures_and_labels_stay_together():
    for batch in drawn(material(range(5)), 3, 10):
        assert all(label == 10 * row for _, row, label in batch)


@pytest.mark.parametrize(("batch", "size"), [(2, 2), (5, 5), (64, 5)])
def test_batches_have_one_size_and_never_more_than_there_is(batch, size):
    assert {len(b) for b in drawn(material(range(5)), batch, 7)} == {size}


def test_every_epoch_shows_every_row_once():
    seen = [row for batch in drawn(material(range(5)), 3, 10) for _, row, _ in batch]
    epochs = np.array(seen).reshape(6, 5)
    assert (np.sort(epochs) == np.arange(5)).all()
    assert len(np.unique(epochs, axis=0)) > 1


def test_a_repeated_row_shows_another_version_each_time_and_each_epoch():
    seen = [pair for batch in drawn(material([0, 1, 1, 1], versions=3), 4, 3) for pair in batch]
    epochs = [seen[i : i + 4] for i in range(0, 12, 4)]
    assert [sorted(v for v, row, _ in epoch if row == 1) for epoch in epochs] == [[0, 1, 2]] * 3
    assert [v for epoch in epochs for v, row, _ in epoch if row == 0] == [0, 1, 2]


def test_the_generator_alone_decides():
    rows = material(range(5), versions=2)
    torch.manual_seed(1)
    first = drawn(rows, 3, 6, seed=4)
    torch.manual_seed(2)
    assert drawn(rows, 3, 6, seed=4) == first
    assert drawn(rows, 3, 6, seed=5) != first


def test_a_stream_goes_on_where_its_state_was_taken():
    rows = material(range(5), versions=2)
    generator = torch.Generator().manual_seed(0)
    source = batches.Stream(rows, 3, CPU, generator)
    next(source)
    state, drawn_from = source.state(), generator.get_state()
    first = [next(source)[1].tolist() for _ in range(4)]
    again = batches.Stream(rows, 3, CPU, generator)
    generator.set_state(drawn_from)
    again.resume(state)
    assert [next(again)[1].tolist() for _ in range(4)] == first


@pytest.mark.parametrize("spec", [SHIFT_FLIP, STRONG], ids=["whole pixels", "blended"])
def test_a_batch_policy_changes_what_would_have_come(spec):
    bank = np.random.default_rng(0).integers(0, 256, (2, 5, 16, 16, 3), dtype=np.uint8)
    rows = Material(bank, np.arange(5), np.arange(5), enriched=True)
    plain, changed = (torch.Generator().manual_seed(3) for _ in range(2))
    images, labels = next(batches.Stream(rows, 5, CPU, plain))
    seen, same = next(batches.Stream(rows, 5, CPU, changed, spec))
    assert torch.equal(seen, transforms.apply(images, spec, plain))
    assert torch.equal(same, labels)
    assert torch.equal(plain.get_state(), changed.get_state())
