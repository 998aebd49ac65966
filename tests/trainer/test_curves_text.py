from dataclasses import replace

import pytest

from trainer.curves import text
from trainer.curves.outlook import SHARES, Forecast, Outlook, Point, Quantiles, Step

POINTS = tuple(
    Point(n, repeat, 1, value, 0, 1) for n, repeat, value in [(50, 0, 0.6), (50, 1, 0.7), (100, 0, 0.8)]
)
STEPS = tuple(
    Step(n, m, m - 0.04, m + 0.04, 0, 0, 0) for n, m in [(100, 0.8), (200, 0.85), (400, 0.9), (800, 0.95)]
)


WHOLE = Forecast(STEPS, 0.8, False, "", ("Beware.",))


def draw(points=POINTS, forecast=WHOLE, target=None):
    return text.draw(Outlook("balanced_accuracy", 300, points, forecast), target).splitlines()


def test_the_picture():
    assert draw() == [
        "Balanced accuracy on 300 test items",
        "  labels      mean  60.0 %                            99.0 %",
        "      50    65.0 %  o         o                               measured",
        "     100    80.0 %                      o                     measured",
        "     200    85.0 %                       ----|----            forecast, 90 % band 81.0 to 89.0",
        "     400    90.0 %                            ----|----       forecast, 90 % band 86.0 to 94.0",
        "     800    95.0 %                                 ----|----  forecast, 90 % band 91.0 to 99.0",
        "Beware.",
    ]


def test_points_alone():
    assert len(draw(forecast=None)) == 4
    assert draw(forecast=Forecast((), 0.8, False, "Too few sizes.", ()))[-1] == "Too few sizes."


def test_equal_points_stand_in_one_column():
    same = tuple(Point(n, 0, 1, 0.5, 0, 1) for n in (50, 100))
    assert draw(same, None)[2].split() == ["50", "50.0", "%", "o", "measured"]


def test_no_training_no_picture():
    assert draw((), None) == ["No training has finished yet."]


KEPT = Quantiles((100, 1600), tuple(tuple(low + 0.1 * share for share in SHARES) for low in (0.75, 0.95)))


def test_a_target_stands_as_a_column_with_its_chance_beside_every_forecast():
    assert draw(forecast=replace(WHOLE, quantiles=KEPT), target=0.9) == [
        "Balanced accuracy on 300 test items",
        "  target    90.0 %                                :         ",
        "  labels      mean  60.0 %                            99.0 %",
        "      50    65.0 %  o         o                   :           measured",
        "     100    80.0 %                      o         :           measured",
        "     200    85.0 %                       ----|----:           forecast, 90 % band 81.0 to 89.0,"
        " target reached with 0 %",
        "     400    90.0 %                            ----|----       forecast, 90 % band 86.0 to 94.0,"
        " target reached with 50 %",
        "     800    95.0 %                                :----|----  forecast, 90 % band 91.0 to 99.0,"
        " target reached with 100 %",
        "Beware.",
    ]


def test_a_target_beyond_everything_widens_the_picture():
    lines = draw(target=1.0)
    assert lines[2].endswith("100.0 %")
    assert lines[1].rstrip().endswith(":")


def test_where_no_quantiles_are_kept_no_chance_is_said():
    assert draw(target=0.9)[5].endswith("90 % band 81.0 to 89.0")


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("accuracy", "Accuracy"),
        ("balanced_accuracy", "Balanced accuracy"),
        ("macro_f1", "Macro F1"),
        ("recall:deep scratch", "Recall of deep scratch"),
    ],
)
def test_metrics_in_words(metric, words):
    assert text.title(metric) == words
