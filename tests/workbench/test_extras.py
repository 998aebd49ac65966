import pytest

from workbench.views.contexts import extras

BEST = {"n": 100, "step": 40, "accuracy": 0.9, "loss": 0.3}
COMMON = {
    "members": 3,
    "metrics": {"accuracy": {"value": 0.9, "low": 0.85, "high": 0.94}},
    "gain": {"gain": 0.01, "low": -0.01, "high": 0.03, "n": 200},
}


def test_nothing_special_needs_no_sentence():
    assert extras.sentences({}) == ()
    assert extras.sentences({"warnings": []}) == ()


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"weights": {"source": "self-supervised", "taken": 12}}, "started from self-supervised weights (12"),
        ({"probe": {"held_out_accuracy": 0.9, "held_out": 100}}, "90.0% (95 %: 82.6% to 94.5%; n = 100)"),
        ({"validation": BEST}, "of step 40; 90.0% (95 %: 82.6% to 94.5%; n = 100)"),
        ({"snapshot_ensemble": COMMON}, "+1.0 points (-1.0 to +3.0) against the model alone, n = 200."),
    ],
)
def test_each_thing_is_one_sentence(told, sentence):
    (said,) = extras.sentences(told)
    assert sentence in said
