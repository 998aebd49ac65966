"""Label issues: what a model doubts, sent to people for a blind review, and what they said."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from numpy.typing import NDArray

from labeling.models import Annotation, Dataset, LabelIssue, LabelTask, PredictionSet, SelectionRound

State = LabelIssue.State
LOT = 500  # rows a statement
REASON = "A second look at its label, without showing it."  # stands where others may read it


class NothingToReview(Exception):
    """No such issue is open; the message says so to a person."""


@dataclass(frozen=True, eq=False)
class Case:
    """The labels of N samples and what a model that never saw them says."""

    ids: NDArray[np.int64]  # (N,) ascending
    labels: NDArray[np.int64]  # (N,) in [0, K)
    probs: NDArray[np.float64]  # (N, K)


def open_issues(dataset: Dataset) -> QuerySet[LabelIssue]:
    """Return what nobody looked at again, the most doubtful first; labels that changed since are left out."""
    return LabelIssue.objects.filter(
        sample__dataset=dataset, state=State.OPEN, sample__label=F("given")
    ).select_related("sample")


def open_case(dataset: Dataset, predictions: PredictionSet) -> Case | None:
    """Return the samples that have a label and a prediction; None where it is of other classes."""
    with np.load(settings.STATE_DIR / predictions.path) as kept:
        if kept["classes"].tolist() != dataset.classes:
            return None
        row_of = dict(zip(kept["sample_ids"].tolist(), range(len(kept["probs"])), strict=True))
        probs = kept["probs"].astype(np.float64)
    number = {name: place for place, name in enumerate(dataset.classes)}
    labeled = dataset.samples.labeled().order_by("pk").values_list("pk", "label")
    rows = [(pk, number[label]) for pk, label in labeled if pk in row_of and label in number]
    ids = np.array([pk for pk, _ in rows], dtype=np.int64)
    labels = np.array([label for _, label in rows], dtype=np.int64)
    return Case(ids, labels, probs[[row_of[pk] for pk, _ in rows]])


def record(dataset: Dataset, found: Iterable[LabelIssue]) -> int:
    """Let these issues, not saved yet, replace the open ones; returns how many are open.

    What was sent to people or judged by them stays, and is not raised again for the same label.
    """
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        ours = LabelIssue.objects.filter(sample__dataset=dataset)
        ours.filter(state=State.OPEN).delete()
        known = set(ours.values_list("sample_id", "given"))
        new = [issue for issue in found if (issue.sample_id, issue.given) not in known]
        LabelIssue.objects.bulk_create(new, batch_size=LOT)
    return len(new)


def send(
    dataset: Dataset, ids: Collection[int], *, overlap: int = 1, seed: int = 0, now: datetime
) -> SelectionRound:
    """Queue the samples of these open issues for a blind review, and return its round.

    The round goes to a Label Studio project of its own that shows neither the label nor any proposal; the
    order is drawn at random, so it tells nothing.  Raises NothingToReview where none of them is open.
    """
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        issues = list(open_issues(dataset).filter(pk__in=ids))
        if not issues:
            raise NothingToReview("None of these labels is open for a review: choose some of the list.")
        made = SelectionRound.objects.create(
            dataset=dataset,
            strategy=SelectionRound.Strategy.REVIEW,
            overlap=overlap,
            blind=True,
            random_share=0,
            seed=seed,
            created_at=now,
        )
        order = np.random.default_rng(seed).permutation(len(issues)).tolist()
        for rank, place in enumerate(order):
            _ask(issues[place], made, rank, len(issues))
    return made


def judge(dataset: Dataset, now: datetime) -> int:
    """Let the reviewers' opinions decide their issues; returns how many changed their state.

    An issue is decided by the majority of a review with as many opinions as were asked for; a tie, or a
    review in which somebody skipped, waits for one more.  Opinions may change: the decision follows them.  An
    issue whose task was deleted in Label Studio is open again.
    """
    asked = LabelIssue.objects.filter(sample__dataset=dataset).exclude(state=State.OPEN)
    gone = Q(task=None) | Q(task__removed_at__isnull=False)
    moved = asked.filter(gone, state=State.SENT).update(state=State.OPEN, task=None)
    issues = list(asked.filter(task__removed_at=None).exclude(task=None).select_related("task__round"))
    said = _opinions(issues, dataset.classes)
    changed = []
    for issue in issues:
        verdict = _verdict(said[issue.task_id or 0], issue.task.round.overlap if issue.task else 1)
        if verdict != issue.verdict:
            issue.verdict, issue.state = verdict, _state(issue, verdict)
            issue.judged_at = now if verdict else None
            changed.append(issue)
    LabelIssue.objects.bulk_update(changed, ["verdict", "state", "judged_at"], batch_size=LOT)
    return moved + len(changed)


def _ask(issue: LabelIssue, made: SelectionRound, rank: int, total: int) -> None:
    issue.task = LabelTask.objects.create(
        round=made, sample=issue.sample, rank=rank, score=rank / total, reason=REASON
    )
    issue.state = State.SENT
    issue.save(update_fields=["task", "state"])


def _opinions(issues: Collection[LabelIssue], classes: Collection[str]) -> dict[int, list[str]]:
    """Return the standing opinions of each task, one a person."""
    said: dict[int, list[str]] = defaultdict(list)
    tasks = [issue.task_id for issue in issues]
    for start in range(0, len(tasks), LOT):
        rows = Annotation.objects.standing().filter(task__in=tasks[start : start + LOT], label__in=classes)
        for task, label in rows.values_list("task_id", "label"):
            said[task].append(label)
    return said


def _verdict(said: Collection[str], wanted: int) -> str:
    """Return the class that most say, "" while too few did or two classes have as many."""
    ranked = Counter(said).most_common(2)
    if len(said) < wanted or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return ""
    return ranked[0][0]


def _state(issue: LabelIssue, verdict: str) -> str:
    if not verdict:
        return State.SENT
    return State.DISMISSED if verdict == issue.given else State.CONFIRMED
