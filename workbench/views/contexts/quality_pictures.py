"""What the page and the JSON API show of pictures themselves: issues, duplicates, conflicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet

from labeling.models import Dataset
from labeling.quality.models import PictureIssue
from labeling.services import inspection
from workbench.services import inspecting

PAGE_SIZE = 24  # of pictures
GROUPS_SHOWN, MEMBERS_SHOWN = 12, 8
COPY = "The same file as "  # how an import notes a second copy
Kind = PictureIssue.Kind
WORDS = {
    Kind.BLANK: "Blank",
    Kind.DARK: "Dark",
    Kind.BRIGHT: "Bright",
    Kind.BLURRY: "Blurred",
    Kind.ODD_SIZE: "Odd size",
    Kind.ODD_ASPECT: "Odd shape",
    Kind.UNREADABLE: "Unreadable",
    Kind.LEAK: "Near a test picture",
}


@dataclass(frozen=True)
class PictureRow:
    """A picture that is worth a look."""

    id: int  # of the issue
    sample: int
    name: str
    width: int
    split: str
    label: str
    kind: str
    words: str
    value: float  # of the measure that raised it
    reason: str
    dismissed: bool


@dataclass(frozen=True)
class KindRow:
    kind: str
    words: str
    open: int


@dataclass(frozen=True)
class PictureList:
    """One page of the pictures that are worth a look, those of one kind together, the clearest first."""

    kind: str  # "" is all of them
    dismissed: bool  # whether those that somebody looked at are listed
    kinds: tuple[KindRow, ...]
    open: int
    dismissed_count: int
    rows: tuple[PictureRow, ...]
    page: int
    pages: int
    inspected: int  # pictures that were measured
    unseen: int  # that were not yet
    at: datetime | None  # when an inspection last ended

    @property
    def leaks(self) -> int:
        return next(one.open for one in self.kinds if one.kind == Kind.LEAK)


@dataclass(frozen=True)
class MemberRow:
    sample: int
    name: str
    width: int
    split: str
    label: str


@dataclass(frozen=True)
class GroupRow:
    """Pictures that are nearly equal; one group lies in one split."""

    key: str
    size: int
    classes: int  # that its members bear
    members: tuple[MemberRow, ...]  # the first few


@dataclass(frozen=True)
class Duplicates:
    groups: int
    pictures: int  # in groups of two or more
    divided: int  # groups whose members bear several classes
    straddling: int  # groups with members in both splits that train and measure: 0 unless something is wrong
    copies: int  # files that imports took for second copies, byte for byte
    listed: tuple[GroupRow, ...]  # those under several classes first, then the largest


@dataclass(frozen=True)
class ConflictRow:
    """One picture that was imported under two classes or more: the same bytes in several files."""

    sample: int
    width: int
    said: tuple[tuple[str, str], ...]  # (class, the first file that says so)
    label: str  # what people said since, "" before


class _Group(NamedTuple):
    key: str
    size: int
    classes: int
    tested: int  # members that measure
    trained: int  # that are or may be trained on


def picture_list(dataset: Dataset, kind: str, *, dismissed: bool, number: str | int) -> PictureList:
    """Return one page of the issues; a kind that is none gives all, a number too large the last page."""
    named = kind if kind in Kind.values else ""
    found: Page[PictureIssue] = Paginator(issues_of(dataset, named, dismissed), PAGE_SIZE).get_page(number)
    counts = inspection.open_counts(dataset)
    unseen = inspection.unseen(dataset).count()
    last = inspecting.last_inspection(dataset)
    ours = PictureIssue.objects.filter(sample__dataset=dataset)
    return PictureList(
        kind=named,
        dismissed=dismissed,
        kinds=tuple(KindRow(name.value, words, counts[name.value]) for name, words in WORDS.items()),
        open=sum(counts.values()),
        dismissed_count=ours.exclude(dismissed_at=None).count(),
        rows=tuple(picture_row(one) for one in found.object_list),
        page=found.number,
        pages=found.paginator.num_pages,
        inspected=dataset.samples.count() - unseen,
        unseen=unseen,
        at=last.finished_at if last else None,
    )


def issues_of(dataset: Dataset, kind: str = "", dismissed: bool | None = None) -> QuerySet[PictureIssue]:
    """Return the issues of a kind, "" for all; those dismissed, those not, or both."""
    rows = PictureIssue.objects.filter(sample__dataset=dataset).select_related("sample")
    if dismissed is not None:
        rows = rows.filter(dismissed_at__isnull=not dismissed)
    return rows.filter(kind=kind) if kind else rows


def picture_row(issue: PictureIssue) -> PictureRow:
    sample = issue.sample
    return PictureRow(
        *(issue.pk, sample.pk, sample.name, sample.width, sample.split, sample.label),
        *(issue.kind, WORDS[Kind(issue.kind)], issue.value, issue.reason, issue.dismissed_at is not None),
    )


def picture_table(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Yield all issues for a spreadsheet, headers first."""
    yield ("sample", "name", "split", "label", "kind", "value", "reason", "dismissed")
    for one in map(picture_row, issues_of(dataset).iterator()):
        yield (one.sample, one.name, one.split, one.label, one.kind, one.value, one.reason, one.dismissed)


def duplicates(dataset: Dataset) -> Duplicates:
    """Return the groups of near-equal pictures and how many second copies imports met."""
    groups = _groups(dataset)
    shown = groups[:GROUPS_SHOWN]
    members = _members(dataset, [one.key for one in shown])
    return Duplicates(
        groups=len(groups),
        pictures=sum(one.size for one in groups),
        divided=sum(one.classes > 1 for one in groups),
        straddling=sum(bool(one.tested and one.trained) for one in groups),
        copies=len(copies(dataset)),
        listed=tuple(
            GroupRow(one.key, one.size, one.classes, members[one.key][:MEMBERS_SHOWN]) for one in shown
        ),
    )


def copies(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """Return (file, the one it equals) of the second copies that imports met, by name."""
    met: dict[str, str] = {}
    for noted in dataset.imports.order_by("pk").values_list("noted", flat=True):
        met |= {one["file"]: one["note"] for one in noted if one["note"].startswith(COPY)}
    return tuple((file, note.removeprefix(COPY).rsplit(":", 1)[0]) for file, note in sorted(met.items()))


def copy_table(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Yield the second copies for a spreadsheet, headers first."""
    yield ("file", "equals")
    yield from copies(dataset)


def duplicate_table(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Yield the pictures of all groups for a spreadsheet, headers first."""
    yield ("group", "sample", "name", "split", "label")
    keys = [one.key for one in _groups(dataset)]
    for key, members in _members(dataset, keys).items():
        for one in members:
            yield (key[:16], one.sample, one.name, one.split, one.label)


def _groups(dataset: Dataset) -> list[_Group]:
    """Return the groups of two or more, those under several classes first, then the largest."""
    rows = dataset.samples.exclude(duplicate_group="").order_by().values_list("duplicate_group")
    counted = rows.annotate(
        n=Count("pk"),
        classes=Count("label", distinct=True, filter=~Q(label="")),
        tested=Count("pk", filter=Q(split="test") & ~Q(label="")),
        trained=Count("pk", filter=Q(split="train")),
    )
    several = counted.filter(n__gt=1).order_by("-classes", "-n", "duplicate_group")
    return [_Group(*row) for row in several]


def _members(dataset: Dataset, keys: list[str]) -> dict[str, tuple[MemberRow, ...]]:
    found: dict[str, list[MemberRow]] = {key: [] for key in keys}
    for start in range(0, len(keys), inspection.ROWS):
        rows = dataset.samples.filter(duplicate_group__in=keys[start : start + inspection.ROWS]).order_by(
            "pk"
        )
        columns = rows.values_list("duplicate_group", "pk", "name", "width", "split", "label")
        for key, pk, name, width, split, label in columns:
            found[key].append(MemberRow(pk, name, width, split, label))
    return {key: tuple(members) for key, members in found.items()}


def conflicts(dataset: Dataset) -> tuple[ConflictRow, ...]:
    """Return the conflicting duplicates that imports met, each in itself or all together, by their files."""
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for found in dataset.imports.exclude(conflicts=[]).order_by("pk").values_list("conflicts", flat=True):
        for one in found:
            said[one["key"]] |= one["said"]
    rows = dataset.samples.filter(key__in=list(said)).values_list("pk", "key", "width", "label")
    listed = [
        ConflictRow(pk, width, tuple(sorted(said[key].items())), label) for pk, key, width, label in rows
    ]
    return tuple(sorted(listed, key=lambda one: one.said))


def conflict_table(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Yield a line for each class that a picture was imported under, headers first."""
    yield ("sample", "class", "file", "label_now")
    for one in conflicts(dataset):
        for name, file in one.said:
            yield (one.sample, name, file, one.label)
