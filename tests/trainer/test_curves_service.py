from datetime import timedelta

import numpy as np
import pytest

from labeling.models import Dataset, Sample
from labeling.services import pictures
from tests import toys
from trainer.curves.outlook import Forecast, Step
from trainer.engine.recipe import NAMED, Recipe
from trainer.models import CurveCell
from trainer.services import curves
from trainer.services.curves import NoCurve

pytestmark = pytest.mark.django_db

METRICS = {
    name: {"value": 0.8, "low": 0.7, "high": 0.9} for name in ("accuracy", "balanced_accuracy", "macro_f1")
}
STEP = Step(64, 0.8, 0.7, 0.9, 0.0, -0.01, 0.01)
CHANCES = {"accuracy": 0.5, "balanced_accuracy": 1 / 3}


@pytest.fixture
def dataset(state, tmp_path, now):
    toys.shape_folder(
        tmp_path / "shapes", {"circle": 50, "square": 30, "triangle": 10}, np.random.default_rng(0)
    )
    made = Dataset.objects.create(name="shapes", created_at=now)
    pictures.import_images(made, tmp_path / "shapes", now=now)
    made.refresh_from_db()
    return made


@pytest.fixture
def curve(dataset, now):
    return curves.open_curve(dataset, NAMED["plain"], "quick", 1, now)


def planned(curve):
    return curves.plan(curve, curves.frozen(curve))


def record(curve, cell, now):
    return curves.record_cell(curve, *cell, METRICS, {"steps": 10}, now)


def forecasts(value=0.8):
    return {metric: Forecast((STEP,), value, True, "", ("A warning.",)) for metric in CHANCES}


def test_no_curve_without_test_labels(dataset, now):
    dataset.samples.testing().update(label="")
    with pytest.raises(NoCurve, match="needs labeled test items of two classes"):
        curves.open_curve(dataset, NAMED["plain"], "quick", 1, now)


def test_no_curve_of_a_handful_of_labels(dataset, now):
    keep = dataset.samples.pool().values_list("pk", flat=True)[:31]
    dataset.samples.pool().exclude(pk__in=list(keep)).update(label="")
    with pytest.raises(NoCurve, match="a curve of 3 classes needs at least 32 labels, got 31"):
        curves.open_curve(dataset, NAMED["plain"], "quick", 1, now)


def test_no_curve_where_small_subsets_would_hold_one_class(dataset, now):
    lonely = dataset.samples.pool().exclude(label="circle").values_list("pk", flat=True)[1:]
    dataset.samples.filter(pk__in=list(lonely)).update(label="circle")
    with pytest.raises(NoCurve, match="would hold no other"):
        curves.open_curve(dataset, NAMED["plain"], "quick", 1, now)


def test_no_test_item_is_ever_trained_on(curve):
    snapshot = curves.frozen(curve)
    used = np.concatenate([cell.rows for cell in planned(curve).values()])
    assert set(used.tolist()) == set(snapshot.train_rows.tolist())
    assert not snapshot.is_test[used].any()


def test_a_curve_says_what_it_will_train(curve, dataset):
    labels = dataset.samples.pool().count()
    assert curve.sizes[-1] == labels
    assert (len(curve.sizes), curve.repeats, curve.planned) == (3, [1, 1, 1], 3)
    assert curve.n_test == dataset.samples.testing().count()
    assert [cell.n for cell in planned(curve).values()] == curve.sizes


def test_labels_that_come_later_do_not_move_an_open_curve(curve, dataset):
    before = list(planned(curve))
    Sample.objects.filter(dataset=dataset).update(label="circle")
    assert list(planned(curve)) == before


def test_a_new_curve_of_the_same_data_shares_its_trainings(curve, dataset, now):
    for cell in planned(curve).items():
        record(curve, cell, now)
    again = curves.open_curve(dataset, NAMED["plain"], "quick", 1, now)
    assert curves.known_cells(again, list(planned(again))) == set(planned(curve))
    assert again.cells.count() == 3


@pytest.mark.parametrize(
    ("recipe", "seed"), [(NAMED["augmented"], 1), (Recipe(min_steps=101), 1), (NAMED["plain"], 2)]
)
def test_another_recipe_or_seed_shares_none(curve, dataset, now, recipe, seed):
    for cell in planned(curve).items():
        record(curve, cell, now)
    other = curves.open_curve(dataset, recipe, "quick", seed, now)
    assert curves.known_cells(other, list(planned(other))) == set()


def test_a_changed_label_is_trained_anew(curve, dataset, now):
    dataset.samples.pool().filter(label="circle").first().delete()
    other = curves.open_curve(dataset, NAMED["plain"], "quick", 1, now)
    assert not set(planned(curve)) & set(planned(other))


def test_a_training_that_comes_twice_is_kept_once(curve, now):
    cell = next(iter(planned(curve).items()))
    first, second = record(curve, cell, now), record(curve, cell, now + timedelta(hours=1))
    assert first == second
    assert CurveCell.objects.count() == curve.cells.count() == 1
    assert second.created_at == now


def test_a_curve_is_closed_once(curve, now):
    assert curves.record_forecasts(curve, forecasts(), CHANCES, now)
    assert not curves.record_forecasts(curve, forecasts(0.9), CHANCES, now)
    assert {row.last_value for row in curve.forecasts.all()} == {0.8}
    curve.refresh_from_db()
    assert curve.finished_at == now


def test_the_outlook_gives_back_what_was_kept(curve, now):
    assert curves.outlook_of(curve).points == ()
    assert curves.outlook_of(curve).forecast is None
    for cell in planned(curve).items():
        record(curve, cell, now)
    curves.record_forecasts(curve, forecasts(), CHANCES, now)
    found = curves.outlook_of(curve, "balanced_accuracy")
    assert [(point.n, point.value, point.low, point.high) for point in found.points] == [
        (n, 0.8, 0.7, 0.9) for n in curve.sizes
    ]
    assert found.forecast == forecasts()["balanced_accuracy"]
    assert (found.metric, found.n_test) == ("balanced_accuracy", curve.n_test)


def test_chances_are_those_of_the_test_items(curve):
    snapshot = curves.frozen(curve)
    counts = np.bincount(snapshot.labels[snapshot.test_rows])
    assert curves.chances(snapshot) == {
        "accuracy": counts.max() / counts.sum(),
        "balanced_accuracy": pytest.approx(1 / 3),
    }
