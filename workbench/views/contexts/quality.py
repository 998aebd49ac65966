"""What the page and the JSON API show of labels that are likely wrong, and of what people said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, QuerySet

from labeling.models import Dataset, LabelIssue
from labeling.quality import sizes
from labeling.services import reviews
from trainer.engine import intervals
from workbench.ledger.models import Job
from workbench.services import reviewing, settling
from workbench.views.contexts.annotators import Share
from workbench.views.contexts.figures import Interval

PAGE_SIZE = 50  # a form may hold 200 fields
State = LabelIssue.State
ODD_SHOWN = 48  # pictures
STATES = (State.OPEN, State.SENT, State.CONFIRMED, State.DISMISSED)


@dataclass(frozen=True)
class IssueRow:
    id: int
    sample: int
    name: str
    split: str
    width: int
    given: str
    proposed: str
    score: float  # probability of the given label: the lower, the likelier it is wrong
    confidence: float  # of the proposed one
    reason: str
    source: str
    state: str
    verdict: str  # what the reviewers say, "" before


@dataclass(frozen=True)
class SearchRow:
    """The last search that ended."""

    labels: int  # that were searched
    issues: int  # that it doubts
    note: str
    at: datetime | None


@dataclass(frozen=True)
class ConflictRow:
    """One picture that was imported under two classes or more: the same bytes in several files."""

    sample: int
    width: int
    said: tuple[tuple[str, str], ...]  # (class, the first file that says so)
    label: str  # what people said since, "" before


@dataclass(frozen=True)
class OddRow:
    """A picture of a size or shape unlike the others."""

    sample: int
    name: str
    width: int
    reason: str


@dataclass(frozen=True)
class QualityPage:
    state: str  # of the issues listed
    counts: tuple[tuple[str, int], ...]  # of each state
    precision: Share | None  # of the reviewed: the given label was wrong
    proposed: Share | None  # of the confirmed: the proposed label was what people said
    searched: SearchRow | None
    ready: bool  # whether there are predictions to search with
    issues: tuple[IssueRow, ...]  # one page of them, the most doubtful first
    page: int
    pages: int
    conflicts: tuple[ConflictRow, ...]
    odd: tuple[OddRow, ...]  # of the rarest sizes first, at most ODD_SHOWN
    odd_count: int

    @property
    def reviewed(self) -> int:
        return self.precision.n if self.precision else 0


def issues_of(dataset: Dataset, state: str) -> QuerySet[LabelIssue]:
    """Return the issues of a state, the most doubtful first; a state that is none gives the open ones."""
    if state not in STATES or state == State.OPEN:
        return reviews.open_issues(dataset)
    return LabelIssue.objects.filter(sample__dataset=dataset, state=state).select_related("sample")


def quality_page(dataset: Dataset, state: str, number: str | int) -> QualityPage:
    """Return the page of the issues in this state; a number out of range gives the nearest page."""
    named = state if state in STATES else State.OPEN.value
    found: Page[LabelIssue] = Paginator(issues_of(dataset, named), PAGE_SIZE).get_page(number)
    ours = LabelIssue.objects.filter(sample__dataset=dataset)
    by_size = _sizes(dataset)
    found_odd = sizes.odd(by_size)
    by_state = dict(ours.order_by().values_list("state").annotate(n=Count("pk")))
    counts = by_state | {State.OPEN.value: reviews.open_issues(dataset).count()}
    right = ours.filter(state=State.CONFIRMED, verdict=F("proposed")).count()
    confirmed, dismissed = counts.get(State.CONFIRMED, 0), counts.get(State.DISMISSED, 0)
    return QualityPage(
        state=named,
        counts=tuple((one.value, counts.get(one.value, 0)) for one in STATES),
        precision=_share(confirmed, confirmed + dismissed),
        proposed=_share(right, confirmed),
        searched=_last_search(dataset),
        ready=settling.unseen_predictions(dataset) is not None,
        issues=tuple(issue_row(one) for one in found.object_list),
        page=found.number,
        pages=found.paginator.num_pages,
        conflicts=conflicts(dataset),
        odd=odd_pictures(dataset, found_odd)[:ODD_SHOWN],
        odd_count=sum(by_size[one.width, one.height] for one in found_odd),
    )


def conflicts(dataset: Dataset) -> tuple[ConflictRow, ...]:
    """Return the conflicting duplicates that imports met, in the order of their files."""
    said: dict[str, tuple[tuple[str, str], ...]] = {}
    for found in dataset.imports.exclude(conflicts=[]).order_by("pk").values_list("conflicts", flat=True):
        said |= {one["key"]: tuple(sorted(one["said"].items())) for one in found}
    rows = dataset.samples.filter(key__in=list(said)).values_list("pk", "key", "width", "label")
    listed = [ConflictRow(pk, width, said[key], label) for pk, key, width, label in rows]
    return tuple(sorted(listed, key=lambda one: one.said))


def conflict_table(rows: tuple[ConflictRow, ...]) -> Iterator[tuple[object, ...]]:
    """Yield a line for each class that a picture was imported under, headers first."""
    yield ("sample", "class", "file", "label_now")
    for one in rows:
        for name, file in one.said:
            yield (one.sample, name, file, one.label)


def odd_pictures(dataset: Dataset, found: tuple[sizes.Odd, ...]) -> tuple[OddRow, ...]:
    """Return pictures of these odd sizes, a few more than are shown at most."""
    rows: list[OddRow] = []
    for one in found:
        if len(rows) >= ODD_SHOWN:
            break
        alike = dataset.samples.filter(width=one.width, height=one.height).order_by("pk")
        named = alike.values_list("pk", "name")[:ODD_SHOWN]
        rows.extend(OddRow(pk, name, one.width, one.reason) for pk, name in named)
    return tuple(rows)


def _sizes(dataset: Dataset) -> dict[tuple[int, int], int]:
    rows = dataset.samples.order_by().values_list("width", "height").annotate(n=Count("pk"))
    return {(width, height): n for width, height, n in rows}


def issue_row(issue: LabelIssue) -> IssueRow:
    return IssueRow(
        id=issue.pk,
        sample=issue.sample_id,
        name=issue.sample.name,
        split=issue.sample.split,
        width=issue.sample.width,
        given=issue.given,
        proposed=issue.proposed,
        score=issue.score,
        confidence=issue.confidence,
        reason=issue.reason,
        source=issue.source,
        state=issue.state,
        verdict=issue.verdict,
    )


def all_issues(dataset: Dataset) -> tuple[IssueRow, ...]:
    """Return the issues of every state; open ones whose label changed since are left out."""
    return tuple(issue_row(one) for state in STATES for one in issues_of(dataset, state))


def table(issues: tuple[IssueRow, ...]) -> Iterator[tuple[object, ...]]:
    """Yield the issues for a spreadsheet, headers first."""
    yield (
        *("sample", "name", "split", "given", "proposed", "probability_given", "probability_proposed"),
        *("state", "reviewers_say", "source", "reason"),
    )
    for one in issues:
        yield (
            *(one.sample, one.name, one.split, one.given, one.proposed, one.score, one.confidence),
            *(one.state, one.verdict, one.source, one.reason),
        )


def _share(hits: int, n: int) -> Share | None:
    return Share(Interval(*intervals.wilson(hits, n)), n) if n else None


def _last_search(dataset: Dataset) -> SearchRow | None:
    done = Job.objects.filter(
        work=reviewing.ISSUES, state=Job.State.DONE, params__dataset_id=dataset.pk, result__has_key="issues"
    )
    last = done.order_by("-finished_at").first()
    if last is None:
        return None
    told = last.result or {}
    return SearchRow(told.get("labels", 0), told["issues"], told.get("note", ""), last.finished_at)
