import shutil

import numpy as np
import pytest

from labeling.models import Dataset
from trainer.engine import metrics, seeds
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import NAMED
from trainer.models import Comparison, Run
from trainer.services import comparisons, runs
from trainer.services.comparisons import NotComparable

pytestmark = pytest.mark.django_db
TESTED = 12
LABELS = np.arange(TESTED) % 2


@pytest.fixture
def dataset(state, now):
    return Dataset.objects.create(name="Coins", classes=["head", "tail"], created_at=now)


@pytest.fixture
def finished(dataset, state, now):
    """Make a run that is done, wrong on these test items, with its predictions on disk."""

    def make(wrong=(), keys=None, recipe="plain", seed=1, **fields):
        run = runs.open_run(dataset, NAMED[recipe], seed, recipe, now)
        calls = LABELS ^ np.isin(np.arange(TESTED), wrong)
        probs = np.where(np.eye(2)[calls] > 0, 0.9, 0.1).astype(np.float32)
        tested = TestPredictions(
            np.array(keys or [f"k{i}" for i in range(TESTED)]), LABELS, probs, np.array(dataset.classes)
        )
        run.folder = f"runs/{run.pk}"
        (state / run.folder).mkdir(parents=True)
        tested.save(state / run.folder / runs.PREDICTIONS)
        measured = metrics.evaluate(probs, LABELS, np.random.default_rng(0)).to_json()
        done = {
            "state": Run.State.DONE,
            "fingerprint": "f",
            "test_fingerprint": tested.fingerprint,
            "metrics": measured,
            "n_train": 48,
            "n_test": TESTED,
            "folder": run.folder,
        }
        Run.objects.filter(pk=run.pk).update(**{**done, **fields})
        run.refresh_from_db()
        return run

    return make


# --- what must not happen


def test_runs_on_other_items_labels_or_without_an_end_are_not_compared(finished, dataset, now):
    base = finished()
    other = finished(keys=[f"other-{i}" for i in range(TESTED)])
    with pytest.raises(NotComparable, match="not measured on the same test items"):
        comparisons.compare(base, other, 0, now)
    with pytest.raises(NotComparable, match="is waiting; only finished runs"):
        comparisons.compare(base, runs.open_run(dataset, NAMED["plain"], 1, "plain", now), 0, now)
    assert not Comparison.objects.exists()


def test_a_run_is_not_compared_with_itself(finished):
    run = finished()
    with pytest.raises(NotComparable, match="with itself"):
        comparisons.pair(run, run)


def test_lost_predictions_are_a_sentence(finished, state):
    base, other = finished(), finished()
    shutil.rmtree(state / other.folder)
    with pytest.raises(NotComparable, match=r"The predictions of plain \(run \d+\) are no longer on disk"):
        comparisons.pair(base, other)


@pytest.mark.parametrize(
    "changed",
    [{"fingerprint": "g"}, {"test_fingerprint": "g"}, {"state": Run.State.FAILED}, {"recipe": "augmented"}],
)
def test_runs_of_other_data_or_recipes_or_without_an_end_are_no_group(changed, finished):
    base = finished()
    finished(seed=2, **changed)
    assert comparisons.group(base) == {1: base}


def test_one_recipe_has_no_pairs_with_itself(finished):
    first, second = finished(seed=1), finished(seed=2)
    assert comparisons.seed_pairs(first, second) == []


def test_other_labels_are_no_pairs(finished):
    finished(seed=2), finished(seed=2, recipe="augmented", fingerprint="g")
    assert comparisons.seed_pairs(finished(), finished(recipe="augmented", fingerprint="g")) == []


def test_one_pair_has_no_verdict(finished):
    pairs = comparisons.seed_pairs(finished(), finished(recipe="augmented"))
    assert len(pairs) == 1
    assert comparisons.across_seeds(pairs) == {}


# --- one pair


def test_the_comparison_of_two_runs(finished, now):
    base = finished(wrong=[0, 1, 2, 3])
    other = finished(wrong=[3, 4])
    found = {row.metric: row for row in comparisons.compare(base, other, 1, now)}
    accuracy = found["accuracy"]
    assert (accuracy.fixed, accuracy.broken, accuracy.n) == (3, 1, TESTED)
    assert accuracy.gain == pytest.approx(2 / 12)
    assert accuracy.low <= accuracy.gain <= accuracy.high
    assert accuracy.p_value == pytest.approx(0.625)
    assert set(found) == {"accuracy", "balanced_accuracy", "macro_f1"}


def test_comparing_again_replaces_and_the_seed_repeats(finished, now):
    base, other = finished(wrong=[0, 1]), finished(wrong=[5])
    first = [(row.pk, row.low, row.high) for row in comparisons.compare(base, other, 1, now)]
    assert [(row.pk, row.low, row.high) for row in comparisons.compare(base, other, 1, now)] == first
    assert Comparison.objects.count() == 3


def test_a_pair_names_the_items_that_changed(finished):
    found = comparisons.pair(finished(wrong=[0, 1, 2, 3]), finished(wrong=[3, 4]))
    assert [rows.tolist() for rows in found.changed] == [[0, 1, 2], [4]]
    assert found.discordance == pytest.approx(4 / 12)
    assert found.smallest_shown is None  # four items are too few for any difference
    assert found.losses["nll"].value == pytest.approx(2 / 12 * np.log(9))


def test_only_finished_runs_on_the_same_items_are_comparable(finished, dataset, now):
    base, other = finished(), finished(recipe="augmented", fingerprint="g")
    finished(keys=[f"other-{i}" for i in range(TESTED)])
    runs.open_run(dataset, NAMED["plain"], 1, "plain", now)
    assert comparisons.comparable(base) == [other]


# --- over seeds


def test_equal_seeds_make_pairs_and_the_rest_goes_in_order(finished):
    base = [finished(seed=seed) for seed in (1, 2, 9, 7)]
    other = [finished(seed=seed, recipe="augmented") for seed in (2, 5)]
    pairs = comparisons.seed_pairs(base[2], other[1])
    assert [(a.seed, b.seed) for a, b in pairs] == [(2, 2), (1, 5)]


def test_of_equal_seeds_the_newest_run_counts(finished):
    finished(seed=3)
    again = finished(seed=3)
    assert comparisons.group(again) == {3: again}


def test_two_recipes_over_their_seeds(finished):
    base = [finished(seed=seed, wrong=range(seed)) for seed in (1, 2, 3)]
    other = [finished(seed=seed, wrong=range(seed - 1), recipe="augmented") for seed in (1, 2, 3)]
    found = comparisons.across_seeds(comparisons.seed_pairs(base[0], other[0]))
    accuracy = [[1 - k / TESTED for k in wrong] for wrong in [(1, 2, 3), (0, 1, 2)]]
    assert found["accuracy"] == seeds.across(*accuracy, n_train=48, n_test=TESTED)
    assert set(found) == {"accuracy", "balanced_accuracy", "macro_f1"}


def test_a_family_is_all_that_was_compared_with_one_base(finished, now):
    base, alone = finished(wrong=range(8)), finished(wrong=range(6))
    tried = [finished(wrong=wrong) for wrong in ([], [0, 1])]
    for other in tried:
        comparisons.compare(base, other, 0, now)
    comparisons.compare(alone, tried[0], 0, now)
    found = comparisons.together([base.pk, alone.pk])
    assert found[base.pk, tried[0].pk] == (pytest.approx(2 * 2 / 2**8), 2)
    assert found[base.pk, tried[1].pk] == (pytest.approx(2 / 2**6), 2)
    assert found[alone.pk, tried[0].pk] == (pytest.approx(2 / 2**6), 1)
