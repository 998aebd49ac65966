"""Rows of people's opinions, as the sync writes them."""

import uuid
from datetime import timedelta

import numpy as np
from django.conf import settings

from labeling.models import Annotation, Annotator, PredictionSet, Sample


def add(dataset, keys, now, **fields):
    made = [
        Sample(dataset=dataset, key=k, name=k, file=k, width=1, height=1, added_at=now, **fields)
        for k in keys
    ]
    return Sample.objects.bulk_create(made)


def say(sample, label, who=None, after=0, **fields):
    """Let a person say so; nobody is an import."""
    person = who and Annotator.objects.get_or_create(email=f"{who}@example.org")[0]
    at = sample.added_at + timedelta(minutes=after)
    return Annotation.objects.create(
        sample=sample,
        source="label_studio" if who else "import",
        annotator=person or None,
        label=label,
        created_at=at,
        updated_at=at,
        **fields,
    )


def predict(dataset, probs, now, classes=None, source="run:1:oof"):
    """Keep probabilities by sample: a finished model's, which had not seen them."""
    path = f"predictions/{uuid.uuid4().hex}.npz"
    target = settings.STATE_DIR / path
    target.parent.mkdir(parents=True, exist_ok=True)
    ids, rows = np.array(list(probs), dtype=np.int64), np.array(list(probs.values()), dtype=np.float32)
    np.savez(target, sample_ids=ids, probs=rows, classes=np.array(classes or dataset.classes))
    return PredictionSet.objects.create(
        dataset=dataset, source=source, model_version="1", path=path, count=len(ids), created_at=now
    )
