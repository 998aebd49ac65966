"""What a learning curve is drawn against: labels, their cost, hours of labeling, or what trainings took."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMES = {"labels": "Labels", "cost": "Cost", "hours": "Hours of labeling", "compute": "Training time"}
SCALES = {"log": "Log scale", "linear": "Linear scale"}
LEAST_SECONDS = 0.01  # what a receipt can tell; a log scale has no 0
HOUR_S = 3600


@dataclass(frozen=True)
class Axis:
    """The x of a chart; per_label turns labels into it.

    per_label is None where each training has an x of its own, in `seconds`.
    """

    name: str
    words: str
    per_label: float | None = 1.0
    seconds: Mapping[str, float] = field(default_factory=dict)  # by the key of a training

    def at(self, n: float) -> float | None:
        """Return the x of a number of labels, None where only trainings have one."""
        return None if self.per_label is None else round(n * self.per_label, 4)

    def of(self, n: float, key: str) -> float | None:
        """Return the x of one training, None where its receipt does not tell."""
        return self.seconds.get(key) if self.per_label is None else self.at(n)


LABELS = Axis("labels", "Labels in training")


def cost(price: float, currency: str) -> Axis:
    return Axis("cost", f"Cost of the labels ({currency})", price)


def hours(seconds: float, *, simulated: bool = False) -> Axis:
    """Return the axis of labeling hours, from the measured seconds that a label takes."""
    by = ", simulated" if simulated else ""
    return Axis("hours", f"Hours of labeling, {seconds:.1f} s a label{by}", seconds / HOUR_S)


def compute(receipts: Mapping[str, Mapping[str, object]]) -> Axis:
    """Return the axis of what each training took, by its key: CPU-seconds where there was no GPU."""
    spent = {
        unit: {key: float(str(receipt.get(unit) or 0)) for key, receipt in receipts.items()}
        for unit in ("gpu_s", "cpu_s")
    }
    unit = "gpu_s" if any(spent["gpu_s"].values()) else "cpu_s"
    known = {key: max(took, LEAST_SECONDS) for key, took in spent[unit].items() if unit in receipts[key]}
    return Axis("compute", f"{unit[:3].upper()}-seconds of a training", None, known)
