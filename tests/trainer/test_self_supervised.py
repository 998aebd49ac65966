import dataclasses

import numpy as np
import pytest
import torch

from augment import two_views
from labeling.progress import Cancelled
from tests import toys
from trainer.engine import features, self_supervised
from trainer.engine.checkpoints import Checkpoint
from trainer.engine.course import Diverged
from trainer.engine.device import Device
from trainer.engine.pretraining import Plan

CPU = Device("cpu", "fp32")
PLAN = Plan(network="cnn", width=4, resolution=16, epochs=3, batch=16, projector=32)
PIXELS, _ = toys.shape_pixels(48, 16, np.random.default_rng(0))
ROWS = np.arange(48)


def pretrain(plan=PLAN, rows=ROWS, seed=1, pixels=PIXELS, **more):
    return self_supervised.pretrain(pixels, rows, plan, seed=seed, device=CPU, **more)


def pretrain_two_epochs(place):
    """Leave a checkpoint of a pretraining that was stopped after two of three epochs."""

    def stop(progress):
        if progress.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        pretrain(checkpoint=Checkpoint(place, every_s=0), report=stop)


def bits(learned):
    return torch.cat([tensor.flatten().double() for tensor in learned.model.state_dict().values()])


# --- what must not happen


def test_too_few_pictures_are_a_sentence():
    with pytest.raises(ValueError, match="takes at least 16 pictures, got 15"):
        pretrain(rows=ROWS[:15])


def test_rows_left_out_are_never_seen():
    changed = PIXELS.copy()
    changed[40:] = 0
    one, other = pretrain(rows=ROWS[:40]), pretrain(rows=ROWS[:40], pixels=changed)
    assert torch.equal(bits(one), bits(other))


def test_the_pictures_and_torchs_generator_are_left_alone():
    kept, before = PIXELS.copy(), torch.random.get_rng_state()
    pretrain()
    assert np.array_equal(PIXELS, kept)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_loss_that_is_no_number_is_explained(tmp_path):
    place = tmp_path / "checkpoint.pt"
    pretrain_two_epochs(place)
    kept = torch.load(place, weights_only=True)
    kept["state"]["model"]["features.0.0.weight"].fill_(torch.nan)
    torch.save(kept, place)
    with pytest.raises(Diverged, match=r"diverged in epoch 3: the loss is nan\. Lower the learning rate"):
        pretrain(checkpoint=Checkpoint(place))


# --- reference


def test_the_loss_is_the_papers():
    """Equations 1 to 4 of Bardes et al. 2022, written out."""
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 9, 5))
    terms = self_supervised.vicreg(torch.from_numpy(one), torch.from_numpy(two))
    variances = [np.var(z, axis=0, ddof=1) for z in (one, two)]
    hinge = [np.maximum(0, 1 - np.sqrt(v + 1e-4)).mean() for v in variances]
    covariances = [np.cov(z.T) for z in (one, two)]
    off = [(c**2).sum() - (np.diag(c) ** 2).sum() for c in covariances]
    assert float(terms.invariance) == pytest.approx(((one - two) ** 2).mean())
    assert float(terms.variance) == pytest.approx(sum(hinge) / 2)
    assert float(terms.covariance) == pytest.approx(sum(off) / 5)
    assert float(terms.loss) == pytest.approx(
        25 * float(terms.invariance) + 25 * float(terms.variance) + float(terms.covariance)
    )


def test_a_collapse_shows_as_a_variance_term_of_nearly_one():
    same = torch.ones(8, 4)
    terms = self_supervised.vicreg(same, same)
    assert float(terms.invariance) == 0
    assert float(terms.variance) == pytest.approx(0.99, abs=0.001)


# --- determinism


def test_data_plan_and_seed_give_equal_bits():
    torch.manual_seed(1)
    first = pretrain()
    torch.manual_seed(2)
    again = pretrain()
    assert torch.equal(bits(first), bits(again))
    assert first.history == again.history
    assert not torch.equal(bits(first), bits(pretrain(seed=2)))


def test_a_stopped_pretraining_goes_on_to_the_same_bits(tmp_path):
    place = tmp_path / "checkpoint.pt"

    pretrain_two_epochs(place)
    seen = []
    resumed = pretrain(checkpoint=Checkpoint(place, every_s=0), report=seen.append)
    assert [p.done for p in seen] == [3]
    whole = pretrain()
    assert torch.equal(bits(resumed), bits(whole))
    assert resumed.history == whole.history


@pytest.mark.parametrize("change", [{"epochs": 4}, {"learning_rate": 1e-3}])
def test_a_checkpoint_of_other_work_is_not_taken_up(tmp_path, change):
    pretrain(checkpoint=Checkpoint(tmp_path / "checkpoint.pt", every_s=0))
    seen = []
    pretrain(
        dataclasses.replace(PLAN, **change),
        checkpoint=Checkpoint(tmp_path / "checkpoint.pt"),
        report=seen.append,
    )
    assert seen[0].done == 1


# --- what is kept


def test_what_is_saved_embeds_as_what_was_learned(tmp_path):
    learned = pretrain()
    self_supervised.save(tmp_path / "f.safetensors", learned, PLAN)
    model, plan = self_supervised.load(tmp_path / "f.safetensors")
    assert plan == PLAN
    assert np.array_equal(
        features.embed(model, PIXELS, device=CPU), features.embed(learned.model, PIXELS, device=CPU)
    )


# --- convergence


def apart(model):
    """Return how far two views of one new picture lie apart, as a share of what two pictures do."""
    pixels, _ = toys.shape_pixels(60, 16, np.random.default_rng(7))
    generator = torch.Generator().manual_seed(3)
    one, two = (
        features.embed(
            model, two_views.view(torch.from_numpy(pixels), two_views.SPEC, generator).numpy(), device=CPU
        )
        for _ in range(2)
    )
    others = one[:, None] - two[None]
    return ((one - two) ** 2).sum() * 60 / (others**2).sum()


def test_two_views_of_one_new_picture_come_to_lie_near_each_other():
    pixels, _ = toys.shape_pixels(240, 16, np.random.default_rng(5))
    plan = dataclasses.replace(PLAN, width=8, epochs=15, batch=32, learning_rate=5e-3)
    fresh = pretrain(dataclasses.replace(plan, epochs=1, learning_rate=1e-6), np.arange(240), 1, pixels)
    learned = pretrain(plan, np.arange(240), 1, pixels)
    assert apart(learned.model) < 0.9 * apart(fresh.model)
    assert learned.history[-1].loss < learned.history[0].loss
    assert learned.history[-1].variance < 0.9
