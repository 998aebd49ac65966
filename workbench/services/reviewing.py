"""Decides when labels are searched for errors, and sends doubtful ones to people for a blind review."""

from collections.abc import Collection
from datetime import datetime

from django.utils import timezone

from labeling.models import Dataset
from labeling.services import reviews
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.services import settling, work

ISSUES = "labeling.quality.jobs.find_issues"


class NoPredictions(Exception):
    """There is nothing to search with; the message says so to a person."""


def start_search(dataset: Dataset, *, requested_by: str = "") -> Job:
    """Queue the search with the newest out-of-fold predictions; asked for twice it is one job.

    Raises NoPredictions where there are none.
    """
    unseen = settling.unseen_predictions(dataset)
    if unseen is None:
        raise NoPredictions(
            "Doubtful labels are found by models that never saw them, and there are no such predictions yet. "
            "Open a finished run and start its “Out-of-fold predictions”."
        )
    return submit(
        ISSUES,
        f"Search the labels of {dataset} for errors",
        requested_by=requested_by,
        dedupe_key=f"issues:{dataset.pk}",
        dataset_id=dataset.pk,
        prediction_set_id=unseen.pk,
    )


def start_review(
    dataset: Dataset,
    issues: Collection[int],
    *,
    overlap: int = 1,
    seed: int | None = None,
    requested_by: str = "",
) -> Job:
    """Queue these issues for a blind review; raises reviews.NothingToReview where none of them is open."""
    seed = work.new_seed() if seed is None else seed
    made = reviews.send(dataset, issues, overlap=overlap, seed=seed, now=timezone.now())
    return work.start_push(made, requested_by=requested_by)


def search_after_folds(now: datetime) -> None:
    """Search anew where a cross-validation ended."""
    for dataset in settling.validated_since(ISSUES, now):
        if settling.unseen_predictions(dataset):
            start_search(dataset)
