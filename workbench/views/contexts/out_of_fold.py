"""What the pages and the JSON API show of a run's out-of-fold predictions and of what they allow to mend."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.models import Run
from workbench.ledger.models import Job
from workbench.services.work import OUT_OF_FOLD
from workbench.views.contexts.figures import LOSSES, METRICS, Figure, Interval, figure, losses, scores


@dataclass(frozen=True)
class Mended:
    """One figure of the test set before and after; the gain is paired, and up is good."""

    name: str
    plain: Figure
    mended: Figure
    gain: Interval | None  # None where no paired interval is to be had
    is_share: bool  # shown in per cent


@dataclass(frozen=True)
class OutOfFold:
    n: int
    folds: int
    note: str
    scores: tuple[tuple[str, Interval], ...]
    losses: tuple[tuple[str, Figure], ...]
    temperature: float
    tau: float
    scaled: tuple[Mended, ...]  # by the temperature
    adjusted: tuple[Mended, ...]  # by tau


def out_of_fold(run: Run) -> OutOfFold | None:
    found = run.out_of_fold
    if not found:
        return None
    test = found["test"]
    gains = {**test["gains"], "nll": test["nll_gain"]}

    def mended(part: str, words: dict[str, str]) -> tuple[Mended, ...]:
        return tuple(
            Mended(
                words[name],
                figure(run.metrics[name]),
                figure(test[part][name]),
                Interval(**gains[name]) if name in gains else None,
                name in METRICS,
            )
            for name in words
        )

    return OutOfFold(
        n=found["n"],
        folds=found["folds"],
        note=found["note"],
        scores=scores(found),
        losses=losses(found),
        temperature=found["temperature"],
        tau=found["tau"],
        scaled=mended("scaled", LOSSES),
        adjusted=mended("adjusted", METRICS),
    )


def failure(run: Run) -> str:
    """Return why the last attempt to score the folds ended without figures, or ""."""
    last = Job.objects.filter(work=OUT_OF_FOLD, params__run_id=run.pk).order_by("-created_at").first()
    return last.error if last is not None and last.state == Job.State.FAILED and not run.out_of_fold else ""
