"""The curve job on real pictures: toy shapes, a very small network."""

import numpy as np
import pytest
from django.utils import timezone

from labeling.models import Dataset
from labeling.progress import Cancelled, silent
from labeling.services import pictures
from tests import toys
from trainer.curves import jobs
from trainer.engine.recipe import Recipe
from trainer.models import CellClaim, Curve
from trainer.services import claims, curves, forecasts, multipliers, outlooks, trainings
from trainer.services.curves import Design

pytestmark = pytest.mark.django_db

RECIPE = Recipe(resolution=16, width=4, batch=16, min_steps=40, steps_per_root=5.0, precision="fp32")


@pytest.fixture
def dataset(state, tmp_path, now):
    toys.shape_folder(tmp_path / "shapes", dict.fromkeys(toys.SHAPES, 50), np.random.default_rng(0))
    made = Dataset.objects.create(name="shapes", created_at=now)
    pictures.import_images(made, tmp_path / "shapes", now=now)
    made.refresh_from_db()
    return made


@pytest.fixture
def curve(dataset, now):
    return curves.open_curve(dataset, RECIPE, Design(), 3, now)


def cells(curve):
    return {cell.key: (cell.pk, cell.metrics, cell.receipt) for cell in curve.cells.all()}


def stop_after(trainings):
    """Return a report that is cancelled as soon as so many trainings are measured."""

    def report(progress):
        if progress.stage == "measured" and progress.done == trainings:
            raise Cancelled

    return report


def test_a_curve_that_is_gone_or_finished_is_left_alone(curve, now):
    forecasts.record(curve, [], now)
    assert jobs.curve(silent, curve_id=curve.pk) is None
    assert jobs.curve(silent, curve_id=0) is None
    assert curve.cells.count() == 0


def test_a_stopped_curve_keeps_what_is_done_and_trains_only_the_rest(curve):
    with pytest.raises(Cancelled):
        jobs.curve(stop_after(4), curve_id=curve.pk)
    kept = cells(curve)
    assert len(kept) == 4
    curve.refresh_from_db()
    assert curve.finished_at is None
    assert jobs.curve(silent, curve_id=curve.pk) == {"curve": curve.pk, "trained": 4, "closed": True}
    assert kept.items() <= cells(curve).items()


def test_a_whole_curve(curve):
    seen = []
    assert jobs.curve(seen.append, curve_id=curve.pk)
    curve.refresh_from_db()
    assert curve.finished_at
    found = outlooks.outlook_of(curve)
    assert [(size.n, size.trainings) for size in found.sizes] == [(n, 2) for n in curve.sizes]
    assert found.sizes[-1].mean > 0.6  # three shapes: guessing gives a third
    assert found.forecast.last_value == pytest.approx(found.sizes[-1].mean)
    assert found.forecast.refused == "" or found.forecast.steps == ()
    kept = [(row.metric, row.label) for row in curve.forecasts.order_by("pk")]
    assert kept[:3] == [(metric, "") for metric in outlooks.METRICS]
    assert kept[3:] == [("recall", shape) for shape in sorted(toys.SHAPES)]
    measured = [progress for progress in seen if progress.stage == "measured"]
    assert [progress.done for progress in measured] == list(range(1, 9))
    assert {progress.total for progress in measured} == {8}
    assert measured[0].values.keys() == {"labels", "accuracy"}
    cell = curve.cells.order_by("-n").first()
    assert cell.receipt["steps"] == RECIPE.steps(cell.n)
    assert {"duration_s", "cpu_s", "device", "code", "torch"} <= cell.receipt.keys()
    assert cell.metrics["n"] == curve.n_test
    assert len(cell.metrics["classes"]) == 3


def test_the_same_curve_again_gives_the_same_figures(dataset, now):
    curve = curves.open_curve(dataset, RECIPE, Design("quick"), 3, now)
    jobs.curve(silent, curve_id=curve.pk)
    first = {key: metrics for key, (_, metrics, _) in cells(curve).items()}
    curve.cells.all().delete()
    again = curves.open_curve(dataset, RECIPE, Design("quick"), 3, now)
    jobs.curve(silent, curve_id=again.pk)
    assert {key: metrics for key, (_, metrics, _) in cells(again).items()} == first


def test_a_recipe_that_changes_data_draws_a_curve_too(dataset, now):
    changed = Recipe.from_json({**RECIPE.to_json(), "policy": "gentle", "rebalance": 1.0, "copies": 2})
    curve = curves.open_curve(dataset, changed, Design("quick"), 3, now)
    assert jobs.curve(silent, curve_id=curve.pk)["trained"] == 3
    assert Curve.objects.get(pk=curve.pk).finished_at


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(jobs, "PATIENCE_S", 0.01)


def stop_waiting(progress):
    if progress.stage == "waiting for another worker":
        raise Cancelled


def test_two_workers_share_a_curve_and_train_nothing_twice(curve):
    """The second one comes while the first is at its first cell, and takes all others."""
    kept = []

    def report(progress):
        if not kept and progress.values:
            with pytest.raises(Cancelled):
                jobs.curve(stop_waiting, curve_id=curve.pk, worker=1)
            kept.append(curve.cells.count())

    assert jobs.curve(report, curve_id=curve.pk) == {"curve": curve.pk, "trained": 1, "closed": True}
    assert kept == [7]
    assert curve.cells.count() == 8
    assert not CellClaim.objects.exists()


def test_a_dead_workers_cell_is_waited_for_until_its_claim_runs_out(curve, now, hasty):
    planned = list(trainings.plan(curve, curves.frozen(curve)))
    claims.take(planned[0], "curve:dead", timezone.now())
    waited = []

    def report(progress):
        if progress.stage == "waiting for another worker":
            waited.append(progress.done)
            CellClaim.objects.update(until=now)

    assert jobs.curve(report, curve_id=curve.pk) == {"curve": curve.pk, "trained": 8, "closed": True}
    assert waited == [7]


def test_a_cell_that_another_curve_trains_is_waited_for(dataset, curve, now, hasty):
    """Two curves of one recipe and seed: the second one ends with the first one's trainings."""
    twin = curves.open_curve(dataset, RECIPE, Design(), 3, now)
    planned = trainings.plan(twin, curves.frozen(twin))
    key = next(iter(planned))
    claims.take(key, f"curve:{curve.pk}:0", timezone.now())

    def report(progress):
        if progress.stage == "waiting for another worker":
            jobs.curve(silent, curve_id=curve.pk)

    assert jobs.curve(report, curve_id=twin.pk)["closed"]
    twin.refresh_from_db()
    assert twin.finished_at
    assert twin.cells.count() == 8


def test_a_worker_that_lost_its_cell_stops_training_it(curve, monkeypatch):
    monkeypatch.setattr(jobs, "RENEWAL_S", 0.0)
    stolen = []

    def report(progress):
        if not stolen and progress.values:
            stolen.append(CellClaim.objects.update(holder="curve:thief"))

    with pytest.raises(Cancelled):
        jobs.curve(lambda p: (report(p), stop_waiting(p)), curve_id=curve.pk)
    assert curve.cells.count() == 7
    assert CellClaim.objects.get().holder == "curve:thief"


def test_a_kill_before_the_end_loses_neither_scores_nor_multipliers(curve, dataset, now, monkeypatch):
    jobs.curve(silent, curve_id=curve.pk)
    wider = Recipe.from_json({**RECIPE.to_json(), "width": 6})
    other = curves.open_curve(dataset, wider, Design(), 3, now)

    def die(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(forecasts, "record", die)
        with pytest.raises(SystemExit):
            jobs.curve(silent, curve_id=other.pk)
    assert jobs.curve(silent, curve_id=other.pk)["closed"]
    assert multipliers.rows(dataset, "accuracy")


def test_heads_that_fail_leave_the_real_curve_alone(curve, now):
    (ridge,) = curves.open_tiers(curve, ["ridge"], "nowhere:1", now)
    assert jobs.curve(silent, curve_id=curve.pk)["closed"]
    ridge.refresh_from_db()
    assert (ridge.finished_at, "nowhere:1" in ridge.error) == (None, True)


def test_after_new_labels_only_new_sizes_are_trained(dataset, now):
    """Half of the labels, then all: the first curve's trainings count for the second one."""
    pool = list(dataset.samples.pool().values_list("pk", "label"))
    later = dict(pool[::2])
    dataset.samples.filter(pk__in=later).update(label="")
    first = curves.open_curve(dataset, RECIPE, Design("quick"), 3, now)
    jobs.curve(silent, curve_id=first.pk)
    for label in set(later.values()):
        dataset.samples.filter(pk__in=[pk for pk, one in later.items() if one == label]).update(label=label)
    before = curves.to_continue(dataset, RECIPE, Design("quick"))
    assert before == first
    second = curves.open_curve(dataset, RECIPE, Design("quick"), 99, now, continues=before)
    assert (second.sizes, second.seed) == ([*first.sizes, len(pool)], 3)
    assert jobs.curve(silent, curve_id=second.pk) == {"curve": second.pk, "trained": 1, "closed": True}
    assert second.cells.count() == first.cells.count() + 1
    assert forecasts.scored(dataset) or not first.forecasts.exclude(quantiles=None).exists()


def test_heads_are_drawn_before_the_first_training(curve, now):
    (ridge,) = curves.open_tiers(curve, ["ridge"], "pixels", now)
    with pytest.raises(Cancelled):
        jobs.curve(stop_after(1), curve_id=curve.pk)
    ridge.refresh_from_db()
    assert ridge.finished_at
    found = outlooks.outlook_of(ridge)
    assert [(size.n, size.trainings) for size in found.sizes] == [(n, 2) for n in curve.sizes]
    assert found.sizes[-1].mean > 0.45  # three shapes: guessing gives a third
    assert ridge.recipe["embedding"]


def test_a_recipe_is_compared_with_its_own_heads(curve, dataset, now):
    """Heads have higher numbers, but are whole first."""
    (ridge,) = curves.open_tiers(curve, ["ridge"], "pixels", now)
    jobs.curve(silent, curve_id=curve.pk)
    rows = multipliers.rows(dataset, "accuracy")
    assert [(row.base_id, row.other_id) for row in rows] == [(curve.pk, ridge.pk)]


def test_an_adaptive_curve_spends_its_budget_and_no_more(dataset, now):
    curve = curves.open_curve(dataset, RECIPE, Design("adaptive", budget=7), 3, now)
    assert jobs.curve(silent, curve_id=curve.pk)["trained"] == 7
    curve.refresh_from_db()
    assert sum(curve.repeats) == 7
    assert curve.finished_at


def test_a_second_curve_of_another_recipe_is_compared_with_the_first(curve, dataset, now):
    jobs.curve(silent, curve_id=curve.pk)
    wider = Recipe.from_json({**RECIPE.to_json(), "width": 6})
    other = curves.open_curve(dataset, wider, Design(), 3, now)
    jobs.curve(silent, curve_id=other.pk)
    rows = multipliers.rows(dataset, "accuracy")
    assert [(row.base_id, row.other_id) for row in rows] == [(curve.pk, other.pk)]
