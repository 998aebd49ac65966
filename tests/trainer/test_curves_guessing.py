import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from trainer.curves import guessing


def test_without_test_items_there_is_nothing_to_guess():
    with pytest.raises(ValueError, match="no test items"):
        guessing.scores([0, 0])


def test_balanced_classes():
    assert guessing.scores([50] * 4) == pytest.approx(
        {"accuracy": 0.25, "balanced_accuracy": 0.25, "macro_f1": 0.25, "recall": 0}
    )


def test_classes_without_test_items_are_left_out():
    assert guessing.scores([30, 0, 70]) == guessing.scores([30, 70])


def test_the_figures_are_those_of_sklearn():
    counts = [700, 200, 100]
    truth = np.repeat([0, 1, 2], counts)
    said = guessing.scores(counts)
    largest, equal = np.zeros(1000, int), np.random.default_rng(0).integers(0, 3, (200, 1000))
    assert said["accuracy"] == pytest.approx(accuracy_score(truth, largest))
    assert said["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, largest))
    assert said["macro_f1"] == pytest.approx(
        np.mean([f1_score(truth, guess, average="macro") for guess in equal]), abs=0.005
    )
    assert said["macro_f1"] > f1_score(truth, largest, average="macro", zero_division=0)
