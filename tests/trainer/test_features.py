import numpy as np
import pytest
import torch

from labeling.progress import Cancelled
from tests import toys
from trainer.engine import features
from trainer.engine.device import Device
from trainer.engine.networks import build as networks
from trainer.engine.recipe import Recipe

CPU = Device("cpu", "fp32")
PIXELS, LABELS = toys.shape_pixels(30, 16, np.random.default_rng(0))
KEYS = [f"key {n}" for n in range(30)]


def model(seed=0):
    return networks.build(Recipe(width=4, resolution=16), 3, torch.Generator().manual_seed(seed))


class Counted:
    """Embeds by position and remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, rows):
        self.asked += rows.tolist()
        return np.stack([[row, row / 7] for row in rows.tolist()]).astype(np.float32)


# --- what must not happen


def test_a_picture_is_never_computed_twice(tmp_path):
    compute = Counted()
    first, new = features.cached(tmp_path / "store", KEYS[:20], compute, lot=6)
    assert new == 20
    again, none = features.cached(tmp_path / "store", KEYS[:20], compute)
    more, ten = features.cached(tmp_path / "store", KEYS, compute)
    assert (none, ten) == (0, 10)
    assert compute.asked == list(range(30))
    assert np.array_equal(first, again)
    assert np.array_equal(more[:20], first)
    np.testing.assert_allclose(more[:, 1], np.arange(30) / 7, rtol=1e-3)


def test_a_job_that_dies_keeps_its_finished_lots(tmp_path):
    compute = Counted()

    def stop(progress):
        if progress.done:
            raise Cancelled

    with pytest.raises(Cancelled):
        features.cached(tmp_path / "store", KEYS, compute, lot=10, report=stop)
    _, new = features.cached(tmp_path / "store", KEYS, compute, lot=10)
    assert new == 20
    assert compute.asked == list(range(30))


def test_a_broken_network_is_not_stored(tmp_path):
    with pytest.raises(ValueError, match="not finite"):
        features.cached(tmp_path / "store", KEYS[:2], lambda rows: np.array([[np.nan], [1.0]]))
    assert not (tmp_path / "store").exists()


def test_embedding_changes_nothing_in_the_model():
    kept = model().train()
    before = {name: tensor.clone() for name, tensor in kept.state_dict().items()}
    features.embed(kept, PIXELS, device=CPU)
    assert kept.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in kept.state_dict().items())


# --- reference and invariant


def test_the_head_on_the_vectors_is_the_model():
    made = model().eval()
    vectors = torch.from_numpy(features.embed(made, PIXELS, device=CPU))
    torch.testing.assert_close(made.head(vectors), made(torch.from_numpy(PIXELS)))


def test_rows_and_batches_do_not_change_the_vectors(monkeypatch):
    whole = features.embed(model(), PIXELS, device=CPU)
    monkeypatch.setattr(features, "BATCH", 7)
    rows = np.array([29, 3, 3])
    np.testing.assert_allclose(features.embed(model(), PIXELS, device=CPU, rows=rows), whole[rows], atol=1e-5)
    assert features.embed(model(), PIXELS[:0], device=CPU).shape == (0, 32)


def test_raw_pixels_are_shares_of_white():
    assert features.raw(PIXELS).shape == (30, 768)
    assert features.raw(PIXELS, np.array([2]))[0, 5] == pytest.approx(PIXELS[2].ravel()[5] / 255)


# --- the name of a store


def test_the_fingerprint_follows_weights_and_facts_but_not_the_head():
    made, same, other = model(), model(), model(1)
    torch.nn.init.zeros_(same.head.weight)
    assert features.fingerprint(16, model=made) == features.fingerprint(16, model=same)
    assert features.fingerprint(16, model=made) != features.fingerprint(16, model=other)
    assert features.fingerprint(16, model=made) != features.fingerprint(32, model=made)
