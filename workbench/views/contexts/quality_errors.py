"""What the page and the JSON API show of how many labels are wrong, and of what that does to accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labeling.models import Dataset
from labeling.quality.errors import Stratum
from labeling.services import audits
from labeling.services.audits import Audit
from trainer.curves.ceiling import Ceiling
from workbench.services import planning
from workbench.views.contexts.figures import Interval

SCOPES = (("all", "All labels"), ("test", "Test labels"))


@dataclass(frozen=True)
class ErrorRow:
    """The share of wrong labels among all, or among those of the test split; rates are None while untold."""

    scope: str  # "all" or "test"
    words: str
    labels: int
    audited: int  # judged again: drawn at random, or all of those that a model doubted
    reviewed: int  # of them those that a model doubted
    wrong: int  # of the audited, as they were given
    undecided: int  # judged again by people who differ
    given: Interval | None  # of the labels as they were given first
    standing: Interval | None  # of the labels as they stand
    halving: int | None  # how many more, drawn at random, would about halve the interval
    hindrance: str  # why there is no rate
    ceiling: Interval | None  # of accuracy as measured: what a faultless model would score; of the test alone
    ceiling_words: str


def error_rows(dataset: Dataset) -> tuple[ErrorRow, ...]:
    found = zip(SCOPES, audits.of_labels(dataset), strict=True)
    return tuple(_row(scope, words, audit, dataset) for (scope, words), audit in found)


def error_table(dataset: Dataset) -> Iterator[tuple[object, ...]]:
    """Yield every stratum and their sum for a spreadsheet, headers first."""
    yield (
        *("scope", "labels_that_were", "labels", "audited", "wrong"),
        *("rate_given", "given_low", "given_high", "rate_standing", "standing_low", "standing_high"),
    )
    for (scope, _), audit in zip(SCOPES, audits.of_labels(dataset), strict=True):
        for one in _strata(audit):
            yield (scope, *one, *[""] * 6)
        rate = audit.rate
        if rate is not None:
            yield (scope, "all", rate.labels, rate.audited, rate.wrong, *rate.given, *rate.standing)


def _strata(audit: Audit) -> tuple[Stratum, ...]:
    return tuple(one for one in (audit.reviewed, *audit.others) if one.labels)


def _row(scope: str, words: str, audit: Audit, dataset: Dataset) -> ErrorRow:
    strata, rate = _strata(audit), audit.rate
    ceiling = planning.ceiling_by(audit, dataset) if scope == "test" else None
    return ErrorRow(
        scope=scope,
        words=words,
        labels=sum(one.labels for one in strata),
        audited=sum(one.audited for one in strata),
        reviewed=audit.reviewed.labels,
        wrong=sum(one.wrong for one in strata),
        undecided=audit.undecided,
        given=Interval(*rate.given) if rate else None,
        standing=Interval(*rate.standing) if rate else None,
        halving=rate.halving if rate else None,
        hindrance=audit.hindrance,
        ceiling=_score(ceiling),
        ceiling_words=ceiling.sentence if ceiling else "",
    )


def _score(ceiling: Ceiling | None) -> Interval | None:
    return Interval(*ceiling.score) if ceiling else None
