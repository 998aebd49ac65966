from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from labeling.models import Dataset
from tests.trainer.test_outlooks import FORECAST, draw, metrics
from trainer.curves.outlook import Quantiles
from trainer.models import ForecastScore
from trainer.services import forecasts
from trainer.services.forecasts import Kept

pytestmark = pytest.mark.django_db

LATER = timedelta(days=3)
CIRCLES = {"circle": 12, "square": 4}


@pytest.fixture
def dataset(now):
    return Dataset.objects.create(name="shapes", classes=["circle", "square"], created_at=now)


def cells(*rows):
    return [
        (n, {"circle": 3 * n // 4, "square": n // 4}, metrics(value, [value, value])) for n, value in rows
    ]


def said(low, high):
    """A forecast that is certain of nothing but its 90 % band, at every n."""
    row = tuple(np.linspace(low - (high - low) / 18 * 0.8, high + (high - low) / 18 * 0.8, 99).tolist())
    return replace(FORECAST, quantiles=Quantiles((16, 1024), (row, row)))


@pytest.fixture
def earlier(dataset, now):
    curve = draw(dataset, now, cells((16, 0.5), (64, 0.8)))
    kept = [
        Kept("accuracy", "", said(0.85, 0.95), 0.5, 1.0),
        Kept("recall", "circle", said(0.6, 0.7), 0.0, 1.0),
    ]
    forecasts.record(curve, kept, now)
    return curve


def test_a_curve_is_closed_once(dataset, now):
    curve = draw(dataset, now, [])
    assert forecasts.record(curve, [Kept("accuracy", "", FORECAST, 0.5, 1.0)], now)
    assert not forecasts.record(
        curve, [Kept("accuracy", "", replace(FORECAST, last_value=0.9), 0.5, 1.0)], now
    )
    curve.refresh_from_db()
    assert (curve.forecasts.get().last_value, curve.finished_at) == (0.8, now)


@pytest.mark.parametrize(
    "other",
    [
        {"test_set": "other"},
        {"test_set": ""},
        {"tier": "ridge"},
        {"recipe": {"network": "vit"}},
        {"weights": "w"},
    ],
)
def test_another_kind_of_curve_scores_nothing(earlier, dataset, now, other):
    fields = {"recipe": {"network": "cnn"}} | other
    truth = draw(dataset, now, cells((128, 0.9)))
    for name, value in fields.items():
        setattr(truth, name, value)
    truth.save()
    assert forecasts.score_with(truth, now + LATER) == 0


def test_neither_known_sizes_nor_ones_out_of_reach_are_scored(earlier, dataset, now):
    truth = draw(dataset, now, cells((32, 0.7), (64, 0.8), (513, 0.95)))
    forecasts.score_with(truth, now + LATER)
    assert not ForecastScore.objects.filter(forecast__metric="accuracy").exists()


def test_what_was_said_stands_beside_what_it_became(earlier, dataset, now):
    truth = draw(dataset, now, cells((128, 0.88), (128, 0.92)))
    assert forecasts.score_with(truth, now + LATER) == 2
    rows = {row.metric: row for row in forecasts.scored(dataset)}
    found = rows["accuracy"]
    assert (found.n, found.trainings) == (128, 2)
    assert found.became == pytest.approx(0.9)
    assert (found.low, found.median, found.high) == pytest.approx((0.85, 0.9, 0.95), abs=1e-3)
    assert (found.last_value, found.curve_id, found.truth_id) == (0.8, earlier.pk, truth.pk)
    assert (found.said_at, found.scored_at) == (now, now + LATER)
    assert found.inside
    assert (rows["recall"].label, rows["recall"].n, rows["recall"].inside) == ("circle", 96, False)


def test_a_size_is_scored_once(earlier, dataset, now):
    truth = draw(dataset, now, cells((128, 0.9)))
    assert forecasts.score_with(truth, now) == 2
    assert forecasts.score_with(draw(dataset, now, cells((128, 0.5))), now) == 0


def test_no_record_without_scores():
    assert forecasts.track_record(()) is None


def test_the_record_of_known_misses(earlier, dataset, now):
    for n, value in ((128, 0.9), (256, 0.7), (512, 0.96)):
        forecasts.score_with(draw(dataset, now, cells((n, value))), now)
    found = forecasts.track_record([row for row in forecasts.scored(dataset) if row.metric == "accuracy"])
    assert (found.n, found.covered) == (3, 1)
    assert found.coverage == pytest.approx(1 / 3)
    assert found.coverage_low < 1 / 3 < found.coverage_high
    assert found.bias == pytest.approx((0.0 - 0.2 + 0.06) / 3, abs=1e-3)
    assert found.bias_low < found.bias < found.bias_high
    assert found.error == pytest.approx(0.26 / 3, abs=1e-3)
    assert found.last_value_error == pytest.approx((0.1 + 0.1 + 0.16) / 3)


def test_one_score_alone_has_no_interval_of_its_bias(earlier, dataset, now):
    forecasts.score_with(draw(dataset, now, cells((128, 0.9))), now)
    found = forecasts.track_record([row for row in forecasts.scored(dataset) if row.metric == "accuracy"])
    assert (found.bias_low, found.bias_high) == (None, None)


def test_past_forecasts_come_with_the_width_that_they_had(earlier, dataset, now):
    earlier.forecasts.filter(metric="accuracy").update(widened=1.5)
    forecasts.score_with(draw(dataset, now, cells((128, 0.9))), now)
    (found,) = forecasts.past(dataset, "accuracy")
    assert found == pytest.approx((0.9, 0.9, 0.85, 0.95, 1.5), abs=1e-3)


def test_chances_are_those_of_the_test_items():
    snapshot = SimpleNamespace(labels=np.array([0, 0, 0, 1, 2, 2]), test_rows=np.array([0, 1, 2, 3]))
    found = forecasts.chances(snapshot)
    assert (found["accuracy"], found["balanced_accuracy"]) == (0.75, 0.5)
