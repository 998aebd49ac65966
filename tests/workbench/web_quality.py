"""What the page of quality shows of a dataset: pictures worth a look, twins, a conflict, audited labels."""

from datetime import datetime, timedelta

from labeling.models import Annotation, Annotator, Dataset
from labeling.quality.models import PictureIssue
from labeling.services import inspection
from workbench.views.contexts.quality_pictures import WORDS

AUDITED = 60


def make(dataset: Dataset, now: datetime) -> None:
    """Inspect the pictures, and write findings of every kind, one of them dismissed."""
    inspection.look(dataset)
    inspection.judge(dataset, now)
    first, *samples = dataset.samples.exclude(label="").order_by("pk")[:AUDITED]
    PictureIssue.objects.bulk_create(
        PictureIssue(
            sample=sample, kind=kind, value=3, reason=f"This stands for what is said of “{words}”.",
            dismissed_at=now if words == "Bright" else None, created_at=now,
        )
        for sample, (kind, words) in zip(samples, WORDS.items(), strict=False)
    )  # fmt: skip
    twins = dataset.samples.pool().exclude(label="").order_by("pk")[:4]
    dataset.samples.filter(pk__in=[one.pk for one in twins]).update(duplicate_group=twins[0].key)
    said = {
        "circle": "circle/a very long name of a file, as cameras give them 1.png",
        "square": "square/1.png",
    }
    dataset.imports.update(conflicts=[{"key": first.key, "said": said}])
    _audit([first, *samples], now)


def _audit(samples: list, now: datetime) -> None:
    """Let two people bear out all but three of the labels."""
    people = [Annotator.objects.create(email=f"{name}@example.org") for name in ("edith", "emmy")]
    later = now + timedelta(seconds=1)
    Annotation.objects.bulk_create(
        Annotation(
            sample=sample, annotator=who, source=Annotation.Source.LABEL_STUDIO,
            label=sample.label if number > 2 else "triangle", created_at=later, updated_at=later,
        )
        for number, sample in enumerate(samples)
        for who in people
    )  # fmt: skip
