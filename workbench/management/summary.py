"""What the demo found, as JSON and as a table; every figure is read back from where it was stored."""

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from labeling.label_studio import pulse
from labeling.models import Dataset
from labeling.services.connection import connection
from trainer.models import Comparison, Curve, Forecast, Run
from trainer.services import curves
from workbench.management.story import label_studio_counts
from workbench.models import Advice


def report(dataset: Dataset, seconds: dict[str, float]) -> dict[str, Any]:
    curve = curves.latest(dataset)
    return {
        "label_studio": {"version": version(), **label_studio_counts(dataset)},
        "dataset": {
            "name": dataset.name,
            "samples": dataset.samples.count(),
            "classes": dataset.classes,
            "labeled": dataset.samples.pool().labeled().count(),
            "test": dataset.samples.testing().count(),
        },
        "runs": [_run(run) for run in dataset.runs.order_by("pk")],
        "comparisons": [
            _comparison(row) for row in Comparison.objects.filter(base__dataset=dataset).order_by("pk")
        ],
        "curve": _cells(curve),
        "forecast": _forecast(curve),
        "advice": [_advice(row) for row in dataset.advice.filter(state=Advice.State.OPEN)],
        "next_round": _next_round(dataset),
        "seconds": {**seconds, "total": round(sum(seconds.values()), 1)},
    }


def version() -> str:
    link = connection()
    return pulse.version(link.url, link.api_key) if link else ""


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.pk,
        "name": run.name,
        "seed": run.seed,
        "n_train": run.n_train,
        "n_test": run.n_test,
        "metrics": {name: run.metrics[name] for name in ("accuracy", "balanced_accuracy", "macro_f1")},
        "plan": run.plan,
        "duration_s": run.receipt.get("duration_s"),
    }


def _comparison(row: Comparison) -> dict[str, Any]:
    names = ("metric", "n", "gain", "low", "high", "p_value", "fixed", "broken")
    return {
        "base": row.base.name,
        "other": row.other.name,
        **{name: getattr(row, name) for name in names},
    }


def _cells(curve: Curve | None) -> list[dict[str, Any]]:
    cells = curve.cells.order_by("n", "repeat") if curve else []
    return [{"n": cell.n, "seed": cell.seed, "accuracy": cell.metrics["accuracy"]["value"]} for cell in cells]


def _forecast(curve: Curve | None) -> dict[str, Any]:
    row = Forecast.objects.filter(curve=curve, metric="accuracy").first() if curve else None
    if row is None:
        return {}
    return {"metric": "accuracy", "band": 0.9, "grid": row.grid, "last_value": row.last_value}


def _advice(row: Advice) -> dict[str, Any]:
    names = ("adviser", "action", "because", "gain", "low", "high", "level", "n", "shown", "labels")
    return {name: getattr(row, name) for name in names}


def _next_round(dataset: Dataset) -> dict[str, Any]:
    row = dataset.rounds.filter(strategy="margin").first()
    if row is None:
        return {}
    sent = row.tasks.exclude(ls_task_id=None)
    return {
        "strategy": row.strategy,
        "tasks": sent.count(),
        "audit": sent.filter(audit=True).count(),
        "model_version": row.prediction_set.model_version if row.prediction_set else "",
        "first": [task.reason for task in sent[:3]],
    }


def show(found: dict[str, Any], console: Console) -> None:
    """Print the report for people: what was measured, with n and interval."""
    data, studio = found["dataset"], found["label_studio"]
    table = Table(title=data["name"], title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_row(
        "Pictures",
        f"{data['samples']} in {len(data['classes'])} classes, {data['test']} of them for testing only",
    )
    table.add_row(
        "Labels",
        f"{studio['annotations']} annotations (simulated) on {studio['tasks']} tasks, counted by "
        f"Label Studio {studio['version']}; {data['labeled']} pictures labeled",
    )
    for run in found["runs"]:
        table.add_row(f"Run {run['id']}", f"{run['name']}: {_accuracy(run)}")
    for row in found["comparisons"]:
        table.add_row("Gain", _gain(row))
    for n, values in _by_size(found["curve"]).items():
        table.add_row(
            f"Curve, n = {n}",
            f"{'  '.join(f'{value:.1%}' for value in values)}  ({data['test']} test pictures each)",
        )
    for advice in found["advice"]:
        table.add_row("Advice", advice["action"])
    if found["next_round"]:
        chosen = found["next_round"]
        table.add_row(
            "Next round",
            f"{chosen['tasks']} pictures by {chosen['strategy']}, {chosen['audit']} of them at random",
        )
    table.add_row("Time", f"{found['seconds']['total']:.0f} s")
    console.print(table)


def _accuracy(run: dict[str, Any]) -> str:
    figure = run["metrics"]["accuracy"]
    return (
        f"accuracy {figure['value']:.1%} (95 %: {figure['low']:.1%} to {figure['high']:.1%}; "
        f"n = {run['n_test']}), trained on {run['n_train']}"
    )


def _gain(row: dict[str, Any]) -> str:
    verdict = "shown" if row["low"] > 0 or row["high"] < 0 else "not shown"
    return (
        f"{row['metric'].replace('_', ' ')}, {row['other']} against {row['base']}: "
        f"{100 * row['gain']:+.1f} points (95 %: {100 * row['low']:+.1f} to {100 * row['high']:+.1f}; "
        f"n = {row['n']}): {verdict}"
    )


def _by_size(cells: list[dict[str, Any]]) -> dict[int, list[float]]:
    sizes = Counter(cell["n"] for cell in cells)
    return {n: [cell["accuracy"] for cell in cells if cell["n"] == n] for n in sorted(sizes)}
