"""Two runs side by side, and the out-of-fold part of a run: page, API and what starts it."""

import shutil

import numpy as np
import pytest
from django.urls import reverse

from labeling.models import Sample
from labeling.services import choice
from trainer.engine.folds import NoFolds
from trainer.engine.predictions import TestPredictions
from trainer.engine.recipe import NAMED
from trainer.models import Comparison, Run
from trainer.services import comparisons, runs
from workbench.ledger.models import Job
from workbench.services import work
from workbench.views.contexts import compare

pytestmark = pytest.mark.django_db
LABELS = np.repeat([0, 1, 2], [8, 6, 4])


@pytest.fixture
def engineer(sign_in):
    return sign_in("engineer")


def look(client, base, other, **query):
    answer = client.get(reverse("compare", args=[base, other]), query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def says(state, run, wrong, keys=None):
    """Let the run call these test items wrong and the rest right; other keys make other items."""
    calls = np.where(np.isin(np.arange(18), wrong), (LABELS + 1) % 3, LABELS)
    probs = np.where(np.eye(3)[calls] > 0, 0.8, 0.1).astype(np.float32)
    path = state / Run.objects.get(pk=run).folder / runs.PREDICTIONS
    kept = TestPredictions.load(path)
    TestPredictions(kept.keys if keys is None else keys, LABELS, probs, kept.classes).save(path)


# --- what must not happen


def test_runs_on_other_items_are_refused_in_words(rows, engineer, state):
    says(state, rows.other, [], keys=np.array([f"other {i}" for i in range(18)]))
    text = look(engineer, rows.run, rows.other)
    assert "Not comparable item by item" in text
    assert "were not measured on the same test items" in text
    assert ">shown<" not in text
    answer = engineer.get(reverse("api:compare", args=[rows.run, rows.other]))
    assert (answer.status_code, "not measured on the same" in answer.json()["detail"]) == (409, True)


def test_lost_predictions_and_a_run_against_itself_are_sentences(rows, engineer, state):
    assert "was to be compared with itself" in look(engineer, rows.run, rows.run)
    shutil.rmtree(state / Run.objects.get(pk=rows.other).folder)
    assert "are no longer on disk" in look(engineer, rows.run, rows.other)


def test_an_unfinished_run_is_a_sentence(rows, engineer, now):
    waiting = runs.open_run(Run.objects.get(pk=rows.run).dataset, NAMED["plain"], 1, "plain", now)
    assert "is waiting; only finished runs" in look(engineer, rows.run, waiting.pk)


def test_four_items_fixed_and_none_broken_show_nothing(rows, engineer, state):
    """The bootstrap alone would say so: its interval lies above zero, McNemar's p is 0.125."""
    says(state, rows.run, range(4))
    says(state, rows.other, [])
    page = engineer.get(reverse("api:compare", args=[rows.run, rows.other])).json()
    assert page["counted"]["p_value"] == 0.125
    assert page["metrics"][0]["gain"]["low"] > 0
    assert not page["metrics"][0]["shown"]
    text = look(engineer, rows.run, rows.other)
    assert "Not shown: +22.2 points of accuracy may be chance" in text
    assert "differ on too few of these test pictures" in text


def test_a_kept_comparison_that_mcnemar_does_not_share_is_not_shown(rows, engineer):
    Comparison.objects.filter(metric="accuracy").update(p_value=0.125)
    told = engineer.get(reverse("api:comparison", args=[rows.dataset])).json()
    assert [row["p_value"] for row in told] == [0.125, None, None]
    text = engineer.get(reverse("runs", args=[rows.dataset])).content.decode()
    assert text.count(">not shown<") == 1


def test_an_engineer_is_not_offered_the_folds(rows, sign_in):
    address = reverse("run", args=[rows.run])
    assert "Score the training pictures" not in sign_in("engineer").get(address).content.decode()
    assert "Score the training pictures" in sign_in("admin").get(address).content.decode()


def test_changed_labels_start_no_folds(rows, sign_in):
    client, before = sign_in("admin"), Job.objects.count()
    text = client.post(reverse("out-of-fold", args=[rows.run]), follow=True).content.decode()
    assert "The labels have changed since plain (run" in text
    assert client.post(reverse("api:start_out_of_fold", args=[rows.run])).status_code == 409
    assert Job.objects.count() == before


# --- what is shown


def test_a_gain_is_shown_with_everything_that_carries_it(rows, engineer, state):
    says(state, rows.run, range(8))
    says(state, rows.other, [17])
    text = look(engineer, rows.run, rows.other)
    places = ["Shown: +38.9 points of accuracy", "n = 18; p = 0.039", "a true difference of", ">Figures<"]
    places += ["Picture by picture", "What differs", "Over several seeds", "Pictures that changed"]
    assert [text.index(word) for word in places] == sorted(text.index(word) for word in places)
    assert "Augmentation policy" in text
    assert "2 pairs of trainings on the same labels" in text


def test_a_loss_is_shown_as_one(rows, engineer, state):
    says(state, rows.run, [])
    says(state, rows.other, range(8))
    text = look(engineer, rows.run, rows.other)
    assert "notice-warning" in text
    assert "Shown: \N{MINUS SIGN}44.4 points of accuracy" in text


@pytest.mark.parametrize(
    ("query", "shown", "cards"),
    [
        ({}, "fixed", 3),
        ({"show": "broken"}, "broken", 1),
        ({"show": "<script>", "page": "x"}, "fixed", 3),
        ({"page": "9" * 30}, "fixed", 3),
    ],
)
def test_changed_pictures_are_shown_with_both_calls(query, shown, cards, rows, engineer, state):
    says(state, rows.run, [0, 1, 8])
    says(state, rows.other, [9])
    text = look(engineer, rows.run, rows.other, **query)
    assert text.count('class="thumb') == cards
    assert f'aria-current="page" href="?show={shown}#items"' in text
    assert "dog, 0.80" in text


def test_pictures_come_page_by_page_and_deleted_ones_are_said_to_be(rows, engineer, state, monkeypatch):
    monkeypatch.setattr(compare, "PAGE_SIZE", 2)
    says(state, rows.run, [0, 1, 8])
    says(state, rows.other, [])
    Sample.objects.filter(key=f"{8:064x}").delete()
    told = engineer.get(reverse("api:compare", args=[rows.run, rows.other]), {"page": 2}).json()["items"]
    assert (told["count"], told["page"], told["pages"]) == (3, 2, 2)
    (card,) = told["cards"]
    assert (card["sample_id"], card["label"], card["base_call"], card["other_call"]) == (
        None, "dog", "emu", "dog",
    )  # fmt: skip
    text = look(engineer, rows.run, rows.other, page=2)
    assert "deleted since" in text
    assert "page 2 of 2" in text


def test_the_api_tells_what_the_page_shows(rows, engineer):
    told = engineer.get(reverse("api:compare", args=[rows.run, rows.other])).json()
    base, other = (Run.objects.get(pk=pk) for pk in (rows.run, rows.other))
    paired = comparisons.pair(base, other)
    assert told["counted"]["fixed"] == len(paired.changed.fixed)
    assert told["metrics"][0]["gain"]["value"] == pytest.approx(paired.differences[0].gain)
    assert [row["name"] for row in told["metrics"]][3:] == [
        "negative log-likelihood", "calibration error", "Brier score",
    ]  # fmt: skip
    assert {one["name"] for one in told["recipe"]} == {"Augmentation policy", "Rebalancing strength"}
    assert len(told["seeds"]["pairs"]) == 2


def test_one_recipe_with_two_seeds_differs_in_luck(rows, engineer):
    again = Run.objects.filter(name="plain").exclude(pk=rows.run).get()
    text = look(engineer, rows.run, again.pk)
    assert "what differs is the luck of training" in text
    assert "Over several seeds" not in text


def test_other_labels_are_said_to_be(rows, engineer):
    Run.objects.filter(pk=rows.other).update(fingerprint="e" * 64)
    text = look(engineer, rows.run, rows.other)
    assert "They learned from different labels" in text
    assert "Runs on different labels are not compared over seeds" in text


def test_several_comparisons_with_one_base_are_looked_at_together(rows, engineer, state, now):
    third = Run.objects.filter(name="plain").exclude(pk=rows.run).get()
    says(state, rows.run, range(8))
    for other in (rows.other, third.pk):
        says(state, other, [17])
        comparisons.compare(Run.objects.get(pk=rows.run), Run.objects.get(pk=other), 0, now)
    assert f"p = 0.078 among the 2 compared with #{rows.run}" in look(engineer, rows.run, rows.other)
    text = engineer.get(reverse("run", args=[rows.run])).content.decode()
    assert text.count("(p = 0.078 among 2 with this base)") == 2


def test_a_run_offers_its_peers(rows, engineer):
    text = engineer.get(reverse("run", args=[rows.run])).content.decode()
    assert reverse("compare", args=[rows.other, rows.run]) in text
    assert reverse("compare", args=[rows.run, rows.run]) not in text


# --- out of fold


def test_the_folds_stand_on_the_page_and_in_the_api(rows, engineer):
    text = " ".join(engineer.get(reverse("run", args=[rows.other])).content.decode().split())
    places = [">Out of fold<", "9 in 2 folds", "1.70: the model is too sure", "2 folds instead of 5"]
    assert [text.index(word) for word in places] == sorted(text.index(word) for word in places)
    told = engineer.get(reverse("api:run", args=[rows.other])).json()["out_of_fold"]
    assert (told["n"], told["tau"], len(told["scaled"]), len(told["adjusted"])) == (9, 1.0, 3, 3)


def test_a_failed_scoring_is_a_sentence_on_the_run(rows, engineer):
    job = Job.objects.get(pk=rows.failed)
    Job.objects.filter(pk=job.pk).update(
        work=work.OUT_OF_FOLD, params={"run_id": rows.run}, error="The disk is full."
    )
    text = engineer.get(reverse("run", args=[rows.run])).content.decode()
    assert "The folds were not scored" in text
    assert "The disk is full." in text


def test_scoring_asked_for_twice_is_one_job(rows, sign_in):
    client = sign_in("admin")
    run = Run.objects.get(pk=rows.run)
    Run.objects.filter(pk=run.pk).update(fingerprint=choice.freeze(run.dataset).fingerprint)
    first, again = (client.post(reverse("api:start_out_of_fold", args=[run.pk])).json() for _ in "ab")
    assert first == again
    assert Job.objects.get(pk=first["job"]).params == {"run_id": run.pk}
    answer = client.post(reverse("out-of-fold", args=[run.pk]), follow=True)
    assert "Waits for a free worker" in answer.content.decode()


def test_an_unfinished_run_has_no_folds(rows):
    Run.objects.filter(pk=rows.run).update(state=Run.State.FAILED)
    with pytest.raises(NoFolds, match="is failed; only a finished run"):
        work.start_out_of_fold(Run.objects.get(pk=rows.run))
