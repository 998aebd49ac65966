"""Label issues as rows: what is raised, what is sent, and what people's opinions make of them."""

import numpy as np
import pytest

from labeling.models import Dataset, LabelIssue, LabelProject
from labeling.progress import silent
from labeling.quality import jobs
from labeling.services import opinions, reviews
from labeling.services.reviews import NothingToReview
from tests.labeling.opinion_rows import add, predict, say

pytestmark = pytest.mark.django_db
N, FLIPPED = 60, (3, 14, 27)


@pytest.fixture
def dataset(state, now):
    """Sixty pictures labeled by an import; three labels are wrong."""
    dataset = Dataset.objects.create(name="Coins", classes=["head", "tail"], created_at=now)
    for number, sample in enumerate(add(dataset, [f"{number:02d}" for number in range(N)], now)):
        say(sample, dataset.classes[(number + (number in FLIPPED)) % 2])
    opinions.settle_labels(dataset)
    return dataset


@pytest.fixture
def predictions(dataset, now):
    rows = dataset.samples.order_by("pk").values_list("pk", flat=True)
    sure = 0.9 + 0.001 * np.arange(N)
    probs = {pk: [sure[n], 1 - sure[n]][:: 1 if n % 2 == 0 else -1] for n, pk in enumerate(rows)}
    return predict(dataset, probs, now)


@pytest.fixture
def found(dataset, predictions):
    search(dataset, predictions)
    return list(reviews.open_issues(dataset))


def search(dataset, predictions):
    return jobs.find_issues(silent, dataset_id=dataset.pk, prediction_set_id=predictions.pk)


def answer(issue, label, who="ann", **fields):
    return say(issue.sample, label, who, after=5, task=issue.task, **fields)


def states(dataset):
    rows = LabelIssue.objects.filter(sample__dataset=dataset).order_by("sample__key")
    return {row.sample.key: row.state for row in rows}


def sent(dataset, found, now, **options):
    made = reviews.send(dataset, [one.pk for one in found], now=now, **options)
    return made, list(LabelIssue.objects.filter(task__round=made).order_by("sample__key"))


# --- what must not happen


def test_what_is_gone_is_no_error(dataset, predictions):
    assert jobs.find_issues(silent, dataset_id=2**31, prediction_set_id=predictions.pk) is None
    assert jobs.find_issues(silent, dataset_id=dataset.pk, prediction_set_id=2**31) is None


def test_predictions_of_other_classes_raise_nothing(dataset, now):
    other = predict(dataset, {dataset.samples.first().pk: [0.1, 0.9]}, now, classes=["head", "edge"])
    assert search(dataset, other)["note"].startswith("The predictions are of other classes")
    assert states(dataset) == {}


def test_a_search_changes_no_label(dataset, found):
    before = list(dataset.samples.values_list("label", flat=True))
    opinions.settle_labels(dataset)
    assert before == list(dataset.samples.values_list("label", flat=True))


def test_what_was_judged_is_not_raised_again(dataset, predictions, found, now):
    _, issues = sent(dataset, found, now)
    answer(issues[0], issues[0].given)
    reviews.judge(dataset, now)
    opinions.settle_labels(dataset)
    assert search(dataset, predictions) == {"labels": N, "issues": 3, "open": 0}
    assert states(dataset) == {"03": "dismissed", "14": "sent", "27": "sent"}


def test_nothing_is_sent_twice_and_nothing_foreign(dataset, found, now):
    other = Dataset.objects.create(name="Other", classes=["head", "tail"], created_at=now)
    with pytest.raises(NothingToReview, match="open for a review"):
        sent(other, found, now)
    sent(dataset, found, now)
    with pytest.raises(NothingToReview):
        sent(dataset, found, now)


def test_a_label_that_changed_meanwhile_is_not_doubted(dataset, found, now):
    say(found[0].sample, found[0].proposed, "ann")
    opinions.settle_labels(dataset)
    assert found[0] not in reviews.open_issues(dataset)
    with pytest.raises(NothingToReview):
        sent(dataset, found[:1], now)


@pytest.mark.parametrize(
    "said", [["head"], ["head", "tail"], ["head", "head", "tail", "tail"]], ids=["too few", "tie", "tie of 4"]
)
def test_too_few_opinions_and_ties_decide_nothing(said, dataset, found, now):
    _, (issue, *_) = sent(dataset, found, now, overlap=2)
    for number, label in enumerate(said):
        answer(issue, label, f"person{number}")
    assert reviews.judge(dataset, now) == 0
    assert states(dataset)["03"] == "sent"


def test_skips_and_opinions_of_before_do_not_count(dataset, found, now):
    _, (issue, *_) = sent(dataset, found, now)
    say(issue.sample, "head", "bob")
    answer(issue, "", skipped=True)
    assert reviews.judge(dataset, now) == 0


# --- what does


def test_planted_errors_are_raised_with_the_most_doubtful_first(dataset, predictions):
    assert search(dataset, predictions) == {"labels": N, "issues": 3, "open": 3}
    found = list(reviews.open_issues(dataset))
    assert [one.sample.key for one in found] == ["27", "14", "03"]
    assert (found[0].given, found[0].proposed, found[0].source) == ("head", "tail", "run:1:oof")
    assert found[0].score == pytest.approx(1 - 0.927)
    assert "gives “tail” 0.93 and “head” 0.07" in found[0].reason


def test_a_new_search_replaces_what_is_open(dataset, predictions, found, now):
    agrees = {s.pk: [0.9, 0.1] if s.label == "head" else [0.1, 0.9] for s in dataset.samples.all()}
    search(dataset, predict(dataset, agrees, now))
    assert states(dataset) == {}
    search(dataset, predictions)
    assert len(states(dataset)) == 3


def test_a_review_tells_neither_label_nor_proposal(dataset, found, now):
    made, issues = sent(dataset, found, now, overlap=2, seed=7)
    assert (made.strategy, made.overlap, made.prediction_set, len(issues)) == ("review", 2, None, 3)
    for issue in issues:
        assert (issue.state, issue.task.proposed, issue.task.audit) == ("sent", "", False)
        assert "head" not in issue.task.reason
        assert "tail" not in issue.task.reason


def test_people_confirm_and_dismiss(dataset, found, now):
    _, (third, fourteenth, _) = sent(dataset, found, now)
    answer(third, third.proposed)
    answer(fourteenth, fourteenth.given)
    assert reviews.judge(dataset, now) == 2
    assert states(dataset) == {"03": "confirmed", "14": "dismissed", "27": "sent"}
    third.refresh_from_db()
    assert (third.verdict, third.judged_at) == (third.proposed, now)
    assert reviews.judge(dataset, now) == 0
    opinions.settle_labels(dataset)
    third.sample.refresh_from_db()
    assert third.sample.label == third.proposed


def test_the_decision_follows_changed_opinions(dataset, found, now):
    _, (issue, *_) = sent(dataset, found, now)
    said = answer(issue, issue.proposed)
    reviews.judge(dataset, now)
    said.label = issue.given
    said.save()
    reviews.judge(dataset, now)
    assert states(dataset)["03"] == "dismissed"
    said.deleted_at = now
    said.save()
    reviews.judge(dataset, now)
    assert states(dataset)["03"] == "sent"


def test_a_task_deleted_in_label_studio_opens_its_issue_again(dataset, found, now):
    made, issues = sent(dataset, found, now)
    answer(issues[0], issues[0].proposed)
    reviews.judge(dataset, now)
    made.tasks.update(removed_at=now)
    assert reviews.judge(dataset, now) == 2
    assert states(dataset) == {"03": "confirmed", "14": "open", "27": "open"}
    assert len(sent(dataset, found[:1], now)[1]) == 1


def test_a_dataset_goes_with_its_issues(dataset, found, now):
    LabelProject.objects.create(dataset=dataset, ls_id=1, title="x", created_at=now)
    sent(dataset, found, now)
    dataset.delete()
    assert not LabelIssue.objects.exists()
