"""How a person wants to see a curve, as the address says it, and what there is to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from urllib.parse import urlencode

from labeling.models import Dataset
from labeling.services import pace as paces
from trainer.models import Curve
from trainer.services import outlooks
from trainer.services.outlooks import Training
from workbench.charts import axis as axes
from workbench.charts.axis import Axis
from workbench.charts.curve import Ceiling, Keys, Trace, View
from workbench.services import planning

NOBODY = 0  # no curve's number: in the address it says that none is laid over it
GROUPS = {"curve": "each curve by itself", "recipe": "by recipe", "policy": "by augmentation policy"}


@dataclass(frozen=True)
class Look:
    """The state of a curve's page; every choice lives in the address."""

    metric: str = "accuracy"
    label: str = ""  # a class: its recall instead of the metric
    x: str = "labels"
    scale: str = "log"
    target: float | None = None  # per cent
    group: str = "curve"
    others: tuple[int, ...] | None = ()  # curves that are laid over this one; None: its own quick looks

    @property
    def query(self) -> str:
        """The address's part that restores it; what is as usual is left out."""
        usual = Look()
        names = ("metric", "label", "x", "scale", "target", "group")
        told = [(name, getattr(self, name)) for name in names if getattr(self, name) != getattr(usual, name)]
        laid = self.others if self.others is None else self.others or (NOBODY,)
        return urlencode([*told, *(("others", one) for one in laid or ())])

    def lays(self, curve: Curve, other: Curve) -> bool:
        """Tell whether another curve is laid over this one."""
        return other.of_id == curve.pk if self.others is None else other.pk in self.others


@dataclass(frozen=True)
class AxisChoice:
    name: str
    words: str
    why_not: str  # why it cannot be drawn against that; "" where it can


@dataclass(frozen=True)
class OtherCurve:
    """A curve of the same dataset on the same test pictures."""

    id: int
    words: str
    trainings: int
    largest: int
    chosen: bool


OWN = "own recipe"  # the name of every recipe that nobody named: each stands for itself


def words(curve: Curve) -> str:
    """Return what a curve is a curve of: a head on fixed features is never called a recipe."""
    if curve.tier == Curve.Tier.RECIPE:
        picks = ", labels drawn at random" if curve.random_only else ""
        return f"“{curve.name}”{picks}"
    head = curve.get_tier_display()
    return f"{head}: {curve.name}" if " on " in head else f"{head} on {curve.name}"


def view_of(curve: Curve, look: Look, trainings: tuple[Training, ...]) -> View:
    """Return what the chart is drawn by; an axis that cannot be drawn falls back to labels."""
    overlays = [other for other in outlooks.comparable(curve) if look.lays(curve, other)]
    of_others = [outlooks.trainings(other) for other in overlays]
    known = axes_of(curve.dataset, tuple(chain(trainings, *of_others)))
    axis = known.get(look.x, axes.LABELS)
    return View(
        axis=axis,
        scale=look.scale,
        target=None if look.target is None else look.target / 100,
        ceiling=_ceiling(curve, look),
        cost=known.get("cost") if axis is axes.LABELS else None,
        overlays=[_trace(other, look, made) for other, made in zip(overlays, of_others, strict=True)],
    )


def axes_of(dataset: Dataset, trainings: tuple[Training, ...]) -> dict[str, Axis]:
    """Return the axes that a curve of the dataset can be drawn against."""
    found = {"labels": axes.LABELS}
    if dataset.label_price:
        found["cost"] = axes.cost(dataset.label_price, dataset.currency)
    if pace := paces.pace(dataset):
        found["hours"] = axes.hours(pace.seconds, simulated=pace.simulated)
    compute = axes.compute({one.key: one.receipt for one in trainings})
    return found | ({"compute": compute} if compute.seconds else {})


def axis_choices(known: dict[str, Axis]) -> tuple[AxisChoice, ...]:
    missing = {
        "cost": "nobody has said what a label costs",
        "hours": "too few labels were timed",
        "compute": "no receipt tells it",
    }
    return tuple(
        AxisChoice(name, words, "" if name in known else missing[name]) for name, words in axes.NAMES.items()
    )


def others(curve: Curve, look: Look) -> tuple[OtherCurve, ...]:
    counts = outlooks.counts(curve.dataset)
    return tuple(
        OtherCurve(other.pk, words(other), counts[other.pk], other.sizes[-1], look.lays(curve, other))
        for other in outlooks.comparable(curve)
    )


def keys_of(trainings: tuple[Training, ...]) -> Keys:
    return {(one.repeat, one.seed): one.key for one in trainings}


def _trace(other: Curve, look: Look, trainings: tuple[Training, ...]) -> Trace:
    name = f"{words(other)}, curve {other.pk}"
    group = _group(other, look.group) or name
    return Trace(
        other.pk, name, group, outlooks.outlook_of(other, look.metric, look.label), keys_of(trainings)
    )


def _group(other: Curve, by: str) -> str:
    """Return the group that a curve falls into; "" where it stands for itself.  Heads have no policy."""
    if by == "recipe":
        return words(other) if other.name != OWN else ""
    if by == "policy":
        policy = other.recipe.get("policy")
        return words(other) if other.tier != Curve.Tier.RECIPE else f"policy {policy or 'none'}"
    return ""


def _ceiling(curve: Curve, look: Look) -> Ceiling | None:
    """Return what accuracy can be measured where labels are wrong; it says nothing of other metrics."""
    if look.metric != "accuracy" or look.label:
        return None
    found = planning.ceiling_of(curve.dataset)
    return Ceiling(*found.score, found.audited) if found else None
