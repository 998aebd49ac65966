"""Features and vectors of pictures in the background.  Heavy modules are imported inside, as elsewhere."""

from __future__ import annotations

from dataclasses import asdict

from django.utils import timezone

from labeling.models import Dataset
from labeling.progress import Cancelled, Report
from labeling.services import choice, embeddings
from trainer.engine import receipt
from trainer.engine.pretraining import Plan
from trainer.jobs import cache, made_by, pixel_cache, sentence
from trainer.models import Pretraining
from trainer.services import pretraining
from trainer.services.pretraining import Learned


def pretrain(report: Report, *, pretraining_id: int) -> dict[str, object] | None:
    """Learn features from all pictures outside the test split, labeled or not.

    None if the pretraining is gone or done, or if a later attempt took it over.  An attempt goes on from the
    checkpoint of the one before.  What goes wrong stands on the row as a sentence.
    """
    row = pretraining.begin(pretraining_id, timezone.now())
    if row is None:
        return None
    try:
        learned = _pretrain(row, report)
    except Cancelled:
        raise
    except Exception as error:
        pretraining.abandon(row.pk, Pretraining.State.FAILED, sentence(error), timezone.now())
        raise
    if not pretraining.record(row, learned, timezone.now()):
        return None
    return {"pretraining": row.pk, "pictures": row.n, "loss": learned.history[-1]["loss"]}


def _pretrain(row: Pretraining, report: Report) -> Learned:
    from trainer.engine import device, pixels, self_supervised
    from trainer.engine.checkpoints import Checkpoint

    meter = receipt.Meter()
    snapshot = choice.freeze(row.dataset)
    rows = pretraining.choose_pictures(row, snapshot)
    plan = Plan.from_json(row.plan)
    chosen = device.pick(plan.precision, memory=cache("device.json"))
    decoded = pixels.load(snapshot.files, snapshot.keys, plan.resolution, pixel_cache(), report=report)
    place = pretraining.folder(row)
    learned = self_supervised.pretrain(
        decoded,
        rows,
        plan,
        seed=row.seed,
        device=chosen,
        checkpoint=Checkpoint(place / pretraining.CHECKPOINT),
        report=report,
    )
    self_supervised.save(place / pretraining.FEATURES, learned, plan)
    maker = made_by(plan.recipe, chosen.describe())
    return Learned([asdict(epoch) for epoch in learned.history], {**meter.read(), **maker})


def embed(report: Report, *, dataset_id: int, source: str) -> dict[str, object] | None:
    """Give every picture of a dataset a vector by this source, and hand the table down.

    None if the dataset is gone.  Only pictures that the source has not seen yet are computed.
    """
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        return None
    from trainer.engine import device, features, pixels, sources

    snapshot = choice.freeze(dataset)
    origin = sources.find(source, pretraining.source_file(dataset, source))
    chosen = device.pick(memory=cache("device.json"))
    decoded = pixels.load(snapshot.files, snapshot.keys, origin.resolution, pixel_cache(), report=report)
    store = cache("features") / origin.fingerprint
    vectors, new = features.cached(
        store, snapshot.keys, lambda rows: origin.embed(decoded, rows, chosen), report=report
    )
    made = embeddings.record_embeddings(
        dataset, snapshot.ids, vectors, source=source, fingerprint=origin.fingerprint, now=timezone.now()
    )
    return {"embeddings": made.pk, "dim": made.dim, "pictures": made.count, "new": new}
