import json
from dataclasses import replace

import pytest

from trainer.curves.outlook import Forecast, Outlook, Point, Step
from workbench.charts import axis, curve
from workbench.charts.curve import Ceiling, Trace, View

POINTS = (
    Point(100, 0, 7, 0.80, 0.75, 0.85),
    Point(50, 1, 6, 0.72, 0.66, 0.78),
    Point(50, 0, 5, 0.70, 0.64, 0.76),
)
STEPS = tuple(
    Step(n, 0.8 + n / 10_000, 0.79, 0.85 + n / 10_000, n / 10_000, -0.01, 0.05)
    for n in (50, 100, 200, 400, 800)
)
CURVE = Outlook("accuracy", 300, POINTS, Forecast(STEPS, 0.8, True, "", ("Beware.",)))
BARE = replace(CURVE, forecast=None)
KEYS = {(0, 7): "a" * 64, (1, 6): "b" * 64, (0, 5): "c" * 64}
TOLD = {
    "a" * 64: {"cpu_s": 40.0, "gpu_s": 0.0},
    "b" * 64: {"cpu_s": 20.0, "gpu_s": 0.0},
    "c" * 64: {"cpu_s": 10.0},
}


# --- what must not happen


def test_nothing_is_said_beyond_eight_times_the_labels():
    far = replace(CURVE.forecast, steps=(*STEPS, Step(801, 0.9, 0.8, 0.99, 0.1, 0.0, 0.2)))
    assert [step["n"] for step in curve.curve_info(replace(CURVE, forecast=far))["forecast"]] == [
        *(100, 200, 400, 800),
    ]


def test_nothing_is_forecast_against_the_time_of_a_training():
    info = curve.curve_info(CURVE, View(axis=axis.compute(TOLD)), keys=KEYS)
    assert {step["x"] for step in info["forecast"]} == {None}
    assert [point["x"] for point in info["points"]] == [10.0, 20.0, 40.0]
    assert [size["x"] for size in info["sizes"]] == [15.0, 40.0]


def test_a_training_without_a_receipt_has_no_place_on_that_axis():
    told = {key: receipt for key, receipt in TOLD.items() if key != "b" * 64} | {"b" * 64: {}}
    info = curve.curve_info(CURVE, View(axis=axis.compute(told)), keys=KEYS)
    assert [point["x"] for point in info["points"]] == [10.0, None, 40.0]
    assert info["sizes"][0]["x"] == 10.0


# --- what it says


def test_the_info_is_plain_and_complete():
    info = curve.curve_info(CURVE, View(target=0.9), keys=KEYS)
    assert json.loads(json.dumps(info)) == info
    first = {"n": 50, "repeat": 0, "seed": 5, "value": 0.70, "low": 0.64, "high": 0.76}
    assert info["points"][0] == first | {"key": "c" * 64, "x": 50.0}
    assert info["sizes"] == [
        {"n": 50, "trainings": 2, "mean": 0.71, "low": 0.65, "high": 0.77, "x": 50.0},
        {"n": 100, "trainings": 1, "mean": 0.80, "low": 0.75, "high": 0.85, "x": 100.0},
    ]
    assert [(step["n"], step["shaded"]) for step in info["forecast"]] == [
        *((100, False), (200, False), (400, False), (800, True)),
    ]
    kept = {name: info[name] for name in ("metric", "n_test", "labels", "last_value", "plateau", "target")}
    assert kept == {
        "metric": "accuracy",
        "n_test": 300,
        "labels": 100,
        "last_value": 0.8,
        "plateau": True,
        "target": 0.9,
    }
    assert info["flags"] == ["Beware."]


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (replace(BARE, points=()), "No training of this curve has finished yet."),
        (
            BARE,
            "Accuracy goes from 71.0 % with 50 labels to 80.0 % with 100 labels, measured by 3 trainings "
            "on 300 test items.",
        ),
        (
            replace(CURVE, forecast=Forecast((), 0.8, False, "Too few sizes.", ())),
            "Accuracy goes from 71.0 % with 50 labels to 80.0 % with 100 labels, measured by 3 trainings "
            "on 300 test items. Too few sizes.",
        ),
        (
            CURVE,
            "Accuracy goes from 71.0 % with 50 labels to 80.0 % with 100 labels, measured by 3 trainings "
            "on 300 test items. The forecast for 200 labels is 82.0 % (90 % band: 79.0 % to 87.0 %).",
        ),
    ],
    ids=["empty", "no forecast yet", "refused", "whole"],
)
def test_the_summary_says_what_the_picture_shows(shown, words):
    assert curve.curve_info(shown)["summary"] == words


def test_a_class_is_named_with_its_own_labels():
    info = curve.curve_info(replace(BARE, metric="recall"), label="crack")
    assert info["words"] == "Recall of crack"
    assert info["summary"].startswith("Recall of crack goes from 71.0 % with 50 labels")


def test_other_curves_share_the_axis():
    other = Trace(9, "augmented, curve 9", "policy gentle", CURVE, KEYS)
    info = curve.curve_info(CURVE, View(axis=axis.cost(0.5, "EUR"), overlays=[other]))
    (laid,) = info["overlays"]
    assert (laid["id"], laid["name"], laid["group"]) == (9, "augmented, curve 9", "policy gentle")
    assert [size["x"] for size in laid["sizes"]] == [25.0, 50.0]
    assert [step["x"] for step in laid["forecast"]] == [50.0, 100.0, 200.0, 400.0]


def test_a_price_and_a_ceiling_are_told():
    priced = View(cost=axis.cost(0.2, "USD"), ceiling=Ceiling(0.97, 0.95, 0.98, 200))
    info = curve.curve_info(CURVE, priced)
    assert info["cost"] == {"words": "Cost of the labels (USD)", "per_label": 0.2}
    assert [step["cost"] for step in info["forecast"]] == [20.0, 40.0, 80.0, 160.0]
    assert info["ceiling"] == {"value": 0.97, "low": 0.95, "high": 0.98, "n": 200}


# --- axes


@pytest.mark.parametrize(
    ("found", "words", "x"),
    [
        (axis.LABELS, "Labels in training", 100.0),
        (axis.cost(0.25, "EUR"), "Cost of the labels (EUR)", 25.0),
        (axis.hours(36.0), "Hours of labeling, 36.0 s a label", 1.0),
        (axis.hours(18.0, simulated=True), "Hours of labeling, 18.0 s a label, simulated", 0.5),
    ],
)
def test_an_axis_turns_labels_into_its_unit(found, words, x):
    assert (found.words, found.at(100), found.of(100, "any")) == (words, x, x)


def test_training_time_is_that_of_a_gpu_where_there_was_one():
    found = axis.compute({"k": {"cpu_s": 9.0, "gpu_s": 3.0}})
    assert (found.words, found.seconds, found.at(100)) == ("GPU-seconds of a training", {"k": 3.0}, None)
    assert axis.compute(TOLD).words == "CPU-seconds of a training"


def test_a_training_too_short_to_be_timed_stays_on_a_log_scale():
    assert axis.compute({"k": {"cpu_s": 0.0}}).seconds == {"k": axis.LEAST_SECONDS}
