import dataclasses

import numpy as np
import pytest

from labeling.snapshot import Snapshot
from tests import toys
from trainer.engine import experiment, inference, loop, material
from trainer.engine.device import Device
from trainer.engine.recipe import Recipe

CPU = Device("cpu", "fp32")
RECIPE = Recipe(width=4, resolution=16, min_steps=30, steps_per_root=1.0)
PIXELS, LABELS = toys.shape_pixels(60, 16, np.random.default_rng(0))
ROWS = np.arange(40)


def snapshot(labels=LABELS):
    """40 pictures to train on, 15 to test, 5 of the test split without a label."""
    labels = np.where(np.arange(60) < 55, labels, -1)
    keys = tuple(f"k{i}" for i in range(60))
    return Snapshot(toys.SHAPES, np.arange(60), keys, (), labels, np.arange(60) >= 40, keys, "")


def carry_out(frozen, rows=ROWS, **more):
    return experiment.carry_out(frozen, PIXELS, rows, RECIPE, seed=1, device=CPU, **more)


def test_a_test_row_is_never_trained_on():
    with pytest.raises(ValueError, match="a test row must never be trained on"):
        carry_out(snapshot(), rows=np.array([0, 1, 40]))


def test_neither_training_nor_its_preparation_sees_the_test_pictures():
    seen = []

    def prepare(examples):
        seen.extend(examples.keys)
        return material.as_they_are(examples)

    carry_out(snapshot(), prepare=prepare)
    assert seen == [f"k{i}" for i in range(40)]


def test_only_labeled_test_rows_are_measured_and_by_their_labels():
    outcome = carry_out(snapshot())
    assert outcome.report.n == 15
    assert outcome.tested.keys.tolist() == [f"k{i}" for i in range(40, 55)]
    assert outcome.tested.labels.tolist() == LABELS[40:55].tolist()
    assert outcome.tested.classes.tolist() == list(toys.SHAPES)
    expected = inference.predict(outcome.trained.model, PIXELS, CPU, rows=np.arange(40, 55))
    assert np.array_equal(outcome.tested.probs, expected)


def test_other_test_labels_change_the_measure_and_not_the_model():
    turned = np.where(np.arange(60) < 40, LABELS, (LABELS + 1) % 3)
    one, other = carry_out(snapshot()), carry_out(snapshot(turned))
    assert np.array_equal(one.tested.probs, other.tested.probs)
    assert one.report.accuracy != other.report.accuracy


def test_early_stopping_looks_at_pictures_that_are_not_trained_on():
    prepared = []

    def prepare(examples):
        prepared.extend(examples.keys)
        return material.as_they_are(examples)

    recipe = dataclasses.replace(RECIPE, validation=0.25, patience=1.0)
    watched = []

    def train(*args, aids, **more):
        watched.extend(aids.validation.keys)
        return loop.train(*args, aids=aids, **more)

    experiment.carry_out(snapshot(), PIXELS, ROWS, recipe, seed=1, device=CPU, prepare=prepare, train=train)
    assert sorted(watched + prepared) == sorted(f"k{i}" for i in range(40))
    assert len(watched) == 10


def test_snapshots_speak_together_and_the_model_stays_the_last_one():
    recipe = dataclasses.replace(RECIPE, schedule="restarts", restarts=2)
    outcome = experiment.carry_out(snapshot(), PIXELS, ROWS, recipe, seed=1, device=CPU)
    assert outcome.ensemble.fingerprint == outcome.tested.fingerprint
    assert outcome.ensemble.probs.sum(1) == pytest.approx(np.ones(15), abs=1e-5)
    assert not np.array_equal(outcome.ensemble.probs, outcome.tested.probs)
    again = inference.predict(outcome.trained.model, PIXELS, CPU, rows=np.arange(40, 55))
    assert np.array_equal(again, outcome.tested.probs)
    assert carry_out(snapshot()).ensemble is None
