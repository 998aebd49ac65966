"""What a run tells beside its metrics, in sentences: early stopping, weights, snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainer.engine.intervals import wilson


def sentences(extras: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one sentence for each thing that happened; `extras` as in trainer.models.Run."""
    return tuple(_sentences(extras))


def _sentences(extras: Mapping[str, Any]) -> Iterator[str]:
    if weights := extras.get("weights"):
        yield f"It started from {weights['source']} weights ({weights['taken']} tensors)."
    if probe := extras.get("probe"):
        yield (
            "The head was solved on the features as they were;"
            f" {_share(probe['held_out_accuracy'], probe['held_out'])} of the training pictures that chose"
            " its penalty."
        )
    if best := extras.get("validation"):
        yield (
            f"Early stopping kept the weights of step {best['step']};"
            f" {_share(best['accuracy'], best['n'])} of the pictures held out for it, the best of its looks."
        )
    if common := extras.get("snapshot_ensemble"):
        found, gain = common["metrics"]["accuracy"], common["gain"]
        yield (
            f"The {common['members']} snapshots of its cycles together: accuracy {found['value']:.1%}"
            f" (95 %: {found['low']:.1%} to {found['high']:.1%}), {100 * gain['gain']:+.1f} points"
            f" ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}) against the model alone,"
            f" n = {gain['n']}."
        )


def _share(accuracy: float, n: int) -> str:
    found = wilson(round(accuracy * n), n)
    return f"{found.value:.1%} (95 %: {found.low:.1%} to {found.high:.1%}; n = {n})"
