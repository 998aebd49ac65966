import pytest

from workbench import study_charts

POINTS = [
    {"rate": 10.0**power, "loss": 2.0, "smoothed": loss} for power, loss in ((-3, 2.0), (-2, 1.0), (-1, 4.0))
]
RESULT = {"points": POINTS, "chosen": 1e-3, "lowest": 1e-2, "steepest": 1e-3}


def cell(value, low, high):
    return {"accuracy": value and {"value": value, "low": low, "high": high}}


def test_nothing_measured_is_said():
    info = study_charts.range_info({})
    assert info["points"] == []
    assert study_charts.range_option(info)["series"][0]["data"] == []


def test_a_loss_that_never_fell_chooses_nothing():
    info = study_charts.range_info({**RESULT, "chosen": None})
    assert "no rate is chosen" in info["summary"]
    assert study_charts.range_option(info)["series"][0]["markLine"]["data"] == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_chart_shows_the_losses_and_marks_the_rate(dark):
    info = study_charts.range_info(RESULT)
    option = study_charts.range_option(info, dark=dark)
    assert option["series"][0]["data"] == [[0.001, 2.0], [0.01, 1.0], [0.1, 4.0]]
    assert option["series"][0]["markLine"]["data"] == [{"xAxis": 1e-3, "name": "chosen"}]
    assert "lowest at a rate of 0.01; a tenth of it, 0.001, is chosen" in info["summary"]


def test_cells_that_overlap_the_best_cannot_be_told_apart():
    cells = [cell(0.5, 0.45, 0.55), cell(0.6, 0.54, 0.66), cell(None, 0, 0), cell(0.4, 0.35, 0.45)]
    assert study_charts.best_cell(cells) == 1
    assert study_charts.ties(cells) == [True, True, False, False]
    assert study_charts.best_cell([cell(None, 0, 0)]) is None
