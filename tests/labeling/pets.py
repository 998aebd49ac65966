"""Six pictures and their rounds in a real Label Studio, for tests of the exchange."""

from datetime import UTC, datetime

import numpy as np
from PIL import Image

from labeling.models import Annotation, Dataset, LabelTask, Sample, SelectionRound
from labeling.progress import silent
from labeling.services import exchange, opinions

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLASSES = ["cat", "dog & co", "bird"]


def make(label_studio):
    """Six pictures, the first in the pool is the oldest."""
    made = Dataset.objects.create(name="Pets", classes=CLASSES, created_at=NOW)
    for number in range(6):
        file = f"{made.pk}/{number}.png"
        (label_studio.media / file).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (40 * number, 80, 90)).save(label_studio.media / file)
        Sample.objects.create(
            dataset=made,
            key=f"{number:064x}",
            name=f"{number}.png",
            file=file,
            width=8,
            height=8,
            added_at=NOW,
        )
    return made


def predict(dataset, version, first):
    """A model that is sure of "bird" everywhere, and doubts sample number `first` the most."""
    rows = list(dataset.samples.order_by("pk"))
    probs = np.tile([0.1, 0.1, 0.8], (len(rows), 1))
    probs[first] = [0.4, 0.2, 0.4]
    return opinions.record_predictions(
        dataset, [s.pk for s in rows], probs, source="run:1", model_version=version, now=NOW
    )


def choose(dataset, numbers, *, overlap=1, predictions=None, audit=()):
    """A round of these samples in this order; the score grows with the rank."""
    made = SelectionRound.objects.create(
        dataset=dataset,
        strategy="margin" if predictions else "random",
        overlap=overlap,
        random_share=0.2,
        seed=1,
        prediction_set=predictions,
        created_at=NOW,
    )
    samples = list(dataset.samples.order_by("pk"))
    for rank, number in enumerate(numbers):
        LabelTask.objects.create(
            round=made,
            sample=samples[number],
            rank=rank,
            score=rank / 10,
            audit=number in audit,
            reason="a test",
        )
    return made


def push(chosen, studio):
    return exchange.push_round(chosen, studio, NOW, silent)


def pull(project, studio):
    project.refresh_from_db()
    return exchange.pull_annotations(project, studio, NOW, silent)


def ids(chosen):
    """Label Studio's ids in rank order."""
    return list(chosen.tasks.order_by("rank").values_list("ls_task_id", flat=True))


def held(project):
    """(id there, address, label) of every annotation that stands."""
    rows = Annotation.objects.standing().filter(task__project=project).order_by("ls_annotation_id")
    return list(rows.values_list("ls_annotation_id", "annotator__email", "label"))
