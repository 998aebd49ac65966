"""The smaller charts: one training, every class, and how forecasts fared."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.workbench.test_chart_curve import BARE, CURVE
from workbench.charts import multiples, promises, training
from workbench.charts.promises import Miss

# --- one training


def series(option):
    return {found["name"]: found for found in option["series"]}


def test_a_run_that_has_not_begun_and_one_that_has():
    assert training.run_history_info([])["summary"].startswith("No step")
    info = training.run_history_info([{"step": 10, "loss": 1.23456, "accuracy": 0.5}])
    assert info["summary"] == "Training loss 1.235 and accuracy 50.0 % at step 10."
    drawn = series(training.run_history_option(info))
    assert drawn["Loss"]["data"] == [[10, 1.2346]]
    assert drawn["Accuracy"]["data"] == [[10, 50.0]]


def test_only_what_was_held_out_has_a_line_of_its_own():
    history = [
        {"step": 10, "loss": 1.2, "accuracy": 0.5, "validation_accuracy": None},
        {"step": 20, "loss": 0.9, "accuracy": 0.6, "validation_accuracy": 0.55},
    ]
    drawn = series(training.run_history_option(training.run_history_info(history)))
    assert drawn["Validation accuracy"]["data"] == [[20, 55.0]]
    assert drawn["Validation accuracy"]["yAxisIndex"] == drawn["Accuracy"]["yAxisIndex"]
    assert "Validation accuracy" not in series(
        training.run_history_option(training.run_history_info(history[:1]))
    )


def test_a_line_waits_for_the_first_validation():
    drawn = series(training.run_history_option(training.run_history_info([]), validated=True))
    assert drawn["Validation accuracy"]["data"] == []


# --- every class

RECALL = replace(CURVE, metric="recall")
WORSE = replace(RECALL, points=tuple(point._replace(value=point.value / 2) for point in RECALL.points))
UNTESTED = replace(BARE, metric="recall", points=(), n_test=0)
CLASSES = (("dog", RECALL), ("<b>cat</b>", WORSE), ("emu", UNTESTED))


def test_the_worst_class_comes_first_and_an_untested_one_last():
    info = multiples.classes_info(CLASSES)
    assert [one["label"] for one in info["classes"]] == ["<b>cat</b>", "dog", "emu"]
    assert info["summary"] == (
        "Of 2 classes “<b>cat</b>” is recalled worst, 40.0 % of its 300 test items with 100 labels, and "
        "“dog” best, 80.0 % of 300."
    )


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ((), "No training has been measured class by class yet."),
        ((("dog", RECALL),), "Recall of dog goes from 71.0 %"),
        ((("dog", RECALL), ("emu", RECALL)), "All 2 classes have a recall of 80.0 % with most labels."),
    ],
)
def test_one_class_or_none_has_a_sentence_too(classes, words):
    assert multiples.classes_info(classes)["summary"].startswith(words)


def test_each_class_has_axes_and_a_title_of_its_own():
    drawn = multiples.classes_option(multiples.classes_info(CLASSES), dark=True)
    assert [len(drawn[part]) for part in ("grid", "title", "xAxis", "yAxis")] == [2, 2, 2, 2]
    assert [title["text"] for title in drawn["title"]] == ["<b>cat</b>", "dog"]
    assert drawn["title"][0]["subtext"] == "n = 300 test items"
    assert {(one["xAxisIndex"], one["yAxisIndex"]) for one in drawn["series"]} == {(0, 0), (1, 1)}
    stacks = {one["stack"] for one in drawn["series"] if "stack" in one}
    assert stacks == {"band 0", "band 1"}


def test_a_class_without_a_forecast_shows_what_was_measured():
    drawn = multiples.classes_option(multiples.classes_info((("dog", replace(RECALL, forecast=None)),)))
    assert [one["name"] for one in drawn["series"]] == ["Recall"]


def test_hundreds_of_classes_are_not_all_drawn():
    many = tuple((f"class {number}", RECALL) for number in range(100))
    assert len(multiples.classes_option(multiples.classes_info(many))["grid"]) == multiples.MOST


# --- how forecasts fared


def test_bias_is_the_mean_of_all_misses_so_far(now):
    misses = [
        Miss(now + timedelta(days=1), 0.04, 0.06, "Accuracy, 300 labels", False),
        Miss(now, -0.02, 0.01, "Accuracy, 200 labels", True),
    ]
    info = promises.misses_info(misses)
    assert [row["of"] for row in info["misses"]] == ["Accuracy, 200 labels", "Accuracy, 300 labels"]
    assert [row["bias"] for row in info["misses"]] == pytest.approx([-0.02, 0.01])
    assert info["summary"] == ("2 scored forecasts: 1.0 points too low on average, 1 in the 90 % band.")
    assert [row["coverage"] for row in info["misses"]] == [1.0, 0.5]
    drawn = series(promises.misses_option(info))
    assert drawn["Bias so far"]["data"][1] == [2, 1.0, "Accuracy, 300 labels", "2026-11-24"]
    assert [row[1] for row in drawn["Last value"]["data"]] == [1.0, 6.0]
    assert [row[1] for row in drawn["Coverage so far"]["data"]] == [100.0, 50.0]


def test_no_forecast_no_bias():
    assert promises.misses_info([]) == {"misses": [], "summary": "No forecast has been scored yet."}


@pytest.mark.parametrize(
    "option",
    [
        training.run_history_option(training.run_history_info([]), validated=True),
        multiples.classes_option(multiples.classes_info(CLASSES[:1])),
        promises.misses_option(promises.misses_info([])),
    ],
)
def test_options_are_json_without_html(option):
    assert json.loads(json.dumps(option)) == option
    assert option["tooltip"]["renderMode"] == "richText"
    assert "<" not in json.dumps(option)
