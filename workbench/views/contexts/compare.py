"""What the page and the JSON API show of two runs side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator

from labeling.models import Dataset, Sample
from trainer.engine import comparison
from trainer.engine.recipe import Recipe
from trainer.engine.recipe_fields import LABELS
from trainer.engine.seeds import Verdict
from trainer.models import Run
from trainer.services import comparisons
from trainer.services.comparisons import NotComparable, Paired
from workbench.views.contexts.comparisons import LEVEL
from workbench.views.contexts.figures import LOSSES, METRICS, Figure, Interval, figure
from workbench.views.contexts.runs import RunRow, run_row

PAGE_SIZE = 24  # divides by 2, 3, 4, 6, 8: full rows in every grid
PEERS_SHOWN = 40
SHOWS = ("fixed", "broken")


@dataclass(frozen=True)
class MetricRow:
    """One metric of both runs, and what the other gained: paired, up is good; None where unknown."""

    name: str
    base: Figure | None
    other: Figure | None
    gain: Interval | None
    shown: bool
    is_share: bool  # shown in per cent


@dataclass(frozen=True)
class Counted:
    """The test items by who calls them right, and what they show of the accuracy."""

    n: int
    both_right: int
    both_wrong: int
    fixed: int  # wrong in base, right in other
    broken: int
    discordance: float
    p_value: float  # exact McNemar
    p_holm: float | None  # None where the comparison was not kept, or stands alone
    family: int
    smallest_shown: float | None
    items_needed: int | None  # to show the gain that was seen; None where there was none


@dataclass(frozen=True)
class SeedRow:
    """One metric over pairs of trainings."""

    name: str
    gain: Interval  # 95 %, Nadeau-Bengio
    p_value: float
    wins: Interval  # P(other better), 90 %
    shown: bool
    meaningful: bool


@dataclass(frozen=True)
class Seeds:
    """Two recipes over their seeds."""

    pairs: tuple[tuple[int, int], ...]  # numbers of the runs, base and other
    rows: tuple[SeedRow, ...]  # empty for fewer than two pairs


@dataclass(frozen=True)
class Choice:
    """One choice in which the recipes differ."""

    name: str
    base: Any
    other: Any


@dataclass(frozen=True)
class ItemCard:
    """One test item that one run calls right and the other wrong."""

    key: str
    sample_id: int | None  # None where the picture was deleted since
    name: str
    width: int
    label: str
    base_call: str
    base_prob: float
    other_call: str
    other_prob: float


@dataclass(frozen=True)
class Items:
    show: str  # "fixed" or "broken"
    count: int
    page: int
    pages: int
    cards: tuple[ItemCard, ...]


@dataclass(frozen=True)
class ComparePage:
    base: RunRow
    other: RunRow
    refusal: str  # why the two cannot be compared item by item, or ""
    metrics: tuple[MetricRow, ...]
    counted: Counted | None
    seeds: Seeds
    recipe: tuple[Choice, ...]
    same_recipe: bool
    same_labels: bool
    items: Items | None

    @property
    def accuracy(self) -> MetricRow | None:
        return self.metrics[0] if self.counted and self.metrics else None


@dataclass(frozen=True)
class Peer:
    """A run that another one may be compared with."""

    id: int
    name: str
    seed: int
    accuracy: Interval | None


def peers(run: Run) -> tuple[Peer, ...]:
    rows = (run_row(peer) for peer in comparisons.comparable(run)[:PEERS_SHOWN])
    return tuple(Peer(row.id, row.name, row.seed, row.accuracy) for row in rows)


def compare_page(base: Run, other: Run, show: str = "", page: int | str = 1) -> ComparePage:
    """Return both runs side by side; show is "fixed", "broken" or "", page a page of those items."""
    recipes = [Recipe.from_json(run.recipe) for run in (base, other)]
    refusal, paired = "", None
    try:
        paired = comparisons.pair(base, other)
    except NotComparable as reason:
        refusal = str(reason)
    return ComparePage(
        base=run_row(base),
        other=run_row(other),
        refusal=refusal,
        metrics=_metrics(base, other, paired),
        counted=_counted(base, other, paired) if paired else None,
        seeds=_seeds(base, other),
        recipe=_choices(*recipes),
        same_recipe=recipes[0] == recipes[1],
        same_labels=base.fingerprint == other.fingerprint,
        items=_items(base.dataset, paired, show, page) if paired else None,
    )


def _metrics(base: Run, other: Run, paired: Paired | None) -> tuple[MetricRow, ...]:
    gains = {name: Interval(*found) for name, found in paired.losses.items()} if paired else {}
    for found in paired.differences if paired else ():
        gains[found.metric] = Interval(found.gain, found.low, found.high)
    agreed = paired is None or (paired.differences[0].p_value or 0) < LEVEL  # as ComparisonRow.shown
    return tuple(
        MetricRow(
            words,
            _kept(base, name),
            _kept(other, name),
            gains.get(name),
            name in gains and gains[name].leaves_zero_out and (agreed or name != "accuracy"),
            name in METRICS,
        )
        for name, words in {**METRICS, **LOSSES}.items()
    )


def _kept(run: Run, name: str) -> Figure | None:
    return figure(run.metrics[name]) if name in run.metrics else None


def _counted(base: Run, other: Run, paired: Paired) -> Counted:
    accuracy = paired.differences[0]
    right = int((paired.base.probs.argmax(1) == paired.base.labels).sum())
    gain = abs(accuracy.gain)
    p_holm, family = comparisons.together([base.pk]).get((base.pk, other.pk), (None, 1))
    return Counted(
        n=accuracy.n,
        both_right=right - accuracy.broken,
        both_wrong=accuracy.n - right - accuracy.fixed,
        fixed=accuracy.fixed,
        broken=accuracy.broken,
        discordance=paired.discordance,
        p_value=accuracy.p_value or 0.0,
        p_holm=p_holm if family > 1 else None,
        family=family,
        smallest_shown=paired.smallest_shown,
        items_needed=round(comparison.items_needed(gain, paired.discordance)) if gain else None,
    )


def _seeds(base: Run, other: Run) -> Seeds:
    pairs = comparisons.seed_pairs(base, other)
    found = comparisons.across_seeds(pairs)
    return Seeds(
        tuple((first.pk, second.pk) for first, second in pairs),
        tuple(_seed_row(METRICS[metric], verdict) for metric, verdict in found.items()),
    )


def _seed_row(name: str, found: Verdict) -> SeedRow:
    gain, wins = Interval(*found.gain), Interval(*found.wins)
    return SeedRow(name, gain, found.p_value, wins, found.shown, found.meaningful)


def _choices(base: Recipe, other: Recipe) -> tuple[Choice, ...]:
    first, second = base.to_json(), other.to_json()
    names = [*(name for name in LABELS if name in first), *(name for name in first if name not in LABELS)]
    return tuple(
        Choice(LABELS.get(name, name), first[name], second[name])
        for name in names
        if first[name] != second[name]
    )


def _items(dataset: Dataset, paired: Paired, show: str, page: int | str) -> Items:
    changed = dict(zip(SHOWS, paired.changed, strict=True))
    chosen = show if show in SHOWS else "fixed" if len(changed["fixed"]) else "broken"
    found = Paginator(changed[chosen].tolist(), PAGE_SIZE).get_page(page)
    keys = [str(paired.base.keys[row]) for row in found.object_list]
    samples = {sample.key: sample for sample in Sample.objects.filter(dataset=dataset, key__in=keys)}
    cards = tuple(_card(paired, row, samples.get(str(paired.base.keys[row]))) for row in found.object_list)
    return Items(chosen, found.paginator.count, found.number, found.paginator.num_pages, cards)


def _card(paired: Paired, row: int, sample: Sample | None) -> ItemCard:
    names = paired.base.classes
    said = [tested.probs[row] for tested in (paired.base, paired.other)]
    calls = [int(probs.argmax()) for probs in said]
    key = str(paired.base.keys[row])
    return ItemCard(
        key=key,
        sample_id=sample.pk if sample else None,
        name=sample.name if sample else key[:12],
        width=sample.width if sample else 0,
        label=str(names[paired.base.labels[row]]),
        base_call=str(names[calls[0]]),
        base_prob=float(said[0][calls[0]]),
        other_call=str(names[calls[1]]),
        other_prob=float(said[1][calls[1]]),
    )
