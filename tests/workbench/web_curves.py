"""Curves of a dataset in every state that a page shows, made from known laws of learning: nothing is trained.

An earlier curve of the plain recipe whose forecasts the later one scored, the same recipe augmented, two
heads on fixed features, and two multipliers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import numpy as np

from labeling.models import Annotation, Annotator, Dataset, Sample
from trainer.curves import forecast as forecasting
from trainer.curves.outlook import Forecast, Outlook, Point
from trainer.engine.recipe import NAMED
from trainer.models import Curve, CurveCell, Multiplier
from trainer.services import forecasts
from trainer.services.forecasts import Kept

EARLIER, LATER = (20, 40, 80, 160), (20, 40, 80, 160, 320)
N_TEST = 240
FLOOR, SCALE, RATE = 0.04, 1.9, 0.55  # of the plain recipe's error
PURE = {
    "verdict": "pure",
    "sentence": "Worth 1.6x the labels (90 %: 1.2 to 2.1).",
    **{"value": 1.62, "low": 1.21, "high": 2.14},
    "refused": "",
    "p_more": 0.97,
    "pure": True,
    "log_odds": 2.1,
    "sizes": [],
}
EVEN = PURE | {
    "verdict": "not shown",
    "sentence": "No difference can be shown: 1.1x the labels (90 %: 0.83 to 1.4).",
    **{"value": 1.08, "low": 0.83, "high": 1.4},
    "p_more": 0.66,
}
REFUSED = {
    "verdict": "refused",
    "sentence": "Not shown: the other curve needs at least 2 sizes; it has 1.",
    "refused": "Not shown: the other curve needs at least 2 sizes; it has 1.",
    "p_more": None,
    "pure": True,
    "log_odds": 0.0,
    "sizes": [],
}
HEADS = {"ridge": 1.3, "mlp": 1.15}  # times the error of the recipe


@dataclass(frozen=True)
class Drawn:
    earlier: int
    later: int
    augmented: int
    ridge: int
    key: str  # of one training


def make(dataset: Dataset, now: datetime) -> Drawn:
    then = now - timedelta(days=9)
    earlier = _curve(dataset, EARLIER, 1.0, 3, then)
    later = _curve(dataset, LATER, 1.0, 4, now)
    forecasts.score_with(later, now)
    augmented = _curve(dataset, LATER, 0.8, 5, now, name="augmented", recipe=NAMED["augmented"].to_json())
    heads = [
        _curve(
            dataset, LATER, worse, 4, now, tier=tier, of=later, name="pixels",
            recipe={"head": tier, "source": "pixels", "embedding": "e" * 64},
        )
        for tier, worse in HEADS.items()
    ]  # fmt: skip
    for other, found in ((augmented, PURE), (earlier, EVEN), (heads[0], REFUSED)):
        Multiplier.objects.create(base=later, other=other, metric="accuracy", found=found, created_at=now)
    key = later.cells.order_by("n").last().key
    return Drawn(earlier.pk, later.pk, augmented.pk, heads[0].pk, key)


def _curve(
    dataset: Dataset, sizes: tuple[int, ...], times: float, seed: int, now: datetime, **fields: object
) -> Curve:
    curve = Curve.objects.create(
        dataset=dataset, fingerprint="f" * 64, test_set="t" * 64, sizes=list(sizes), seed=seed,
        repeats=[2] * len(sizes), n_test=N_TEST, n_chosen=12, created_at=now,
        **{"recipe": NAMED["plain"].to_json(), "name": "plain", **fields},
    )  # fmt: skip
    world = _world(len(dataset.classes), sizes, times, seed)
    cells = [
        CurveCell(
            key=f"{(curve.pk << 32) + number:064x}", dataset=dataset, n=n, repeat=number % 2,
            seed=100 + number,
            counts=dict(zip(dataset.classes, counts, strict=True)), metrics=dict(metrics), created_at=now,
            receipt={
                "duration_s": n / 20, "cpu_s": n / 15, "gpu_s": 0.0, "steps": 8 * n, "device": "cpu",
                "code": "c0ffee", "torch": "2.12.0",
            },
        )
        for number, (n, counts, metrics) in enumerate(world.cells)
    ]  # fmt: skip
    curve.cells.add(*CurveCell.objects.bulk_create(cells))
    chance = 1 / len(dataset.classes)
    kept = [Kept(name, "", found, chance, 1.0) for name, found in world.overall.items()]
    classes = zip(dataset.classes, world.classes, strict=True)
    forecasts.record(curve, [*kept, *(Kept("recall", name, found, 0.0, 1.0) for name, found in classes)], now)
    return curve


@dataclass(frozen=True)
class _World:
    cells: tuple[tuple[int, tuple[int, ...], Mapping[str, object]], ...]
    overall: Mapping[str, Forecast]
    classes: tuple[Forecast, ...]


@cache  # each forecast is a fit; the rows of a page are made for every test
def _world(classes: int, sizes: tuple[int, ...], times: float, seed: int) -> _World:
    rng = np.random.default_rng(seed)
    shares = np.arange(classes + 1, 1, -1) / np.arange(classes + 1, 1, -1).sum()
    tests = np.maximum(np.rint(N_TEST * shares), 1).astype(int)
    hardness = np.linspace(0.5, 1.9, classes)
    cells, points = [], {name: [] for name in ("accuracy", "balanced_accuracy", "macro_f1")}
    of_classes: list[list[Point]] = [[] for _ in range(classes)]
    for number, n in enumerate(np.repeat(sizes, 2).tolist()):
        counts = tuple(np.maximum(np.rint(n * shares), 1).astype(int).tolist())
        error = np.clip(times * hardness * (FLOOR + SCALE * n**-RATE), 0, 0.95)
        recall = 1 - rng.binomial(tests, error) / tests
        accuracy = float((recall * tests).sum() / tests.sum())
        scores = {"accuracy": accuracy, "balanced_accuracy": float(recall.mean())}
        scores["macro_f1"] = scores["balanced_accuracy"] - 0.01
        for name, value in scores.items():
            points[name].append(Point(n, number % 2, 100 + number, **_interval(value, N_TEST)))
        for k, value in enumerate(recall.tolist()):
            point = _interval(value, int(tests[k]))
            of_classes[k].append(Point(counts[k], number % 2, 100 + number, **point))
        cells.append((n, counts, _metrics(scores, recall.tolist(), tests.tolist())))
    overall = {
        name: forecasting.of_points(Outlook(name, N_TEST, tuple(found), None), 1 / classes)
        for name, found in points.items()
    }
    each = tuple(
        forecasting.of_points(Outlook("recall", int(n), tuple(found), None), 0.0)
        for n, found in zip(tests, of_classes, strict=True)
    )
    return _World(tuple(cells), overall, each)


def _metrics(scores: Mapping[str, float], recall: list[float], tests: list[int]) -> dict[str, object]:
    losses = {name: {"value": 0.4, "low": 0.3, "high": 0.5} for name in ("nll", "ece", "brier")}
    classes = [
        {"n": n, "precision": None, "recall": _interval(value, n)}
        for n, value in zip(tests, recall, strict=True)
    ]
    whole = {name: _interval(value, N_TEST) for name, value in scores.items()}
    return {"n": N_TEST, **whole, **losses, "classes": classes, "confusion": []}


def _interval(value: float, n: int) -> dict[str, float]:
    half = 1.96 * (max(value * (1 - value), 0.01) / n) ** 0.5
    return {"value": value, "low": max(value - half, 0.0), "high": min(value + half, 1.0)}


def parts(now: datetime, pool: int = 600) -> Dataset:
    """Make a dataset with a pool that waits, a price and a pace of labeling: what a planner needs."""
    names = ["good", "scratch", "dent", "stain", "crack", "a part of another kind"]
    dataset = Dataset.objects.create(name="Parts", classes=names, label_price=0.2, created_at=now)
    shares = np.arange(7, 1, -1) / np.arange(7, 1, -1).sum()
    labels = np.repeat(names, np.rint(320 * shares).astype(int)).tolist()
    Sample.objects.bulk_create(
        Sample(
            dataset=dataset, key=f"{10**6 + number:064x}", name=f"part-{number}.png", file="2/one.png",
            width=40, height=30, split="train", label=label, predicted=label or names[number % 6],
            doubt=0.5, added_at=now,
        )
        for number, label in enumerate([*labels, *[""] * pool])
    )  # fmt: skip
    person = Annotator.objects.create(email="grace@example.org")
    Annotation.objects.bulk_create(
        Annotation(
            sample=sample, source=Annotation.Source.LABEL_STUDIO, annotator=person, label=sample.label,
            lead_time_s=8 + number % 7, created_at=now, updated_at=now,
        )
        for number, sample in enumerate(Sample.objects.filter(dataset=dataset).labeled()[:60])
    )  # fmt: skip
    _audit(dataset, person, now)
    return dataset


def _audit(dataset: Dataset, first: Annotator, now: datetime) -> None:
    """Test pictures of which two people looked at 80 again: 3 were wrong, so some of the other 320 are."""
    second = Annotator.objects.create(email="mary@example.org")
    right, wrong = dataset.classes[:2]
    tests = Sample.objects.bulk_create(
        Sample(
            dataset=dataset, key=f"{2 * 10**6 + number:064x}", name=f"test-{number}.png", file="2/one.png",
            width=40, height=30, split="test", label=right if number > 2 else wrong, added_at=now,
        )
        for number in range(400)
    )  # fmt: skip
    Annotation.objects.bulk_create(
        Annotation(
            sample=sample, label=right if who is None or number > 2 else wrong, annotator=who,
            source=Annotation.Source.LABEL_STUDIO if who else Annotation.Source.IMPORT,
            created_at=now + timedelta(seconds=bool(who)), updated_at=now,
        )
        for number, sample in enumerate(tests)
        for who in ((None, first, second) if number < 80 else (None,))
    )  # fmt: skip
