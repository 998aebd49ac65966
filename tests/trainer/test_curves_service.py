import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from labeling.models import Dataset, LabelTask, PredictionSet, Sample, SelectionRound
from labeling.services import pictures
from tests import toys
from trainer.engine.recipe import NAMED, Recipe
from trainer.models import Curve, CurveCell
from trainer.services import curves, trainings
from trainer.services.curves import Design, NoCurve

pytestmark = pytest.mark.django_db

METRICS = {
    name: {"value": 0.8, "low": 0.7, "high": 0.9} for name in ("accuracy", "balanced_accuracy", "macro_f1")
}


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
    return curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now)


def planned(curve):
    return trainings.plan(curve, curves.frozen(curve))


def record(curve, cell, now):
    return trainings.record_cell(curve, *cell, curves.frozen(curve), METRICS, {"steps": 10}, now)


def test_no_curve_without_test_labels(dataset, now):
    dataset.samples.testing().update(label="")
    with pytest.raises(NoCurve, match="needs labeled test items of two classes"):
        curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now)


def test_no_curve_of_a_handful_of_labels(dataset, now):
    keep = dataset.samples.pool().values_list("pk", flat=True)[:31]
    dataset.samples.pool().exclude(pk__in=list(keep)).update(label="")
    with pytest.raises(NoCurve, match="a curve of 3 classes needs at least 32 labels, got 31"):
        curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now)


def test_no_curve_where_small_subsets_would_hold_one_class(dataset, now):
    lonely = dataset.samples.pool().exclude(label="circle").values_list("pk", flat=True)[1:]
    dataset.samples.filter(pk__in=list(lonely)).update(label="circle")
    with pytest.raises(NoCurve, match="would hold no other"):
        curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now)


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
    again = curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now)
    assert trainings.known_cells(again, list(planned(again))) == set(planned(curve))
    assert again.cells.count() == 3


@pytest.mark.parametrize(
    ("recipe", "seed"), [(NAMED["augmented"], 1), (Recipe(min_steps=101), 1), (NAMED["plain"], 2)]
)
def test_another_recipe_or_seed_shares_none(curve, dataset, now, recipe, seed):
    for cell in planned(curve).items():
        record(curve, cell, now)
    other = curves.open_curve(dataset, recipe, Design("quick"), seed, now)
    assert trainings.known_cells(other, list(planned(other))) == set()


def test_a_changed_label_is_trained_anew(curve, dataset, now):
    dataset.samples.pool().filter(label="circle").first().delete()
    other = curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now)
    assert not set(planned(curve)) & set(planned(other))


def test_a_training_that_comes_twice_is_kept_once(curve, now):
    cell = next(iter(planned(curve).items()))
    first, second = record(curve, cell, now), record(curve, cell, now + timedelta(hours=1))
    assert first == second
    assert CurveCell.objects.count() == curve.cells.count() == 1
    assert second.created_at == now


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"preset": "slow"}, "preset must be one of quick, standard, thorough, adaptive, got 'slow'"),
        ({"preset": "adaptive"}, "an adaptive curve takes 5 to 60 trainings, got 0"),
        ({"preset": "adaptive", "budget": 61}, "an adaptive curve takes 5 to 60 trainings, got 61"),
        ({"aim": -1}, "aim must not be negative, got -1"),
    ],
)
def test_designs_that_are_none(wanted, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        Design(**wanted)


def test_a_new_class_is_another_training(curve, dataset, now):
    dataset.classes = [*dataset.classes, "star"]
    dataset.save()
    other = curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now)
    assert not set(planned(curve)) & set(planned(other))


def test_a_cell_says_how_many_labels_of_each_class_it_saw(curve, now):
    key, cell = list(planned(curve).items())[-1]
    counts = record(curve, (key, cell), now).counts
    assert list(counts) == ["circle", "square", "triangle"]
    assert sum(counts.values()) == cell.n


def test_an_adaptive_curve_begins_with_one_training_a_size(dataset, now):
    made = curves.open_curve(dataset, NAMED["plain"], Design("adaptive", budget=7), 1, now)
    assert made.repeats == [1] * len(made.sizes)
    assert (made.planned, made.aim) == (7, 2 * made.sizes[-1])


def test_a_training_more_is_added_once(dataset, now):
    made = curves.open_curve(dataset, NAMED["plain"], Design("adaptive", budget=7), 1, now)
    late = Curve.objects.get(pk=made.pk)
    trainings.extend(made, made.sizes[-1])
    trainings.extend(late, made.sizes[-1])
    assert made.repeats == late.repeats == [*[1] * (len(made.sizes) - 1), 2]
    assert len(planned(made)) == len(made.sizes) + 1


def test_heads_share_the_design_of_their_curve(curve, now):
    ridge, mlp = curves.open_tiers(curve, ["ridge", "mlp"], "pixels", now)
    assert (ridge.tier, mlp.tier) == ("ridge", "mlp")
    assert ridge.name == mlp.name == "pixels"
    assert [cell.rows.tolist() for cell in planned(ridge).values()] == [
        cell.rows.tolist() for cell in planned(curve).values()
    ]
    assert not set(planned(ridge)) & set(planned(mlp))


def test_other_vectors_make_other_cells(curve, now):
    (ridge,) = curves.open_tiers(curve, ["ridge"], "pixels", now)
    snapshot = curves.frozen(curve)
    curves.set_embedding(ridge, "a" * 64, snapshot)
    before = set(planned(ridge))
    curves.set_embedding(ridge, "b" * 64, snapshot)
    assert not before & set(planned(ridge))


def test_labels_that_a_model_asked_for_are_counted(dataset, now):
    pool = dataset.samples.pool()
    told = PredictionSet.objects.create(
        dataset=dataset, source="run:1", model_version="m", path="p", count=1, created_at=now
    )
    by_model, by_chance = (
        SelectionRound.objects.create(
            dataset=dataset, strategy="margin", random_share=0.2, seed=1, prediction_set=model, created_at=now
        )
        for model in (told, None)
    )
    for place, (chosen, audit) in enumerate([(by_model, False), (by_model, True), (by_chance, False)]):
        LabelTask.objects.create(
            round=chosen, sample=pool[place], rank=place, score=0.5, audit=audit, reason="r"
        )
    assert curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now).n_chosen == 1


def test_the_latest_curve_is_a_finished_one_of_whole_trainings(curve, dataset, now):
    assert curves.latest(dataset) is None
    (ridge,) = curves.open_tiers(curve, ["ridge"], "pixels", now)
    Curve.objects.filter(pk__in=[curve.pk, ridge.pk]).update(finished_at=now)
    assert curves.latest(dataset) == curve


def test_new_pictures_scale_vectors_anew_and_leave_the_kind_of_curve(curve, now):
    (ridge,) = curves.open_tiers(curve, ["ridge"], "pixels", now)
    snapshot = curves.frozen(curve)
    curves.set_embedding(ridge, "a" * 64, snapshot)
    before, kind = set(planned(ridge)), ridge.kind
    curves.set_embedding(ridge, "a" * 64, replace(snapshot, keys=(*snapshot.keys[1:], "new")))
    assert not before & set(planned(ridge))
    assert ridge.kind == kind


def finish(curve, now):
    Curve.objects.filter(pk=curve.pk).update(finished_at=now)
    curve.refresh_from_db()
    return curve


def continuing(dataset, recipe=NAMED["plain"], wanted=None):
    return curves.to_continue(dataset, recipe, wanted or Design("quick"))


def test_an_unfinished_curve_is_not_continued(curve, dataset):
    assert continuing(dataset) is None


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        (NAMED["augmented"], Design("quick")),
        (NAMED["plain"], Design("standard")),
        (NAMED["plain"], Design("quick", random_only=True)),
        (NAMED["plain"], Design("adaptive", budget=7)),
    ],
)
def test_a_curve_of_another_kind_is_not_continued(curve, dataset, now, recipe, wanted):
    finish(curve, now)
    assert continuing(dataset, recipe, wanted) is None


def test_a_curve_is_not_continued_where_a_label_was_changed(curve, dataset, now):
    finish(curve, now)
    assert continuing(dataset) == curve
    dataset.samples.pool().filter(label="circle").first().delete()
    assert continuing(dataset) is None


def test_a_curve_is_not_continued_on_other_test_items(curve, dataset, now):
    finish(curve, now)
    dataset.samples.testing().first().delete()
    assert continuing(dataset) is None


def test_a_curve_continues_one_that_continues_one(dataset, now):
    pool = list(dataset.samples.pool().values_list("pk", "label"))
    np.random.default_rng(0).shuffle(pool)
    dataset.samples.pool().update(label="")
    rows = []
    for known in (40, 52, len(pool)):
        for pk, label in pool[:known]:
            dataset.samples.filter(pk=int(pk)).update(label=label)
        before = rows[-1] if rows else None
        made = curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now, continues=before)
        rows.append(finish(made, now))
    first, second, third = (set(planned(row)) for row in rows)
    assert first < second < third


def test_only_random_labels_are_trained_on_where_that_is_asked_for(dataset, now):
    told = PredictionSet.objects.create(
        dataset=dataset, source="run:1", model_version="m", path="p", count=1, created_at=now
    )
    picked = dataset.samples.pool().first()
    chosen = SelectionRound.objects.create(
        dataset=dataset, strategy="margin", random_share=0.2, seed=1, prediction_set=told, created_at=now
    )
    LabelTask.objects.create(round=chosen, sample=picked, rank=0, score=0.5, audit=False, reason="r")
    every = curves.open_curve(dataset, NAMED["plain"], Design("quick"), 1, now)
    fair = curves.open_curve(dataset, NAMED["plain"], Design("quick", random_only=True), 1, now)
    assert (every.n_chosen, fair.n_chosen) == (1, 0)
    assert fair.sizes[-1] == every.sizes[-1] - 1
    assert every.kind != fair.kind
    assert picked.pk not in curves.frozen(fair).ids[curves.frozen(fair).train_rows]
