"""Studies: what their pages say, what starts from them, and where they lead."""

from dataclasses import replace

import pytest
from django.urls import reverse

from labeling.models import Dataset
from trainer.engine.recipe import NAMED
from trainer.models import Run, Study
from trainer.services import studies
from trainer.services.studies import Options
from workbench.services import work
from workbench.views.contexts import jobs as job_contexts

pytestmark = pytest.mark.django_db


def look(client, name, pk):
    answer = client.get(reverse(name, args=[pk]))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def dataset(rows):
    return Dataset.objects.get(pk=rows.dataset)


@pytest.fixture
def range_test(dataset):
    return dataset.studies.get(kind=Study.Kind.RANGE_TEST)


# --- what must not happen


@pytest.mark.parametrize("change", [{"kind": "horoscope"}, {"recipe": "brain"}, {"seed": -1}])
def test_a_senseless_wish_starts_nothing(change, rows, sign_in):
    before = Study.objects.count()
    wish = {"kind": "range-test", "recipe": "plain", **change}
    assert sign_in("admin").post(reverse("studies", args=[rows.dataset]), wish).status_code == 200
    assert Study.objects.count() == before


def test_a_rate_of_an_own_recipe_names_no_other_recipe(dataset, range_test, sign_in):
    Study.objects.filter(pk=range_test.pk).update(recipe=replace(NAMED["plain"], width=5).to_json())
    text = look(sign_in("admin"), "study", range_test.pk)
    assert "?learning_rate=0.01" in text
    assert "recipe of its own" in text


def test_who_may_not_train_gets_no_link_to_the_training(range_test, sign_in):
    assert "Use this rate" not in look(sign_in("engineer"), "study", range_test.pk)


def test_a_study_that_failed_says_why(dataset, now, sign_in):
    study = studies.open_study(dataset, Study.Kind.RANGE_TEST, NAMED["plain"], Options(), 1, now)
    studies.abandon(study.pk, Run.State.FAILED, "One class only.", now)
    text = look(sign_in("engineer"), "study", study.pk)
    assert "One class only." in text
    assert "Nothing measured" not in text


def test_a_study_that_was_stopped_early_says_that_nothing_was_measured(dataset, now, sign_in):
    study = studies.open_study(dataset, Study.Kind.BATCH_MAP, NAMED["plain"], Options(), 1, now)
    studies.abandon(study.pk, Run.State.CANCELLED, "", now)
    assert "Nothing measured" in look(sign_in("engineer"), "study", study.pk)


# --- what they say


def test_the_chosen_rate_leads_to_the_training_of_its_recipe(range_test, sign_in):
    text = look(sign_in("admin"), "study", range_test.pk)
    assert "?recipe=plain&amp;learning_rate=0.01" in text
    assert "It fell fastest at 0.001." in text


def test_the_map_marks_the_best_cell_and_those_like_it(rows, sign_in):
    text = look(sign_in("engineer"), "study", rows.study)
    assert text.count("<strong>best</strong>") == 1
    assert text.count("not told apart") == 1
    assert "It diverged." in text


@pytest.mark.parametrize("name", ["dataset", "train"])
def test_pages_lead_to_the_studies(name, rows, sign_in):
    assert reverse("studies", args=[rows.dataset]) in look(sign_in("admin"), name, rows.dataset)


# --- starting


@pytest.mark.parametrize("kind", Study.Kind.values)
def test_a_start_opens_the_study_and_shows_its_job(kind, rows, sign_in):
    client = sign_in("admin")
    answer = client.post(reverse("studies", args=[rows.dataset]), {"kind": kind, "recipe": "plain"})
    study = Study.objects.latest("pk")
    assert answer.url == reverse("study", args=[study.pk])
    assert (study.kind, study.state) == (kind, "waiting")
    assert 'id="study-live"' in look(client, "study", study.pk)


def test_the_job_leads_to_its_study(dataset):
    job = work.start_study(dataset, Study.Kind.BATCH_MAP, NAMED["plain"], seed=1)
    assert job_contexts.place(job) == reverse("study", args=[job.params["study_id"]])
