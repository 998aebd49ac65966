import json
from dataclasses import replace

import pytest

from tests.workbench.test_chart_curve import BARE, CURVE, KEYS, TOLD
from workbench.charts import axis, curve, drawing
from workbench.charts.curve import Ceiling, Trace, View

OTHERS = [
    Trace(1, "augmented, curve 1", "augmented", CURVE, {}),
    Trace(2, "augmented, curve 2", "augmented", CURVE, {}),
    Trace(3, "Linear probe (ridge) on pixels, curve 3", "Linear probe (ridge) on pixels", BARE, {}),
]


def option(shown, view=curve.PLAIN, **more):
    return drawing.curve_option(curve.curve_info(shown, view, keys=KEYS), **more)


def series(drawn):
    """The last series of each name: of the band that is its height."""
    return {found["name"]: found for found in drawn["series"]}


# --- what must not happen


def test_without_a_forecast_only_what_was_measured_is_drawn():
    assert series(option(BARE)).keys() == {"One training", "Mean"}
    empty = option(replace(BARE, points=()), View(cost=axis.cost(0.2, "USD")))
    assert [found["data"] for found in empty["series"]] == [[], []]
    assert not isinstance(empty["xAxis"], list)


def test_training_time_carries_no_forecast():
    drawn = option(CURVE, View(axis=axis.compute(TOLD)))
    assert series(drawn).keys() == {"One training", "Mean"}
    assert [row[0] for row in series(drawn)["Mean"]["data"]] == [15.0, 40.0]


OPTIONS = [
    option(CURVE, View(target=0.9, ceiling=Ceiling(0.97, 0.95, 0.98, 200)), dark=True),
    option(CURVE, View(cost=axis.cost(0.2, "USD"), overlays=OTHERS)),
    option(CURVE, View(axis=axis.hours(20.0), scale="linear")),
    option(BARE),
]


@pytest.mark.parametrize("drawn", OPTIONS)
def test_options_are_json_without_html(drawn):
    assert json.loads(json.dumps(drawn)) == drawn
    assert drawn["tooltip"]["renderMode"] == "richText"
    assert drawn["aria"]["enabled"]
    assert "<" not in json.dumps(drawn)


@pytest.mark.parametrize("drawn", OPTIONS)
def test_series_are_told_apart_without_color(drawn):
    marks = {
        (
            found["type"],
            found["symbol"],
            str(found.get("lineStyle", {}).get("type")),
            found.get("showSymbol", True),
            found["name"],
        )
        for found in drawn["series"]
        if "areaStyle" not in found and found.get("id") != "lower edge"
    }
    assert len({mark[:4] for mark in marks}) == len(marks)


# --- what it shows


@pytest.mark.parametrize("dark", [False, True])
def test_the_chart_shows_every_training_and_the_band(dark):
    found = option(CURVE, dark=dark)
    drawn = series(found)
    assert [row[:4] for row in drawn["One training"]["data"]] == [
        [50.0, 70.0, 50, 5],
        [50.0, 72.0, 50, 6],
        [100.0, 80.0, 100, 7],
    ]
    assert [row[4] for row in drawn["One training"]["data"]] == ["c" * 64, "b" * 64, "a" * 64]
    assert drawn["Mean"]["data"] == [[50.0, 71.0, 65.0, 77.0, 2, 50], [100.0, 80.0, 75.0, 85.0, 1, 100]]
    assert [row[0] for row in drawn["Forecast"]["data"]] == [100, 200, 400, 800]
    low, height = found["series"][:2]
    assert (low["name"], height["name"]) == ("90 % band", "90 % band")  # the legend hides them together
    top = [one[1] + other[1] for one, other in zip(low["data"], height["data"], strict=True)]
    assert top == pytest.approx([86, 87, 89, 93])
    assert drawn["Last value stays"]["data"] == [[100, 80.0], [800, 80.0]]
    assert drawn["Forecast"]["markArea"]["data"][0][0]["xAxis"] == 400


def test_the_shade_begins_at_four_times_the_labels_on_every_axis():
    drawn = series(option(CURVE, View(axis=axis.cost(0.2, "USD"))))
    assert drawn["Forecast"]["markArea"]["data"][0][0]["xAxis"] == 80.0


@pytest.mark.parametrize(("scale", "kind"), [("log", "log"), ("linear", "value")])
def test_both_scales(scale, kind):
    drawn = option(CURVE, View(scale=scale))["xAxis"]
    assert (drawn["type"], "log scale" in drawn["name"]) == (kind, scale == "log")


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_the_cost_axis_lies_exactly_over_the_labels(scale):
    labels, money = option(CURVE, View(scale=scale, cost=axis.cost(0.2, "USD")))["xAxis"]
    assert (money["position"], money["name"]) == ("top", "Cost of the labels (USD)")
    assert (money["min"], money["max"]) == pytest.approx((0.2 * labels["min"], 0.2 * labels["max"]))


def test_target_and_ceiling_are_lines_in_sight():
    drawn = option(BARE, View(target=0.925, ceiling=Ceiling(0.94, 0.9, 0.96, 80)))
    lines = series(drawn)["Mean"]["markLine"]["data"]
    assert [line["yAxis"] for line in lines] == [92.5, 94.0]
    assert len({line["lineStyle"]["type"] for line in lines}) == 2
    assert drawn["yAxis"]["max"] == 95


@pytest.mark.parametrize(("target", "ends"), [(0.97, {"max": 100}), (0.31, {"min": 30}), (0.8, {})])
def test_the_axis_reaches_to_the_target(target, ends):
    found = option(BARE, View(target=target))["yAxis"]
    assert {name: found[name] for name in ("min", "max") if name in found} == ends


def test_a_group_shares_one_entry_of_the_legend():
    drawn = option(CURVE, View(overlays=OTHERS))
    assert drawn["legend"]["data"][-2:] == ["augmented", "Linear probe (ridge) on pixels"]
    laid = [found for found in drawn["series"] if found["name"] == "augmented"]
    assert len(laid) == 4  # two means, two forecasts
    assert len({found["color"] for found in laid}) == 1
    assert laid[0]["data"][0] == [50.0, 71.0, 50, "augmented, curve 1"]
