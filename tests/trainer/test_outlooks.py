import pytest

from labeling.models import Dataset
from trainer.curves.outlook import Forecast, Law, Quantiles, Step
from trainer.models import Curve, CurveCell
from trainer.services import forecasts, outlooks
from trainer.services.forecasts import Kept

pytestmark = pytest.mark.django_db

STEP = Step(64, 0.8, 0.7, 0.9, 0.0, -0.01, 0.01)
SCORES = tuple(round(0.5 + share / 250, 3) for share in range(99))
FORECAST = Forecast(
    (STEP,), 0.8, True, "", ("A warning.",), Quantiles((64, 1024), (SCORES, SCORES)), Law(0.1, 2.0, 0.5)
)


def interval(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def metrics(value, recalls):
    scores = [
        {"n": 10, "precision": None, "recall": None if recall is None else interval(recall)}
        for recall in recalls
    ]
    return {**{name: interval(value) for name in outlooks.METRICS}, "classes": scores}


@pytest.fixture
def dataset(now):
    return Dataset.objects.create(name="shapes", classes=["circle", "square"], created_at=now)


def draw(dataset, now, cells, **fields):
    curve = Curve.objects.create(
        dataset=dataset, recipe={"network": "cnn"}, fingerprint="f", sizes=[16, 64], repeats=[1, 1],
        n_test=20, seed=1, created_at=now, **{"test_set": "t", **fields},
    )  # fmt: skip
    for number, (n, counts, measured) in enumerate(cells):
        curve.cells.add(
            CurveCell.objects.create(
                key=f"{curve.pk}-{number}", dataset=dataset, n=n, repeat=0, seed=number, counts=counts,
                metrics=measured, receipt={"cpu_s": 2.5}, created_at=now,
            )
        )  # fmt: skip
    return curve


@pytest.fixture
def curve(dataset, now):
    return draw(
        dataset,
        now,
        [
            (16, {"circle": 12, "square": 4}, metrics(0.5, [0.6, 0.2])),
            (64, {"circle": 48, "square": 16}, metrics(0.8, [0.9, None])),
        ],
    )


def test_nothing_is_shown_before_the_first_training(dataset, now):
    empty = outlooks.outlook_of(draw(dataset, now, []))
    assert (empty.points, empty.forecast) == ((), None)


def test_a_class_counts_its_own_labels(curve):
    assert [(p.n, p.value) for p in outlooks.outlook_of(curve, label="circle").points] == [
        (12, 0.6),
        (48, 0.9),
    ]


def test_a_class_that_was_not_tested_has_no_point(curve):
    found = dict(outlooks.class_outlooks(curve))
    assert [point.n for point in found["square"].points] == [4]
    assert list(found) == ["circle", "square"]
    assert found["circle"].n_test == 10


def test_a_class_that_came_later_has_none(curve, dataset):
    dataset.classes = [*dataset.classes, "triangle"]
    dataset.save()
    assert dict(outlooks.class_outlooks(Curve.objects.get()))["triangle"].points == ()


@pytest.mark.parametrize("metric", outlooks.METRICS)
def test_what_was_kept_comes_back(curve, now, metric):
    assert forecasts.record(curve, [Kept(metric, "", FORECAST, 0.5, 1.2)], now)
    found = outlooks.outlook_of(curve, metric)
    assert found.forecast == FORECAST
    assert [(point.n, point.value) for point in found.points] == [(16, 0.5), (64, 0.8)]
    assert curve.forecasts.get().widened == 1.2


def test_a_refused_forecast_has_no_distribution(curve, now):
    refused = Forecast((), 0.8, False, "Too few sizes.", ())
    forecasts.record(curve, [Kept("recall", "circle", refused, 0.0, 1.0)], now)
    assert outlooks.outlook_of(curve, label="circle").forecast == refused


def test_curves_on_other_test_items_are_not_compared(curve, dataset, now):
    cells = [(16, {}, metrics(0.5, [0.5, 0.5]))]
    draw(dataset, now, cells, test_set="other")
    draw(dataset, now, [])
    beside = draw(dataset, now, cells)
    assert outlooks.comparable(curve) == (beside,)


def test_trainings_come_with_their_receipts(curve):
    assert [(t.n, t.seed, t.receipt) for t in outlooks.trainings(curve)] == [
        (16, 0, {"cpu_s": 2.5}),
        (64, 1, {"cpu_s": 2.5}),
    ]
