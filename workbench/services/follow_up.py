"""What a finished training or curve brings about: a comparison with the plain run, and fresh advice."""

from datetime import datetime

from django.db.models import Max, Q

from labeling.models import Dataset
from trainer.engine.recipe import Recipe
from trainer.models import Comparison, Run
from trainer.services import runs
from workbench.ledger.models import Job
from workbench.services import work

ADVICE = "workbench.jobs.refresh_advice"


def follow_up(now: datetime) -> None:
    """Look after each dataset on which something was measured since advice was last asked for."""
    asked: dict[int, datetime] = {}
    for params, at in (
        Job.objects.filter(work=ADVICE).order_by("created_at").values_list("params", "created_at")
    ):
        asked[params["dataset_id"]] = at
    for dataset in _measured():
        news = [at for at in (vars(dataset)["ran_at"], vars(dataset)["drawn_at"]) if at is not None]
        if news and (dataset.pk not in asked or asked[dataset.pk] < max(news)):
            compare_with_plain(dataset, now)
            work.start_advice(dataset)


def _measured() -> list[Dataset]:
    done = Q(runs__state=Run.State.DONE)
    return list(
        Dataset.objects.annotate(
            ran_at=Max("runs__finished_at", filter=done), drawn_at=Max("curves__finished_at")
        )
    )


def compare_with_plain(dataset: Dataset, now: datetime) -> list[Comparison]:
    """Compare each run that changed its data, and was not compared yet, with the last one that did not.

    Both must have learned from the same labels and been measured on the same test items.
    """
    done = list(Run.objects.filter(dataset=dataset, state=Run.State.DONE).order_by("pk"))
    compared = set(Comparison.objects.filter(other__in=done).values_list("other_id", flat=True))
    plain = [run for run in done if not Recipe.from_json(run.recipe).changes_data]
    made = []
    for run in done:
        bases = [base for base in plain if _same_data(base, run) and base.pk != run.pk]
        if run not in plain and run.pk not in compared and bases:
            made += runs.compare(bases[-1], run, seed=run.seed, now=now)
    return made


def _same_data(base: Run, other: Run) -> bool:
    return (base.fingerprint, base.test_fingerprint) == (other.fingerprint, other.test_fingerprint)
