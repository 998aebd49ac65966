"""Decides when background work runs: each verb opens what the job needs and puts one row into the ledger."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from labeling.models import Dataset, PredictionSet, SelectionRound
from labeling.services import choice
from trainer.engine.pretraining import Plan
from trainer.engine.recipe import NAMED, Recipe
from trainer.models import Curve, Run, Study
from trainer.services import cross_validation, curves, pretraining, registry, runs, studies
from trainer.services.curves import Design
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job

OUT_OF_FOLD = "trainer.folds.jobs.out_of_fold"

TIERS = (Curve.Tier.RIDGE, Curve.Tier.MLP)  # of heads, drawn beside every curve: seconds each

STUDIES = {
    Study.Kind.RANGE_TEST: "trainer.search.jobs.range_test",
    Study.Kind.BATCH_MAP: "trainer.search.jobs.batch_map",
}


def new_seed() -> int:
    """A fresh seed; whoever receives it records it."""
    return secrets.randbits(31)


class AlreadyImporting(Exception):
    """Another import into the dataset is open; the message says so to a person."""


def start_import(
    dataset: Dataset,
    folder: Path,
    *,
    labels_csv: Path | None = None,
    keep_labels: str = "all",
    test_share: float = 0.2,
    classes: Sequence[str] = (),
    requested_by: str = "",
) -> Job:
    """Queue the import of a folder; the same wish twice is one job, another one meanwhile is refused."""
    table = str(labels_csv or "")
    job = submit(
        "labeling.jobs.import_folder",
        f"Import {folder.name} into {dataset}",
        requested_by=requested_by,
        dedupe_key=f"import:{dataset.pk}",
        dataset_id=dataset.pk,
        folder=str(folder),
        labels_csv=table,
        keep_labels=keep_labels,
        test_share=test_share,
        classes=list(classes),
    )
    if (job.params["folder"], job.params["labels_csv"]) != (str(folder), table):
        raise AlreadyImporting(
            f"{dataset} is just importing {job.params['folder']}. Import {folder} when that is done."
        )
    return job


def start_training(
    dataset: Dataset,
    recipe: Recipe | str,
    *,
    seed: int | None = None,
    requested_by: str = "",
    dedupe_key: str | None = None,
) -> Job:
    """Open a run of the recipe (or of the named one) and queue its training."""
    name = recipe if isinstance(recipe, str) else "own recipe"
    chosen = NAMED[recipe] if isinstance(recipe, str) else recipe
    with transaction.atomic():  # no run without its job, no job without its run
        run = runs.open_run(dataset, chosen, new_seed() if seed is None else seed, name, timezone.now())
        job = submit(
            "trainer.jobs.train",
            f"Train {name} on {dataset}",
            queue=settings.TRAIN_QUEUE,
            requested_by=requested_by,
            dedupe_key=dedupe_key,
            run_id=run.pk,
        )
        if job.params["run_id"] != run.pk:  # the same request came twice: the first one's run stands
            run.delete()
        else:
            run.job = str(job.pk)
            run.save(update_fields=["job"])
    return job


def start_trainings(
    dataset: Dataset, recipe: Recipe | str, *, count: int, seed: int | None = None, requested_by: str = ""
) -> list[Job]:
    """Queue the recipe's training so many times: from `seed` on, one up each, or with fresh seeds.

    Two recipes trained with the same seeds are compared pair by pair.
    """
    seeds = [new_seed() if seed is None else seed + number for number in range(count)]
    return [start_training(dataset, recipe, seed=one, requested_by=requested_by) for one in seeds]


def start_out_of_fold(run: Run, *, requested_by: str = "") -> Job:
    """Queue the cross-validation of a finished run; asked for twice it is one job.

    Raises NoFolds where its data carry none.
    """
    folds = cross_validation.open_folds(run)
    return submit(
        OUT_OF_FOLD,
        f"Out-of-fold predictions of {run}: {folds.count} trainings",
        queue=settings.TRAIN_QUEUE,
        requested_by=requested_by,
        dedupe_key=f"out-of-fold:{run.pk}",
        run_id=run.pk,
    )


def start_curve(
    dataset: Dataset,
    *,
    design: Design | str = "standard",
    recipe: Recipe | str = "plain",
    tiers: Sequence[str] = TIERS,
    seed: int | None = None,
    afresh: bool = False,
    requested_by: str = "",
) -> Job:
    """Open a curve of the recipe, and of heads on fixed embeddings beside it, and queue its trainings.

    An earlier curve of the same kind goes on with the labels that came since: only new sizes are trained.
    `afresh`, or a seed, shuffles all labels anew.  SEEDBED_CURVE_WORKERS jobs share the trainings; returns
    the first.  Raises NoCurve, NoFeatures.
    """
    wanted = Design(design) if isinstance(design, str) else design
    chosen = NAMED[recipe] if isinstance(recipe, str) else recipe
    name = recipe if isinstance(recipe, str) else "own recipe"
    with transaction.atomic():
        before = None if afresh or seed is not None else curves.to_continue(dataset, chosen, wanted)
        seed, now = new_seed() if seed is None else seed, timezone.now()
        curve = curves.open_curve(dataset, chosen, wanted, seed, now, name=name, continues=before)
        curves.open_tiers(curve, tiers, pretraining.embedding_sources(dataset)[0], now)
        workers = range(settings.CURVE_WORKERS)
        jobs = [_start_worker(curve, wanted, worker, requested_by) for worker in workers]
    return jobs[0]


def _start_worker(curve: Curve, wanted: Design, worker: int, requested_by: str) -> Job:
    beside = f", worker {worker + 1}" if worker else ""
    return submit(
        "trainer.curves.jobs.curve",
        f"Learning curve of {curve.dataset} ({curve.name}, {wanted.preset}{beside})"[:200],
        queue=settings.TRAIN_QUEUE,
        requested_by=requested_by,
        curve_id=curve.pk,
        worker=worker,
    )


def start_pretraining(
    dataset: Dataset, plan: Plan, *, seed: int | None = None, requested_by: str = ""
) -> Job:
    """Open a learning of features and queue it."""
    with transaction.atomic():  # no row without its job, no job without its row
        seed = new_seed() if seed is None else seed
        row = pretraining.open_pretraining(dataset, plan, seed, timezone.now())
        job = submit(
            "trainer.features.jobs.pretrain",
            f"Learn features of {dataset} ({plan.network}, {plan.resolution} pixels)",
            queue=settings.TRAIN_QUEUE,
            requested_by=requested_by,
            pretraining_id=row.pk,
        )
        row.job = str(job.pk)
        row.save(update_fields=["job"])
    return job


def start_study(
    dataset: Dataset,
    kind: str,
    recipe: Recipe,
    *,
    options: studies.Options | None = None,
    seed: int | None = None,
    requested_by: str = "",
) -> Job:
    """Open a range test or a batch map of the recipe and queue it."""
    with transaction.atomic():  # no row without its job, no job without its row
        seed = new_seed() if seed is None else seed
        row = studies.open_study(dataset, kind, recipe, options or studies.Options(), seed, timezone.now())
        job = submit(
            STUDIES[Study.Kind(kind)],
            f"{Study.Kind(kind).label} on {dataset}",
            queue=settings.TRAIN_QUEUE,
            requested_by=requested_by,
            study_id=row.pk,
        )
        row.job = str(job.pk)
        row.save(update_fields=["job"])
    return job


def start_embedding(dataset: Dataset, source: str, *, requested_by: str = "") -> Job:
    """Queue the vectors of all pictures by this source; raises NoFeatures where the dataset lacks it."""
    pretraining.source_file(dataset, source)
    return submit(
        "trainer.features.jobs.embed",
        f"Embed {dataset} by {source}"[:200],
        queue=settings.TRAIN_QUEUE,
        requested_by=requested_by,
        dedupe_key=f"embed:{dataset.pk}:{source}"[:100],
        dataset_id=dataset.pk,
        source=source,
    )


def start_preview(dataset: Dataset, policy: str, *, seed: int | None = None, requested_by: str = "") -> Job:
    return submit(
        "augment.jobs.preview",
        f"Preview of {policy} on {dataset}",
        requested_by=requested_by,
        dedupe_key=f"preview:{dataset.pk}:{policy}",
        dataset_id=dataset.pk,
        policy=policy,
        seed=new_seed() if seed is None else seed,
    )


def start_next_round(
    dataset: Dataset,
    *,
    count: int,
    strategy: str | None = None,
    random_share: float = 0.2,
    overlap: int = 1,
    seed: int | None = None,
    requested_by: str = "",
) -> Job:
    """Choose the samples now, so that no other round can take them, and queue their way to Label Studio.

    Without a strategy the usual one chooses (choice.usual_strategy).  Raises NothingToLabel, NotReady.
    """
    chosen = choice.choose_next(
        dataset,
        count=count,
        strategy=strategy or choice.usual_strategy(dataset, count),
        random_share=random_share,
        overlap=overlap,
        seed=new_seed() if seed is None else seed,
        predictions=best_predictions(dataset),
        now=timezone.now(),
    )
    return start_push(chosen, requested_by=requested_by)


def start_purchase(
    dataset: Dataset,
    mix: Mapping[str, int],
    *,
    overlap: int = 1,
    random_share: float = 0.2,
    seed: int | None = None,
    requested_by: str = "",
) -> Job:
    """Choose as many samples of each class as the mix says, as far as a model can tell, and queue them.

    Raises NothingToLabel where none waits; ValueError for a mix of no samples or of unknown classes.
    """
    chosen = choice.choose_next(
        dataset,
        count=sum(mix.values()),
        random_share=random_share,
        overlap=overlap,
        seed=new_seed() if seed is None else seed,
        predictions=best_predictions(dataset),
        mix=mix,
        now=timezone.now(),
    )
    return start_push(chosen, requested_by=requested_by)


def best_predictions(dataset: Dataset) -> PredictionSet | None:
    """Return what the current model version predicts.

    Without one, what the most accurate run on the newest labels does; all of those share one test set.
    """
    standing = registry.current(dataset)
    best = standing.run if standing else runs.best(dataset)
    return dataset.prediction_sets.filter(source=f"run:{best.pk}").first() if best else None


def start_push(chosen: SelectionRound, *, requested_by: str = "") -> Job:
    """Send a round to Label Studio; safe to repeat, what is there already is not sent again."""
    return submit(
        "labeling.jobs.push",
        f"Send {chosen.tasks.count()} samples of {chosen.dataset} to Label Studio",
        requested_by=requested_by,
        dedupe_key=f"push:{chosen.pk}",
        priority=1,
        round_id=chosen.pk,
    )


def start_sync(dataset: Dataset, *, requested_by: str = "") -> Job:
    return submit(
        "labeling.jobs.sync",
        f"Fetch the annotations of {dataset}",
        requested_by=requested_by,
        dedupe_key=f"sync:{dataset.pk}",
        priority=1,
        dataset_id=dataset.pk,
    )


def start_advice(dataset: Dataset, *, requested_by: str = "") -> Job:
    return submit(
        "workbench.jobs.refresh_advice",
        f"Advice for {dataset}",
        requested_by=requested_by,
        dedupe_key=f"advice:{dataset.pk}",
        dataset_id=dataset.pk,
    )
