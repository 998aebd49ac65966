"""What the pages and the JSON API show of a dataset's model versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from labeling.models import Dataset
from trainer.engine.gate import METRICS, RULES
from trainer.models import ModelVersion, Promotion
from trainer.services import registry
from workbench.views.contexts import figures
from workbench.views.contexts.figures import Interval

HISTORY_SHOWN = 20
KINDS = {
    Promotion.Kind.GATE: "promoted by the gate",
    Promotion.Kind.HAND: "promoted by hand",
    Promotion.Kind.ROLLBACK: "brought back",
}


@dataclass(frozen=True)
class VersionRow:
    id: int
    number: int
    state: str
    run: int
    recipe: str
    accuracy: Interval | None
    balanced_accuracy: Interval | None
    n_test: int | None
    n_train: int | None
    weights: str  # SHA-256 of the weights file
    verdict: str  # the gate's, in words; "" while there is none
    judged_at: datetime | None
    exported: bool
    difference: float | None  # of any logit between the export and torch
    created_at: datetime

    @property
    def is_candidate(self) -> bool:
        return self.state == ModelVersion.State.CANDIDATE

    @property
    def is_current(self) -> bool:
        return self.state == ModelVersion.State.CURRENT


@dataclass(frozen=True)
class PromotionRow:
    version: int
    previous: int | None
    kind: str
    words: str
    by: str  # "" is Seedbed itself
    reason: str
    at: datetime


@dataclass(frozen=True)
class RuleRow:
    """What a candidate has to show."""

    metric: str
    rule: str
    margin_points: float
    words: str


@dataclass(frozen=True)
class ModelsPage:
    current: VersionRow | None
    previous: int | None  # number of the version that a roll back brings
    rule: RuleRow
    versions: tuple[VersionRow, ...]  # newest first
    history: tuple[PromotionRow, ...]

    @property
    def others(self) -> tuple[VersionRow, ...]:
        """Those that a person may promote."""
        return tuple(row for row in self.versions if not row.is_current)


@dataclass(frozen=True)
class ModelCard:
    """The current version on its dataset's page."""

    row: VersionRow | None
    waiting: int  # candidates
    since: datetime | None


def models_page(dataset: Dataset) -> ModelsPage:
    rows = tuple(version_row(version) for version in _versions(dataset))
    before = registry.previous(dataset)
    history = dataset.promotions.select_related("version", "previous")[:HISTORY_SHOWN]
    return ModelsPage(
        current=next((row for row in rows if row.is_current), None),
        previous=before.number if before else None,
        rule=rule_row(dataset),
        versions=rows,
        history=tuple(_promotion_row(row) for row in history),
    )


def model_card(dataset: Dataset) -> ModelCard:
    standing = _versions(dataset).filter(state=ModelVersion.State.CURRENT)
    version = standing.annotate(since=Max("promotions__at")).first()
    return ModelCard(
        row=version_row(version) if version else None,
        waiting=dataset.versions.filter(state=ModelVersion.State.CANDIDATE).count(),
        since=version.since if version else None,
    )


def version_row(version: ModelVersion) -> VersionRow:
    run = version.run
    return VersionRow(
        id=version.pk,
        number=version.number,
        state=version.state,
        run=run.pk,
        recipe=run.name,
        accuracy=figures.interval(run.metrics.get("accuracy")),
        balanced_accuracy=figures.interval(run.metrics.get("balanced_accuracy")),
        n_test=run.n_test,
        n_train=run.n_train,
        weights=version.weights,
        verdict=(version.verdict or {}).get("reason", ""),
        judged_at=version.judged_at,
        exported=bool(version.export),
        difference=version.export.get("max_difference"),
        created_at=version.created_at,
    )


def rule_row(dataset: Dataset) -> RuleRow:
    rule = registry.rule_of(dataset)
    return RuleRow(rule.metric, rule.kind, round(100 * rule.margin, 2), rule.words())


def rule_choices() -> dict[str, Any]:
    """Return what a rule is chosen from, with words for people."""
    return {"metrics": list(METRICS.items()), "rules": list(RULES.items())}


def _versions(dataset: Dataset) -> Any:
    return dataset.versions.select_related("run").defer("run__history", "run__receipt")


def _promotion_row(row: Promotion) -> PromotionRow:
    return PromotionRow(
        version=row.version.number,
        previous=row.previous.number if row.previous else None,
        kind=row.kind,
        words=KINDS[Promotion.Kind(row.kind)],
        by=row.by,
        reason=row.reason,
        at=row.at,
    )
