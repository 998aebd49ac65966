import json
from dataclasses import replace

import pytest

from trainer.curves.outlook import Forecast, Outlook, Point, Step
from workbench import charts

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


def series(option):
    return {found["name"]: found for found in option["series"]}


def test_the_info_is_plain_and_complete():
    info = charts.curve_info(CURVE, target=0.9)
    assert json.loads(json.dumps(info)) == info
    assert info["points"][0] == {"n": 50, "repeat": 0, "seed": 5, "value": 0.70, "low": 0.64, "high": 0.76}
    assert info["sizes"] == [
        {"n": 50, "trainings": 2, "mean": 0.71, "low": 0.65, "high": 0.77},
        {"n": 100, "trainings": 1, "mean": 0.80, "low": 0.75, "high": 0.85},
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
    ("curve", "words"),
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
def test_the_summary_says_what_the_picture_shows(curve, words):
    assert charts.curve_summary(curve) == words
    assert charts.curve_option(charts.curve_info(curve))["aria"]["label"]["description"] == words


@pytest.mark.parametrize("dark", [False, True])
def test_the_chart_shows_every_training_and_the_band(dark):
    drawn = series(charts.curve_option(charts.curve_info(CURVE), dark=dark))
    assert drawn["One training"]["data"] == [[50, 70.0, 5], [50, 72.0, 6], [100, 80.0, 7]]
    assert drawn["Mean"]["data"] == [[50, 71.0, 65.0, 77.0, 2], [100, 80.0, 75.0, 85.0, 1]]
    assert [row[0] for row in drawn["Forecast"]["data"]] == [100, 200, 400, 800]
    top = [
        low[1] + high[1]
        for low, high in zip(drawn["lower edge"]["data"], drawn["90 % band"]["data"], strict=True)
    ]
    assert top == pytest.approx([86, 87, 89, 93])
    assert drawn["Last value stays"]["data"] == [[100, 80.0], [800, 80.0]]
    assert drawn["Forecast"]["markArea"]["data"][0][0]["xAxis"] == 400


def test_without_a_forecast_only_what_was_measured_is_drawn():
    assert series(charts.curve_option(charts.curve_info(BARE))).keys() == {"One training", "Mean"}
    empty = charts.curve_option(charts.curve_info(replace(BARE, points=())))
    assert [found["data"] for found in empty["series"]] == [[], []]


def test_a_target_is_a_line_of_its_own():
    drawn = series(charts.curve_option(charts.curve_info(BARE, target=0.925)))
    assert drawn["Mean"]["markLine"]["data"] == [{"yAxis": 92.5}]


OPTIONS = [
    charts.curve_option(charts.curve_info(CURVE, target=0.9), dark=True),
    charts.curve_option(charts.curve_info(BARE)),
    charts.run_history_option(charts.run_history_info([{"step": 10, "loss": 1.2, "accuracy": 0.5}])),
    charts.run_history_option(charts.run_history_info([])),
    charts.run_history_option(charts.run_history_info([]), validated=True),
]


@pytest.mark.parametrize("option", OPTIONS)
def test_options_are_json_without_html(option):
    assert json.loads(json.dumps(option)) == option
    assert option["tooltip"]["renderMode"] == "richText"
    assert option["aria"]["enabled"]
    assert "<" not in json.dumps(option)


@pytest.mark.parametrize("option", OPTIONS)
def test_series_are_told_apart_without_color(option):
    marks = [
        (found["type"], found.get("symbol"), found.get("lineStyle", {}).get("type"), "areaStyle" in found)
        for found in option["series"]
    ]
    assert len(set(marks)) == len(marks)


def test_a_run_that_has_not_begun_and_one_that_has():
    assert charts.run_history_info([])["summary"].startswith("No step")
    info = charts.run_history_info([{"step": 10, "loss": 1.23456, "accuracy": 0.5}])
    assert info["summary"] == "Training loss 1.235 and accuracy 50.0 % at step 10."
    drawn = series(charts.run_history_option(info))
    assert drawn["Loss"]["data"] == [[10, 1.2346]]
    assert drawn["Accuracy"]["data"] == [[10, 50.0]]


def test_only_what_was_held_out_has_a_line_of_its_own():
    history = [
        {"step": 10, "loss": 1.2, "accuracy": 0.5, "validation_accuracy": None},
        {"step": 20, "loss": 0.9, "accuracy": 0.6, "validation_accuracy": 0.55},
    ]
    drawn = series(charts.run_history_option(charts.run_history_info(history)))
    assert drawn["Validation accuracy"]["data"] == [[20, 55.0]]
    assert drawn["Validation accuracy"]["yAxisIndex"] == drawn["Accuracy"]["yAxisIndex"]
    assert "Validation accuracy" not in series(
        charts.run_history_option(charts.run_history_info(history[:1]))
    )


def test_a_line_waits_for_the_first_validation():
    drawn = series(charts.run_history_option(charts.run_history_info([]), validated=True))
    assert drawn["Validation accuracy"]["data"] == []
