"""Versions on real files: what is damaged never counts, and every change of the current one is history."""

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.db.models import RestrictedError

from labeling.models import Dataset, PredictionSet, Sample
from labeling.services import choice
from tests.trainer import registry_rows as rows
from trainer.engine import model_files
from trainer.engine.gate import Rule
from trainer.engine.model_files import BrokenModel
from trainer.engine.recipe import Recipe
from trainer.models import ModelVersion, Promotion, Run
from trainer.services import registry, runs
from trainer.services.registry import NotJudged, NotPromotable

pytestmark = pytest.mark.django_db
BAD, GOOD = range(25), range(3)  # test items that a model has wrong


@pytest.fixture
def dataset(state, now):
    return rows.make_dataset(now)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-50])


def alter(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


DAMAGES = {"missing": lambda path: path.unlink(), "cut off": cut_off, "altered": alter}


def states(dataset):
    return dict(dataset.versions.order_by("number").values_list("number", "state"))


def promoted(dataset, now, wrong=GOOD):
    version = rows.make_version(dataset, now, wrong)
    registry.promote(version, "ada", "It is the first.", now)
    return version


# --- what must not happen


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_weights_are_no_version_and_the_run_is_not_done(damage, dataset, now):
    run, result, weights = rows.train(dataset, now)
    DAMAGES[damage](weights)
    with pytest.raises(BrokenModel, match=damage):
        runs.record_run(run, result, now)
    run.refresh_from_db()
    assert run.state == Run.State.RUNNING  # its job closes it with the sentence
    assert not ModelVersion.objects.exists()
    assert not PredictionSet.objects.exists()


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", Promotion.Kind.values)
def test_a_version_whose_weights_were_damaged_later_is_not_promoted(damage, kind, dataset, now):
    standing = promoted(dataset, now, BAD)
    version = rows.make_version(dataset, now, GOOD)
    registry.gate(version, now)
    DAMAGES[damage](registry.weights_file(version))
    with pytest.raises(NotPromotable, match=f"^Version 2 cannot be promoted: runs/.*{damage}"):
        registry.promote(version, "ada", "", now, kind=kind)
    assert registry.current(dataset) == standing
    assert Promotion.objects.count() == 1


def test_no_roll_back_to_damaged_weights(dataset, now):
    first = promoted(dataset, now)
    second = promoted(dataset, now)
    cut_off(registry.weights_file(first))
    with pytest.raises(NotPromotable, match="Version 1 cannot be promoted"):
        registry.roll_back(dataset, "ada", now)
    assert registry.current(dataset) == second


def test_the_database_holds_one_current_version_a_dataset(dataset, now):
    promoted(dataset, now)
    other = rows.make_version(dataset, now)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=other.pk).update(state=ModelVersion.State.CURRENT)


def test_history_is_never_changed(dataset, now):
    promoted(dataset, now)
    row = Promotion.objects.get()
    row.reason = "It was somebody else."
    with pytest.raises(TypeError, match="never changed"):
        row.save()


def test_a_run_with_history_is_not_deleted_but_the_whole_dataset_is(dataset, now):
    version = promoted(dataset, now)
    with pytest.raises(RestrictedError):
        version.run.delete()
    dataset.delete()
    assert not ModelVersion.objects.exists()
    assert not Promotion.objects.exists()


def test_the_current_version_is_not_promoted_again(dataset, now):
    version = promoted(dataset, now)
    with pytest.raises(NotPromotable, match="Version 1 is the current one already"):
        registry.promote(version, "ada", "", now)
    assert Promotion.objects.count() == 1


def test_without_a_version_before_there_is_no_way_back(dataset, now):
    with pytest.raises(NotPromotable, match="no version to roll back to"):
        registry.roll_back(dataset, "ada", now)
    promoted(dataset, now)
    with pytest.raises(NotPromotable, match="no version to roll back to"):
        registry.roll_back(dataset, "ada", now)


def test_the_gate_promotes_nothing_that_it_did_not_pass(dataset, now):
    promoted(dataset, now, GOOD)
    worse = rows.make_version(dataset, now, BAD)
    with pytest.raises(NotPromotable, match="The gate did not pass version 2"):
        registry.promote(worse, "", "", now, kind=Promotion.Kind.GATE)
    registry.gate(worse, now)
    with pytest.raises(NotPromotable, match="The gate did not pass version 2"):
        registry.promote(worse, "", "", now, kind=Promotion.Kind.GATE)


def test_a_verdict_against_another_version_promotes_nothing(dataset, now):
    promoted(dataset, now, BAD)
    better = rows.make_version(dataset, now, GOOD)
    assert registry.gate(better, now).promotes
    promoted(dataset, now, GOOD)
    with pytest.raises(NotPromotable, match="judged against another version"):
        registry.promote(better, "", "", now, kind=Promotion.Kind.GATE)


def test_a_retired_version_comes_back_by_people_only(dataset, now):
    first = promoted(dataset, now)
    registry.gate(rows.make_version(dataset, now), now)
    promoted(dataset, now)
    first.refresh_from_db()
    with pytest.raises(NotPromotable, match="The gate did not pass version 1"):
        registry.promote(first, "", "", now, kind=Promotion.Kind.GATE)


def test_another_test_set_is_not_compared_silently(dataset, now):
    standing = promoted(dataset, now, BAD)
    Sample.objects.filter(pk=dataset.samples.testing().first().pk).update(label="b")
    version = rows.make_version(dataset, now, GOOD)
    with pytest.raises(NotJudged, match="Version 1 was not measured on the test set of today"):
        registry.gate(version, now)
    version.refresh_from_db()
    assert (version.verdict, version.judged_at) == (None, None)
    assert registry.untested(version, choice.freeze(dataset)) == [standing]


def test_predictions_that_were_altered_are_not_believed(dataset, now):
    version = rows.make_version(dataset, now)
    snapshot = choice.freeze(dataset)
    other = rows.make_dataset(now, "other")
    Sample.objects.filter(pk=other.samples.testing().first().pk).update(label="b")
    rows.predictions(other).save(registry.predictions_file(version.run, snapshot))
    with pytest.raises(NotJudged, match="What version 1 said on the test set was altered"):
        registry.gate(version, now)
    registry.predictions_file(version.run, snapshot).write_bytes(b"PK\3\4")
    with pytest.raises(NotJudged, match="cannot be read any more"):
        registry.gate(version, now)


def test_without_test_labels_nothing_is_judged(dataset, now):
    version = rows.make_version(dataset, now)
    dataset.samples.testing().update(label="")
    with pytest.raises(NotJudged, match="No test picture has a label"):
        registry.gate(version, now)


def test_scores_of_a_version_that_was_retired_meanwhile_are_dropped(dataset, now):
    first = promoted(dataset, now)
    promoted(dataset, now)
    before = PredictionSet.objects.count()
    ids = np.array(dataset.samples.values_list("pk", flat=True)[:2])
    assert not registry.record_scores(first, ids, np.full((2, 2), 0.5, np.float32), now)
    assert PredictionSet.objects.count() == before


# --- what comes of it


def test_versions_are_numbered_in_their_dataset(dataset, now):
    other = rows.make_dataset(now, "other")
    numbers = [rows.make_version(where, now).number for where in (dataset, other, dataset)]
    assert numbers == [1, 1, 2]


def test_a_training_without_recorded_weights_is_a_run_and_no_version(dataset, now):
    run, result, _ = rows.train(dataset, now)
    del result.receipt["weights"]
    assert runs.record_run(run, result, now)
    assert not ModelVersion.objects.exists()


def test_a_version_knows_the_hash_of_its_weights(dataset, now):
    version = rows.make_version(dataset, now)
    assert version.weights == model_files.digest(registry.weights_file(version))
    assert (version.state, version.verdict) == (ModelVersion.State.CANDIDATE, None)


def test_promotion_retires_the_one_before_and_is_recorded(dataset, now):
    first, second = promoted(dataset, now), rows.make_version(dataset, now)
    row = registry.promote(second, "ada", "It looks better.", now)
    assert states(dataset) == {1: "retired", 2: "current"}
    assert (row.version, row.previous, row.kind, row.by) == (second, first, "hand", "ada")
    assert (row.reason, row.at, row.verdict) == ("It looks better.", now, None)


def test_rolling_back_goes_back_one_by_one(dataset, now):
    for _ in range(3):
        promoted(dataset, now)
    registry.roll_back(dataset, "ada", now)
    assert states(dataset) == {1: "retired", 2: "current", 3: "retired"}
    registry.roll_back(dataset, "ada", now)
    assert states(dataset) == {1: "current", 2: "retired", 3: "retired"}
    assert registry.previous(dataset) is None
    newest = Promotion.objects.first()
    assert (newest.kind, newest.reason) == ("rollback", "Rolled back from version 2.")


def test_the_gate_judges_the_first_by_guessing_and_promotes_by_its_verdict(dataset, now):
    version = rows.make_version(dataset, now, GOOD)
    verdict = registry.gate(version, now)
    assert (verdict.promotes, verdict.against, verdict.n) == (True, None, rows.TESTED)
    row = registry.promote(version, "", verdict.reason, now, kind=Promotion.Kind.GATE)
    assert row.verdict["reason"] == row.reason == verdict.reason
    assert registry.current(dataset) == version


def test_a_first_version_that_guesses_stays_a_candidate(dataset, now):
    assert not registry.gate(rows.make_version(dataset, now, range(30)), now).promotes


def test_the_verdict_is_kept_with_its_figures(dataset, now):
    promoted(dataset, now, BAD)
    version = rows.make_version(dataset, now, GOOD)
    verdict = registry.gate(version, now)
    version.refresh_from_db()
    assert version.judged_at == now
    assert version.verdict == verdict.to_json()
    assert (verdict.against, verdict.fixed, verdict.broken) == (1, 22, 0)
    assert verdict.gain == pytest.approx(22 / 60)


def test_the_rule_of_a_dataset_is_its_own(dataset, now):
    other = rows.make_dataset(now, "other")
    registry.set_rule(dataset, Rule("balanced_accuracy", "not-worse", 0.02))
    registry.set_rule(dataset, Rule("balanced_accuracy", "by-hand", 0.02))
    assert registry.rule_of(dataset) == Rule("balanced_accuracy", "by-hand", 0.02)
    assert registry.rule_of(other) == Rule()
    assert not registry.gate(rows.make_version(dataset, now, GOOD), now).promotes


def test_the_current_version_keeps_the_say_while_a_candidate_is_trained(dataset, now):
    promoted(dataset, now, GOOD)
    shown = dict(dataset.samples.testing().values_list("pk", "predicted"))
    rows.make_version(dataset, now, BAD)
    assert dict(dataset.samples.testing().values_list("pk", "predicted")) == shown
    assert PredictionSet.objects.count() == 2


def test_scores_of_the_current_version_are_handed_down_as_its_runs(dataset, now):
    version = promoted(dataset, now)
    ids = np.array(dataset.samples.waiting().values_list("pk", flat=True))
    assert registry.record_scores(version, ids, np.tile(np.float32([0.2, 0.8]), (5, 1)), now)
    newest = dataset.prediction_sets.first()
    assert (newest.source, newest.model_version) == (f"run:{version.run_id}", "version-1")
    assert set(dataset.samples.waiting().values_list("predicted", flat=True)) == {"b"}


def test_what_was_learned_from_is_written_on_the_run(dataset, now):
    run = runs.begin(runs.open_run(dataset, Recipe(), 1, "plain", now).pk, now)
    runs.record_plan(run, choice.freeze(dataset))
    run.refresh_from_db()
    assert run.labels == {
        "train": {"a": 10, "b": 10},
        "test": {"a": 30, "b": 30},
        "origins": {"import": 20, "people": 0, "simulated": 0},
    }


def test_a_dataset_without_versions_has_no_current_one(dataset):
    assert registry.current(Dataset.objects.get(pk=dataset.pk)) is None
