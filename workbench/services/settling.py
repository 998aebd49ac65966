"""Decides when the labels of samples with several opinions are settled by a method that weighs people."""

from datetime import datetime

from django.db.models import Max

from labeling.models import Dataset, PredictionSet
from labeling.services import consensus
from trainer.models import Run
from trainer.services import cross_validation
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.services.follow_up import RECENT
from workbench.services.work import OUT_OF_FOLD

CONSENSUS = "labeling.consensus.jobs.settle_by_model"


def start_consensus(dataset: Dataset, method: str = consensus.BEST, *, requested_by: str = "") -> Job:
    """Queue it, with the newest out-of-fold predictions; asked for twice with one method it is one job.

    Raises ValueError where there is no such method.
    """
    if method not in consensus.METHODS:
        raise ValueError(f"The method must be one of {', '.join(consensus.METHODS)}, got {method!r}.")
    unseen = unseen_predictions(dataset)
    return submit(
        CONSENSUS,
        f"Consensus of {dataset} ({method})",
        requested_by=requested_by,
        dedupe_key=f"consensus:{dataset.pk}:{method}",
        dataset_id=dataset.pk,
        method=method,
        prediction_set_id=unseen.pk if unseen else None,
    )


def unseen_predictions(dataset: Dataset) -> PredictionSet | None:
    """Return the newest predictions by models that had not seen the labels of what they judge."""
    return dataset.prediction_sets.filter(source__endswith=cross_validation.SUFFIX).first()


def settle_after_folds(now: datetime) -> None:
    """Settle anew where a cross-validation ended, by the method last asked for.

    Whether people share samples is left to the job: this looks every second.
    """
    for dataset in validated_since(CONSENSUS, now):
        standing = dataset.settlements.first()
        start_consensus(dataset, standing.asked if standing else consensus.BEST)


def validated_since(work: str, now: datetime) -> list[Dataset]:
    """Return the datasets of which a cross-validation ended after this work was last asked for."""
    since = now - RECENT
    ended = Job.objects.filter(
        work=OUT_OF_FOLD, state=Job.State.DONE, finished_at__gt=since, result__has_key="run"
    )
    at = dict(ended.order_by("finished_at").values_list("params__run_id", "finished_at"))
    asked = Job.objects.filter(work=work, created_at__gt=since).order_by()
    last = dict(asked.values_list("params__dataset_id").annotate(at=Max("created_at")))
    found: dict[int, Dataset] = {}
    for run in Run.objects.filter(pk__in=at).select_related("dataset"):
        if last.get(run.dataset_id, since) < at[run.pk]:
            found.setdefault(run.dataset_id, run.dataset)
    return list(found.values())
