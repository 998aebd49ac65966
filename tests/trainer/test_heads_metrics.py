"""What is told of heads that only call classes."""

import numpy as np
import pytest

from tests import toys
from trainer.engine import metrics

RNG = np.random.default_rng


@pytest.mark.parametrize(
    ("calls", "labels", "message"),
    [
        (np.zeros(0, int), np.zeros(0, int), "N > 0"),
        (np.zeros(2, int), np.zeros(3, int), r"must be \(N,\)"),
        (np.array([0, 3]), np.array([0, 1]), r"calls must lie in \[0, 3\), got 0 to 3"),
        (np.array([0, 1]), np.array([-1, 1]), r"labels must lie in \[0, 3\), got -1 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(calls, labels, message):
    with pytest.raises(ValueError, match=message):
        metrics.of_calls(calls, labels, 3, RNG(0))


def test_calls_are_told_as_probabilities_are_less_the_losses():
    probs, labels = toys.scored()
    whole = metrics.evaluate(probs, labels, RNG(0)).to_json()
    of_calls = metrics.of_calls(probs.argmax(1), labels, probs.shape[1], RNG(0))
    assert of_calls == {name: told for name, told in whole.items() if name not in metrics.LOSSES}
    assert list(of_calls) == [name for name in whole if name not in metrics.LOSSES]
