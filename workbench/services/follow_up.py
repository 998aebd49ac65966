"""What new measurements and labels bring about: a comparison with the plain run, and fresh advice."""

from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Max, Q

from labeling.models import Dataset
from trainer.engine.recipe import Recipe
from trainer.models import Comparison, Run
from trainer.services import comparisons
from workbench.ledger.models import Job
from workbench.services import work

ADVICE = "workbench.jobs.refresh_advice"
IMPORT = "labeling.jobs.import_folder"
SYNC = "labeling.jobs.sync"
RECENT = timedelta(days=1)  # older news is none: this looks every second, and must not read all jobs ever
PAUSE = timedelta(minutes=1)  # between two looks at a dataset, while annotations stream in
COUNTS = ("created", "updated", "deleted", "removed_tasks")  # what a sync did to our annotations
CHANGED = reduce(or_, (Q(**{f"result__{name}__gt": 0}) for name in COUNTS))


def follow_up(now: datetime) -> None:
    """Look after each dataset of which something new is known since advice was last asked for."""
    since = now - RECENT
    asked = latest("created_at", Q(work=ADVICE), since)
    gave_labels = Q(work=IMPORT) | Q(CHANGED, work=SYNC)
    labeled = latest("finished_at", gave_labels & Q(state=Job.State.DONE), since)
    for dataset in _measured():
        found = (vars(dataset)["ran_at"], vars(dataset)["drawn_at"], labeled.get(dataset.pk))
        news = [at for at in found if at is not None and at > since]
        last = asked.get(dataset.pk)
        if news and (last is None or (last < max(news) and last <= now - PAUSE)):
            compare_with_plain(dataset, now)
            work.start_advice(dataset)


def latest(moment: str, chosen: Q, since: datetime) -> dict[int, datetime]:
    """Return when the last of the chosen jobs was made or ended, by dataset; the ledger's clock is ours."""
    rows = Job.objects.filter(chosen, **{f"{moment}__gt": since}).order_by().values_list("params__dataset_id")
    return dict(rows.annotate(at=Max(moment)))


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
            made += comparisons.compare(bases[-1], run, seed=run.seed, now=now)
    return made


def _same_data(base: Run, other: Run) -> bool:
    return (base.fingerprint, base.test_fingerprint) == (other.fingerprint, other.test_fingerprint)
