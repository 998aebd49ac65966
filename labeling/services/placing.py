"""The place of each new picture: its group of near-equal ones, its imported label, its split."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from django.conf import settings
from django.db.models import F
from numpy.typing import NDArray

from labeling import duplicates, images, splits
from labeling.folders import Refusal
from labeling.models import Annotation, Dataset, Sample
from labeling.progress import Progress, Report
from labeling.services import opinions

LOT = 500  # rows per statement


@dataclass(frozen=True)
class Wish:
    """What an import shall do with the labels that it brings."""

    test_share: float  # of each class, in [0, 1)
    keep_labels: Literal["all", "test"]

    def __post_init__(self) -> None:
        if not 0 <= self.test_share < 1:
            raise ValueError(f"test_share must lie in [0, 1), got {self.test_share}")
        if self.keep_labels not in ("all", "test"):
            raise ValueError(f'keep_labels must be "all" or "test", got {self.keep_labels!r}')


def find_groups(dataset: Dataset, report: Report) -> dict[int, str]:
    """Return the group of each sample that has none yet, by its id; slow, for it looks at pictures."""
    rows = list(
        dataset.samples.exclude(difference_hash="").values_list(
            "pk", "key", "duplicate_group", "split", "difference_hash", "file", "wide_hash"
        )
    )
    is_new = np.array([row[2] == "" for row in rows], dtype=np.bool_)
    pairs = duplicates.near_pairs([row[4] for row in rows], is_new)
    candidates, places = np.unique(pairs, return_inverse=True)
    copies, readable = _small_copies([rows[row][5] for row in candidates.tolist()], report)
    places = places.reshape(-1, 2)
    equal = duplicates.near_equal(copies, places) & readable[places].all(axis=1)
    alike = duplicates.wide_pairs([row[6] for row in rows], is_new)
    groups = duplicates.join(
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] == Sample.Split.TEST for row in rows],
        np.concatenate([pairs[equal], alike]),
    )
    return {row[0]: group for row, group in zip(rows, groups, strict=True) if not row[2]}


def place(
    dataset: Dataset, groups: Mapping[int, str], given: Mapping[str, str], *, wish: Wish, now: datetime
) -> list[Refusal]:
    """Give new samples their groups, unlabeled ones their labels (by content key), and draw the test split.

    The first labels that a dataset gets by import draw its test split (splits.assign, salted with the
    dataset's name).  From then on it stands: later pictures train.  A later picture that is nearly equal to a
    test picture would give the test away, so it is set aside: in the test split, but without a label, it
    neither trains nor measures.  A label never replaces another one.  Returns remarks about files.
    Call it in a transaction that holds the dataset's row.
    """
    given = dict(given)
    _write_groups(dataset, groups)
    remarks = _disagreements(dataset, given) if wish.keep_labels == "all" else []
    remarks += _set_aside(dataset, groups, given)
    if not dataset.samples.testing().labeled().exists():
        _draw_test(dataset, given, wish.test_share)
    _annotate(dataset, given, wish, now)
    opinions.settle_labels(dataset)
    return remarks


def _small_copies(files: list[str], report: Report) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return small copies (M, SIDE, SIDE, 3) of stored files, and (M,) whether each could be read."""
    side = duplicates.SIDE
    copies = np.zeros((len(files), side, side, 3), dtype=np.uint8)
    readable = np.ones(len(files), dtype=np.bool_)
    for place, file in enumerate(files):
        if place % LOT == 0:
            report(Progress("Comparing pictures", place, len(files)))
        try:
            copies[place] = images.decode(settings.MEDIA_ROOT / file, side)
        except OSError:  # a stored file that got lost: the import of the others goes on
            readable[place] = False
    report(Progress("Comparing pictures", len(files), len(files)))
    return copies, readable


def _write_groups(dataset: Dataset, groups: Mapping[int, str]) -> None:
    ids = list(groups)
    for start in range(0, len(ids), LOT):
        lot = dataset.samples.filter(pk__in=ids[start : start + LOT])
        joined = [sample for sample in lot if sample.key != groups[sample.pk]]
        lot.update(duplicate_group=F("key"))
        for sample in joined:
            sample.duplicate_group = groups[sample.pk]
        Sample.objects.bulk_update(joined, ["duplicate_group"])


def _disagreements(dataset: Dataset, given: Mapping[str, str]) -> list[Refusal]:
    labeled = dataset.samples.labeled().values_list("key", "name", "label")
    return [
        Refusal(name, f'Labeled "{label}" already; "{given[key]}" was not taken.')
        for key, name, label in labeled
        if given.get(key, label) != label
    ]


def _set_aside(dataset: Dataset, groups: Mapping[int, str], given: dict[str, str]) -> list[Refusal]:
    """Put new pictures that are nearly equal to test pictures into the test split, without a label."""
    testing = set(dataset.samples.testing().values_list("duplicate_group", flat=True))
    ids = [pk for pk, group in groups.items() if group in testing]
    remarks = []
    for sample in dataset.samples.filter(pk__in=ids):
        given.pop(sample.key, None)
        remarks.append(Refusal(sample.name, "Nearly equal to a test picture: set aside, it trains nothing."))
    dataset.samples.filter(pk__in=ids).update(split=Sample.Split.TEST)
    return remarks


def _draw_test(dataset: Dataset, given: Mapping[str, str], test_share: float) -> None:
    """Draw the test split from samples that get their first label now, with their near-equal ones."""
    trained_on = set(dataset.samples.labeled().values_list("duplicate_group", flat=True))
    free = [
        row
        for row in dataset.samples.unlabeled().values_list("pk", "key", "duplicate_group")
        if row[2] not in trained_on
    ]
    split = splits.assign(
        [key for _, key, _ in free],
        [given.get(key, "") for _, key, _ in free],
        [group for _, _, group in free],
        test_share,
        dataset.name,
    )
    test = [row[0] for row, side in zip(free, split, strict=True) if side == Sample.Split.TEST]
    for start in range(0, len(test), LOT):
        Sample.objects.filter(pk__in=test[start : start + LOT]).update(split=Sample.Split.TEST)


def _annotate(dataset: Dataset, given: Mapping[str, str], wish: Wish, now: datetime) -> None:
    samples = dataset.samples.unlabeled()
    if wish.keep_labels == "test":
        samples = samples.testing()
    Annotation.objects.bulk_create(
        [
            Annotation(
                sample=sample,
                source=Annotation.Source.IMPORT,
                label=given[sample.key],
                created_at=now,
                updated_at=now,
            )
            for sample in samples
            if sample.key in given
        ],
        batch_size=LOT,
    )
