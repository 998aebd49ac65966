import dataclasses
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from labeling.progress import Cancelled
from tests import toys
from tests.trainer import killable
from trainer.engine import artifacts, inference, loop, material
from trainer.engine.backbones import NoWeights
from trainer.engine.course import Aids, Diverged
from trainer.engine.device import Device
from trainer.engine.material import Examples
from trainer.engine.recipe import Recipe

ROOT = Path(__file__).resolve().parents[2]
CPU = Device("cpu", "fp32")
SMALL = Recipe(width=4, resolution=16, batch=16, min_steps=30, steps_per_root=1.0)
PIXELS, LABELS = toys.shape_pixels(90, 16, np.random.default_rng(0))


def shapes(rows=slice(None)):
    labels = LABELS[rows]
    return material.as_they_are(Examples(PIXELS[rows], labels, tuple(map(str, range(len(labels))))))


def train(recipe=SMALL, made=None, seed=1, **more):
    return loop.train(made or shapes(), recipe, 3, seed=seed, device=CPU, **more)


def weights(trained):
    return torch.cat([tensor.flatten().double() for tensor in trained.model.state_dict().values()])


# --- what must not happen


def test_one_class_cannot_be_learned():
    with pytest.raises(ValueError, match="at least two classes"):
        train(made=shapes(slice(0, 90, 3)))


def test_a_class_number_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 2\), got 2"):
        loop.train(shapes(), SMALL, 2, seed=0, device=CPU)


def test_a_policy_is_never_silently_left_out():
    with pytest.raises(ValueError, match="needs enriched material, and only"):
        train(dataclasses.replace(SMALL, policy="gentle"))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_divergence_is_caught_and_explained(optimizer):
    wild = dataclasses.replace(SMALL, learning_rate=100.0, optimizer=optimizer, warmup=0.0)
    with pytest.raises(
        Diverged, match=r"diverged: the loss was .* at step \d+ of 30.*Lower the learning rate"
    ):
        train(wild)


def test_a_report_stops_the_training():
    seen = []

    def stop(progress):
        seen.append(progress.done)
        if len(seen) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(report=stop)
    assert seen[-1] < 30


def test_training_leaves_the_data_and_torchs_generator_alone():
    before, pixels = torch.random.get_rng_state(), PIXELS.copy()
    train()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(PIXELS, pixels)


# --- invariant


def test_probabilities_sum_to_one_and_neither_batches_nor_rows_change_them():
    model = train().model
    whole = inference.predict(model, PIXELS, CPU)
    assert (whole.dtype, whole.shape) == (np.float32, (90, 3))
    assert whole.sum(1) == pytest.approx(np.ones(90), abs=1e-6)
    assert inference.predict(model, PIXELS, CPU, batch=7) == pytest.approx(whole, abs=1e-5)
    rows = np.array([5, 80, 2])
    assert inference.predict(model, PIXELS, CPU, rows=rows) == pytest.approx(whole[rows], abs=1e-5)
    assert inference.predict(model, PIXELS[:0], CPU).shape == (0, 3)


def test_history_and_progress_tell_the_same_story():
    seen = []
    trained = train(report=seen.append)
    assert [p.done for p in seen] == [step.step for step in trained.history]
    assert (seen[-1].done, seen[-1].total) == (30, 30)
    assert seen[-1].values == {"loss": trained.history[-1].loss, "accuracy": trained.history[-1].accuracy}
    assert all(0 <= step.accuracy <= 1 and math.isfinite(step.loss) for step in trained.history)


def test_the_model_remembers_the_pixels_it_was_trained_on():
    model = train().model
    assert model.mean.tolist() == pytest.approx(PIXELS.mean((0, 1, 2)), abs=1e-3)
    assert model.deviation.tolist() == pytest.approx(PIXELS.std((0, 1, 2)), abs=1e-3)


# --- determinism


@pytest.mark.parametrize("network", ["cnn", "resnet9"])
def test_data_recipe_and_seed_give_equal_bits(network):
    recipe = dataclasses.replace(SMALL, network=network)
    torch.manual_seed(1)
    first = train(recipe)
    torch.manual_seed(2)
    again = train(recipe)
    assert torch.equal(weights(first), weights(again))
    assert first.history == again.history
    assert not torch.equal(weights(first), weights(train(recipe, seed=2)))


def killed_at(step, tmp_path):
    """Start a training that keeps checkpoints, kill it at this step, and let it run again to its end."""
    command = [sys.executable, "-m", "tests.trainer.killable", str(tmp_path / "c.pt"), str(tmp_path / "r.pt")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as first:
        for line in first.stdout:
            if int(line) >= step:
                first.kill()
    again = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return again.stdout.split(), torch.load(tmp_path / "r.pt", weights_only=True)


def test_killed_and_resumed_it_ends_in_the_same_bits(tmp_path):
    told, broken = killed_at(50, tmp_path)
    aids = Aids(validation=killable.WATCHED)
    whole = loop.train(killable.SHAPES, killable.RECIPE, 3, seed=4, device=CPU, aids=aids)
    assert int(told[0]) >= 50  # it did not begin anew
    assert [tuple(found) for found in whole.history] == broken["history"]
    assert all(torch.equal(t, broken["model"][n]) for n, t in whole.model.state_dict().items())
    assert len(whole.snapshots) == len(broken["snapshots"]) == 3


# --- early stopping, snapshots


def test_it_stops_once_patience_is_over_and_keeps_the_best_weights():
    watched = Examples(
        PIXELS[:30], (LABELS[:30] + 1) % 3, tuple(map(str, range(30)))
    )  # learning makes it worse
    recipe = dataclasses.replace(SMALL, min_steps=200, patience=0.1)
    trained = train(recipe, aids=Aids(validation=watched))
    scores = [step.validation_accuracy for step in trained.history]
    assert trained.steps < 200
    assert trained.steps - trained.best.step == 20
    assert trained.best.accuracy == max(scores)
    calls = inference.predict(trained.model, watched.pixels, CPU).argmax(1)
    assert (calls == watched.labels).mean() == pytest.approx(trained.best.accuracy)
    assert "Early stopping looked at 30 pictures only" in trained.warnings[0]


def test_without_validation_nothing_stops_early():
    trained = train()
    assert (trained.steps, trained.best, trained.warnings) == (30, None, ())
    assert trained.history[0].validation_accuracy is None


def test_each_cycle_of_restarts_leaves_a_snapshot_and_the_last_is_the_model():
    trained = train(dataclasses.replace(SMALL, schedule="restarts", restarts=2))
    assert len(trained.snapshots) == 3
    assert all(torch.equal(t, trained.snapshots[-1][n]) for n, t in trained.model.state_dict().items())
    assert not torch.equal(trained.snapshots[0]["head.weight"], trained.snapshots[1]["head.weight"])


# --- weights to start from


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A weights file of a short training, and its features."""
    trained = train()
    file = tmp_path_factory.mktemp("weights") / "model.safetensors"
    artifacts.save_model(file, trained.model, SMALL, toys.SHAPES)
    return file, {n: t for n, t in trained.model.state_dict().items() if n.startswith("features.")}


def test_a_probe_solves_the_head_and_leaves_the_features(learned):
    file, features = learned
    trained = train(dataclasses.replace(SMALL, weights=str(file), tuning="probe"), seed=2)
    assert all(torch.equal(t, trained.model.state_dict()[n]) for n, t in features.items())
    assert trained.began["weights"]["source"] == str(file)
    assert trained.began["probe"]["accuracy"] == pytest.approx(trained.history[-1].accuracy)
    right = inference.predict(trained.model, PIXELS, CPU).argmax(1) == LABELS
    assert right.mean() == pytest.approx(trained.history[-1].accuracy)


def test_after_the_probe_all_of_it_trains_features_more_slowly(learned):
    file, features = learned
    recipe = dataclasses.replace(SMALL, weights=str(file), tuning="probe-then-full", learning_rate=0.005)
    trained = train(recipe, seed=2)
    assert trained.began["probe"]["accuracy"] > 0.5
    assert trained.history[0].accuracy > 0.5  # it goes on from the solved head
    assert not all(torch.equal(t, trained.model.state_dict()[n]) for n, t in features.items())


def test_weights_that_do_not_fit_end_in_a_sentence(learned):
    with pytest.raises(NoWeights, match="does not fit this network"):
        train(dataclasses.replace(SMALL, weights=str(learned[0]), width=8))


# --- convergence


@pytest.mark.parametrize("optimizer", [{"optimizer": "adamw"}, {"optimizer": "sgd", "learning_rate": 0.1}])
def test_shapes_are_learned_and_told_apart_on_new_pictures(optimizer):
    pixels, labels = toys.shape_pixels(240, 16, np.random.default_rng(5))
    examples = Examples(pixels, labels, tuple(map(str, range(240))))
    recipe = Recipe.from_json({**SMALL.to_json(), "width": 8, "min_steps": 200, **optimizer})
    trained = train(recipe, made=material.as_they_are(examples))
    new_pixels, new_labels = toys.shape_pixels(150, 16, np.random.default_rng(6))
    right = inference.predict(trained.model, new_pixels, CPU).argmax(1) == new_labels
    assert right.mean() > 0.85
    assert trained.history[-1].loss < trained.history[0].loss


def test_labels_without_meaning_are_not_learned_on_new_pictures():
    rng = np.random.default_rng(0)
    examples = Examples(PIXELS, rng.permutation(LABELS), tuple(map(str, range(90))))
    trained = train(made=material.as_they_are(examples))
    new_pixels, new_labels = toys.shape_pixels(300, 16, np.random.default_rng(6))
    right = inference.predict(trained.model, new_pixels, CPU).argmax(1) == new_labels
    assert 0.15 < right.mean() < 0.55


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_learns_the_same_shapes():
    trained = loop.train(shapes(), SMALL, 3, seed=1, device=Device("cuda:0", "bf16"))
    assert trained.history[-1].loss < trained.history[0].loss
    assert inference.predict(trained.model, PIXELS, Device("cuda:0", "bf16")).shape == (90, 3)
