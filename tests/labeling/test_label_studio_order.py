"""Who gets which task next, of the real server: ranks, overlap, and the order of a newer model."""

from itertools import islice

import numpy as np
import pytest

from labeling.label_studio import accounts
from labeling.label_studio.client import Studio
from labeling.label_studio.shapes import StudioError
from labeling.progress import silent
from labeling.services import opinions, reranking
from tests.labeling import pets
from tests.labeling.pets import NOW, choose, held, ids, predict, pull, push

pytestmark = [pytest.mark.label_studio, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def folders(label_studio, settings, tmp_path):
    settings.MEDIA_ROOT = label_studio.media
    settings.STATE_DIR = tmp_path


@pytest.fixture
def dataset(label_studio):
    return pets.make(label_studio)


def doubting(dataset, version, order):
    """A model that doubts these samples the most, in this order, and takes all for birds."""
    rows = list(dataset.samples.order_by("pk"))
    probs = np.tile([0.02, 0.0, 0.98], (len(rows), 1))
    for place, number in enumerate(order):
        lead = 0.1 + 0.1 * place
        probs[number] = [(1 - lead) / 2, 0, (1 + lead) / 2]
    return opinions.record_predictions(
        dataset, [s.pk for s in rows], probs, source="run:2", model_version=version, now=NOW
    )


def rank(project, said, studio):
    return reranking.rerank(project, said, studio, NOW, silent)


def served(people, project):
    """What the three are given, one after the other."""
    return [person.next_task(project.ls_id).id for person in people.values()]


class DropsPredictions(Studio):
    """A server that says 201 and keeps one less."""

    def rank(self, ls_id, ranked):
        super().rank(ls_id, ranked[:-1])


class DiesAfterwards(Studio):
    """A connection that breaks once the server took the predictions."""

    def rank(self, ls_id, ranked):
        super().rank(ls_id, ranked)
        raise StudioError("the line is dead", permanent=False)


# What must not happen


def test_a_blind_queue_follows_no_model(dataset, studio):
    chosen = choose(dataset, [0, 1])
    chosen.blind = True
    project = push(chosen, studio)
    with pytest.raises(reranking.CannotRank, match="is blind: its order must not follow a model"):
        rank(project, doubting(dataset, "m2", [1]), studio)


def test_fewer_than_sent_is_an_error(dataset, label_studio, studio):
    project = push(choose(dataset, [5, 3, 1], predictions=predict(dataset, "m1", 5)), studio)
    drops = DropsPredictions(label_studio.url, label_studio.keys.token, embedded=True)
    with drops, pytest.raises(StudioError, match="Of 3 open tasks 1 have no score of m2"):
        rank(project, doubting(dataset, "m2", [1, 3, 5]), drops)
    project.refresh_from_db()
    assert project.model_version == "m1"


def test_a_broken_line_does_not_double_predictions(dataset, label_studio, studio, admin):
    project = push(choose(dataset, [5, 3, 1], predictions=predict(dataset, "m1", 5)), studio)
    said = doubting(dataset, "m2", [1, 3, 5])
    dies = DiesAfterwards(label_studio.url, label_studio.keys.token, embedded=True)
    with dies, pytest.raises(StudioError, match="the line is dead"):
        rank(project, said, dies)
    assert rank(project, said, studio) == 3
    rows = admin.get("/api/predictions/", params={"project": project.ls_id}).json()
    assert sorted(row["model_version"] for row in rows) == ["m1"] * 3 + ["m2"] * 3


def test_what_chance_placed_gets_no_proposal(dataset, studio, admin):
    chosen = choose(dataset, [5, 3, 1, 0], predictions=predict(dataset, "m1", 5), audit=[3])
    project = push(chosen, studio)
    rank(project, doubting(dataset, "m2", [1, 0, 5]), studio)
    audit = chosen.tasks.get(audit=True)
    assert (audit.proposed, audit.reason) == ("", "a test")
    rows = admin.get("/api/predictions/", params={"task": audit.ls_task_id}).json()
    assert [row["result"] for row in rows] == [[], []]


# The order of service


def test_three_people_get_ranks_one_two_three_and_a_new_model_turns_the_order(dataset, studio, people):
    chosen = choose(dataset, [5, 3, 1], predictions=predict(dataset, "m1", 5))
    project = push(chosen, studio)
    served = [person.next_task(project.ls_id).id for person in people.values()]
    assert served == ids(chosen)
    later = choose(dataset, [4, 0], predictions=predict(dataset, "m2", 4))
    assert push(later, studio) == project
    for person, task in zip(people.values(), served, strict=True):
        person.submit(accounts.Task(task, ""), "cat")
    assert [person.next_task(project.ls_id).id for person in list(people.values())[:2]] == ids(later)


def test_without_a_model_the_order_is_the_rank(dataset, studio, people):
    chosen = choose(dataset, [3, 0, 5])
    project = push(chosen, studio)
    assert [person.next_task(project.ls_id).id for person in people.values()] == ids(chosen)


def test_overlap_two_goes_to_two_people(dataset, studio, people):
    chosen = choose(dataset, [2], overlap=2)
    project = push(chosen, studio)
    for name, label in (("ann1", "cat"), ("ann2", "bird")):
        people[name].submit(people[name].next_task(project.ls_id), label)
    assert people["ann3"].next_task(project.ls_id) is None
    pull(project, studio)
    assert [(e, label) for _, e, label in held(project)] == [
        ("ann1@example.org", "cat"),
        ("ann2@example.org", "bird"),
    ]


def test_each_overlap_has_its_project_and_keeps_it(dataset, studio):
    one, three = (push(choose(dataset, [n], overlap=o), studio) for n, o in ((0, 1), (1, 3)))
    assert one != three
    assert push(choose(dataset, [2], overlap=3), studio) == three
    assert three.title == "Pets (3 opinions each)"


def test_the_open_batch_follows_a_newer_model(dataset, studio, people):
    chosen = choose(dataset, [5, 3, 1, 0, 2], predictions=predict(dataset, "m1", 5))
    project = push(chosen, studio)
    first = served(people, project)
    assert first == ids(chosen)[:3]
    for person, task in zip(people.values(), first, strict=True):
        person.submit(accounts.Task(task, ""), "cat")
    pull(project, studio)
    assert rank(project, doubting(dataset, "m2", [2, 0]), studio) == 2
    still_open = list(chosen.tasks.filter(sample__label="").order_by("rank"))
    assert [task.sample.name for task in still_open] == ["2.png", "0.png"]
    assert [task.rank for task in still_open] == [3, 4]
    assert still_open[0].reason == "The model hesitates between bird (0.55) and cat (0.45)."
    assert {task.model_version for task in still_open} == {"m2"}
    two = dict(islice(people.items(), 2))
    assert served(two, project) == [task.ls_task_id for task in still_open]


def test_rounds_of_several_models_are_served_as_one(dataset, studio, people):
    early = choose(dataset, [5, 3], predictions=predict(dataset, "m1", 5))
    project = push(early, studio)
    late = choose(dataset, [1], predictions=predict(dataset, "m2", 1))
    assert push(late, studio) == project
    said = doubting(dataset, "m3", [3, 1, 5])
    assert reranking.is_stale(project, said)
    rank(project, said, studio)
    assert not reranking.is_stale(project, said)
    wanted = [early.tasks.get(sample__name="3.png"), late.tasks.get(), early.tasks.get(sample__name="5.png")]
    assert served(people, project) == [task.ls_task_id for task in wanted]


def test_a_half_answered_task_stays_in_the_order(dataset, studio, people):
    chosen = choose(dataset, [5, 3], overlap=2, predictions=predict(dataset, "m1", 5))
    project = push(chosen, studio)
    people["ann1"].submit(people["ann1"].next_task(project.ls_id), "cat")
    pull(project, studio)
    assert rank(project, doubting(dataset, "m2", [3, 5]), studio) == 2
