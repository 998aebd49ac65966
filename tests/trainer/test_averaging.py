import pytest
import torch
from torch import nn
from torch.optim import swa_utils

from trainer.engine.averaging import Average


def steps(model, count):
    """Move the weights as training would, and say where they are."""
    for _ in range(count):
        with torch.no_grad():
            model.weight.add_(1.0)
        yield model


def test_the_model_itself_is_left_alone():
    model = nn.Linear(2, 1)
    average = Average(model, 0.9)
    before = model.weight.clone()
    average.update(model)
    average.weights()["weight"].zero_()
    assert torch.equal(model.weight, before)


def test_after_the_ramp_it_is_torchs_own():
    model = nn.Linear(3, 2)
    ours = Average(model, 0.5)  # the ramp passes 0.5 at step 8
    theirs = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.5))
    for moved in steps(model, 40):
        ours.update(moved)
        theirs.update_parameters(moved)
    assert torch.allclose(ours.weights()["weight"], theirs.module.weight, atol=1e-5)


def test_the_start_weighs_little_in_a_short_training():
    model = nn.Linear(1, 1)
    start = model.weight.item()
    average = Average(model, 0.999)
    for moved in steps(model, 20):
        average.update(moved)
    assert average.weights()["weight"].item() - start > 14  # of 20; without the ramp 0.2


def test_batch_statistics_are_averaged_and_counters_copied():
    model = nn.BatchNorm1d(2)
    average = Average(model, 0.5)
    model(torch.randn(8, 2) + 3)
    average.update(model)
    assert average.weights()["num_batches_tracked"].item() == 1
    assert average.weights()["running_mean"].abs().sum().item() > 0


def test_state_and_back():
    model = nn.Linear(2, 1)
    first, second = Average(model, 0.9), Average(model, 0.9)
    for moved in steps(model, 3):
        first.update(moved)
    second.resume(first.state())
    for moved in steps(model, 3):
        first.update(moved)
        second.update(moved)
    assert torch.equal(first.weights()["weight"], second.weights()["weight"])
    assert second.state()["steps"] == pytest.approx(6)
