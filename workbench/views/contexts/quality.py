"""What the page and the JSON API show of labels that are likely wrong, and of what people said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, QuerySet

from labeling.models import Dataset, LabelIssue
from labeling.services import reviews
from trainer.engine import intervals
from workbench.ledger.models import Job
from workbench.services import reviewing, settling
from workbench.views.contexts import quality_pictures
from workbench.views.contexts.annotators import Share
from workbench.views.contexts.figures import Interval
from workbench.views.contexts.quality_errors import ErrorRow, error_rows
from workbench.views.contexts.quality_pictures import ConflictRow, Duplicates, PictureList

PAGE_SIZE = 50  # a form may hold 200 fields
State = LabelIssue.State
STATES = (State.OPEN, State.SENT, State.CONFIRMED, State.DISMISSED)


@dataclass(frozen=True)
class Wish:
    """What the address asks for."""

    state: str = ""  # of the label issues
    page: str | int = 1  # of them
    kind: str = ""  # of the picture issues
    dismissed: bool = False  # whether to list those that somebody looked at
    pictures: str | int = 1  # page of them


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
    errors: tuple[ErrorRow, ...]  # of all labels, of the test labels
    pictures: PictureList
    conflicts: tuple[ConflictRow, ...]
    duplicates: Duplicates

    @property
    def reviewed(self) -> int:
        return self.precision.n if self.precision else 0


def issues_of(dataset: Dataset, state: str) -> QuerySet[LabelIssue]:
    """Return the issues of a state, the most doubtful first; a state that is none gives the open ones."""
    if state not in STATES or state == State.OPEN:
        return reviews.open_issues(dataset)
    return LabelIssue.objects.filter(sample__dataset=dataset, state=state).select_related("sample")


def quality_page(dataset: Dataset, wish: Wish) -> QualityPage:
    """Return what was asked for; a number out of range gives the nearest page."""
    named = wish.state if wish.state in STATES else State.OPEN.value
    found: Page[LabelIssue] = Paginator(issues_of(dataset, named), PAGE_SIZE).get_page(wish.page)
    ours = LabelIssue.objects.filter(sample__dataset=dataset)
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
        errors=error_rows(dataset),
        pictures=quality_pictures.picture_list(
            dataset, wish.kind, dismissed=wish.dismissed, number=wish.pictures
        ),
        conflicts=quality_pictures.conflicts(dataset),
        duplicates=quality_pictures.duplicates(dataset),
    )


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


def issue_table(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Yield the issues of every state for a spreadsheet, headers first."""
    yield (
        *("sample", "name", "split", "given", "proposed", "probability_given", "probability_proposed"),
        *("state", "reviewers_say", "source", "reason"),
    )
    for one in all_issues(dataset):
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
