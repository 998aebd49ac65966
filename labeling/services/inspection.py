"""Pictures looked at for what their labels do not tell: blank, blurred, odd, or near a test picture."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from PIL import Image, ImageOps

from labeling import duplicates, images
from labeling.models import Dataset, Sample
from labeling.progress import Progress, Report, silent
from labeling.quality import pictures, sizes
from labeling.quality.models import PictureIssue
from labeling.quality.pictures import Look
from labeling.services import regrouping

LOT = 200  # pictures a transaction and a progress report; what is lost where the job is killed
ROWS = 500  # of a statement
UNREADABLE: Mapping[str, object] = {
    "version": pictures.VERSION
}  # kept as measures: nothing could be measured
Kind = PictureIssue.Kind


def unseen(dataset: Dataset) -> QuerySet[Sample]:
    """Return the pictures that were not measured yet, or by another version of the measures."""
    return dataset.samples.filter(Q(measures__isnull=True) | ~Q(measures__version=pictures.VERSION))


def look(dataset: Dataset, report: Report = silent) -> int:
    """Measure every picture that was not measured yet; returns how many were.

    Each lot is kept when it is done: after a crash the next call goes on from there.  Pictures that came
    before there was a wide hash get theirs, and join the groups of what they are near to.
    """
    rows = list(unseen(dataset).order_by("pk").values_list("pk", "file", "wide_hash"))
    for start in range(0, len(rows), LOT):
        report(Progress("Looking at pictures", start, len(rows)))
        lot = rows[start : start + LOT]
        seen = [(pk, *_look(file, wide_hash)) for pk, file, wide_hash in lot]
        _keep(
            dataset, seen, {row[0] for row, (_, found, _) in zip(lot, seen, strict=True) if found != row[2]}
        )
    report(Progress("Looking at pictures", len(rows), len(rows)))
    return len(rows)


def judge(dataset: Dataset, now: datetime) -> dict[str, int]:
    """Write what the measures of all pictures tell; returns how many issues are open, by kind.

    Open issues that hold no longer go; what somebody dismissed stays dismissed.
    """
    found = {(one.sample_id, one.kind): one for one in _found(dataset, now)}
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        ours = PictureIssue.objects.filter(sample__dataset=dataset)
        ours.filter(dismissed_at=None).delete()
        known = set(ours.values_list("sample_id", "kind"))
        new = [one for place, one in found.items() if place not in known]
        PictureIssue.objects.bulk_create(new, batch_size=ROWS)
    return open_counts(dataset)


def open_counts(dataset: Dataset) -> dict[str, int]:
    """Return how many issues nobody dismissed, by kind; all kinds are named."""
    rows = PictureIssue.objects.filter(sample__dataset=dataset, dismissed_at=None).order_by()
    counts = dict(rows.values_list("kind").annotate(n=Count("pk")))
    return {kind.value: counts.get(kind.value, 0) for kind in Kind}


def dismiss(dataset: Dataset, ids: Collection[int], now: datetime) -> int:
    """Say of these issues that somebody looked and the picture is fine; returns how many were open."""
    rows = PictureIssue.objects.filter(sample__dataset=dataset, dismissed_at=None, pk__in=list(ids))
    return rows.update(dismissed_at=now)


def reopen(dataset: Dataset, ids: Collection[int]) -> int:
    """Take a dismissal back; returns how many had been dismissed."""
    rows = PictureIssue.objects.filter(sample__dataset=dataset, pk__in=list(ids)).exclude(dismissed_at=None)
    return rows.update(dismissed_at=None)


def leaks(dataset: Dataset) -> list[tuple[int, int, int]]:
    """Return training pictures near a labeled test picture: (training sample, test sample, bits apart).

    Imports keep such pictures together, so there should be none; but pictures that came before there was a
    wide hash were split without it.  Bits are of the wide hash; 0 where a group says so.  One a training
    picture, the nearest.
    """
    rows = list(
        dataset.samples.filter(Q(split=Sample.Split.TRAIN) | ~Q(label=""))
        .order_by("pk")
        .values_list("pk", "split", "wide_hash", "duplicate_group")
    )
    is_test = np.array([row[1] == Sample.Split.TEST for row in rows], dtype=np.bool_)
    pairs = duplicates.wide_pairs([row[2] for row in rows], is_test).tolist()
    near = [(a, b, _apart(rows[a][2], rows[b][2])) for a, b in pairs]
    groups = {row[3]: place for place, row in enumerate(rows) if is_test[place] and row[3]}
    near += [(place, groups[row[3]], 0) for place, row in enumerate(rows) if row[3] in groups]
    best: dict[int, tuple[int, int]] = {}
    for a, b, bits in near:
        train, test = (b, a) if is_test[a] else (a, b)
        if not is_test[train] and is_test[test]:
            best[train] = min(best.get(train, (257, 0)), (bits, test))
    return [(rows[train][0], rows[test][0], bits) for train, (bits, test) in sorted(best.items())]


def _apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _look(file: str, wide_hash: str) -> tuple[str, Mapping[str, object]]:
    """Return the wide hash and the measures of a stored picture; nothing of one that cannot be read."""
    try:
        with Image.open(settings.MEDIA_ROOT / file, formats=images.STORED) as picture:
            if wide_hash:  # else all pixels are needed: the hash has to be the one that an import takes
                picture.draft("RGB", (pictures.SIDE, pictures.SIDE))
            ImageOps.exif_transpose(picture, in_place=True)
            return wide_hash or duplicates.wide_hash(picture), pictures.measure(picture).to_json()
    except Exception:  # Pillow meets damaged files with errors of many kinds
        return wide_hash, UNREADABLE


def _keep(
    dataset: Dataset, rows: Iterable[tuple[int, str, Mapping[str, object]]], hashed: Collection[int]
) -> None:
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        for pk, wide_hash, measures in rows:  # a statement each: 0.2 ms, where looking takes 4
            Sample.objects.filter(pk=pk).update(wide_hash=wide_hash, measures=dict(measures))
        if hashed:
            regrouping.join_near(dataset, hashed)


def _found(dataset: Dataset, now: datetime) -> Iterator[PictureIssue]:
    rows = dataset.samples.filter(measures__version=pictures.VERSION).order_by("pk")
    looks = [(pk, Look.from_json(kept)) for pk, kept in rows.values_list("pk", "measures")]
    told = [(pk, look) for pk, look in looks if look is not None]
    for row, kind, value, reason in pictures.judge([look for _, look in told]):
        yield PictureIssue(sample_id=told[row][0], kind=kind, value=value, reason=reason, created_at=now)
    for pk, look in looks:
        if look is None:
            reason = "Its stored file is gone or damaged: import it again."
            yield PictureIssue(sample_id=pk, kind=Kind.UNREADABLE, value=0, reason=reason, created_at=now)
    yield from _odd(dataset, now)
    yield from _leaks(dataset, now)


def _odd(dataset: Dataset, now: datetime) -> Iterator[PictureIssue]:
    rows = list(dataset.samples.order_by("pk").values_list("pk", "width", "height"))
    counts = Counter((width, height) for _, width, height in rows)
    odd = {(one.width, one.height, one.kind): one for one in sizes.odd(counts)}
    for pk, width, height in rows:
        for kind in (Kind.ODD_SIZE, Kind.ODD_ASPECT):
            if one := odd.get((width, height, kind.value)):
                yield PictureIssue(
                    sample_id=pk, kind=kind, value=one.value, reason=one.reason, created_at=now
                )


def _leaks(dataset: Dataset, now: datetime) -> Iterator[PictureIssue]:
    found = leaks(dataset)
    names = dict(dataset.samples.filter(pk__in=[test for _, test, _ in found]).values_list("pk", "name"))
    for train, test, bits in found:
        far = f"{bits} of 256 bits apart" if bits else "one group"
        reason = f"Nearly equal to the test picture {names[test][-150:]} ({far}): it gives the answer away."
        yield PictureIssue(sample_id=train, kind=Kind.LEAK, value=bits, reason=reason, created_at=now)
