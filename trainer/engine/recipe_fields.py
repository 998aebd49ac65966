"""Every field of a recipe in words, for forms and pages; ranges and choices stand in recipe.py.

Light: no torch here.
"""

from typing import NamedTuple

from augment import policy_specs
from trainer.engine.recipe import NETWORKS, SCHEDULES


class Field(NamedTuple):
    name: str
    label: str
    help: str  # one sentence: what it is good for, and its unit


class Need(NamedTuple):
    """What another field must hold so that a field means something; no values: anything but nothing or 0."""

    name: str
    values: tuple[str, ...] = ()


GROUPS: dict[str, tuple[Field, ...]] = {
    "Data": (
        Field("resolution", "Resolution, pixels a side", "Larger pictures show more and cost by the square."),
        Field("policy", "Augmentation policy", "How pictures are changed while training."),
        Field("copies", "Changed copies per picture", "Drawn once; only for policies that keep copies."),
        Field("mixing", "Mixing of pictures", "Blends pairs of pictures and labels: for long trainings."),
        Field(
            "mixing_alpha",
            "Strength of mixing, alpha",
            "Of the Beta law that draws it; 1 is any share.",
        ),
        Field("rebalance", "Rebalancing strength", "0 leaves the classes, 1 makes all as large."),
    ),
    "Network": (
        Field("network", "Network", f"{', '.join(NETWORKS)}, or timm:NAME for one of the timm library."),
        Field("width", "Channels of the first layer", "Twice as many learn more and cost about four times."),
        Field("weights", "Weights to start from", "pretrained, self-supervised, or a file's path."),
        Field("tuning", "What of them is trained", "All of it, the head alone (probe), or the head first."),
    ),
    "Optimization": (
        Field("optimizer", "Optimizer", "AdamW forgives most; SGD and Muon go further with a good rate."),
        Field("learning_rate", "Peak learning rate", "The most important number; a range test finds it."),
        Field("momentum", "Momentum", "Of SGD and Muon; the others have moments of their own."),
        Field("schedule", "Learning-rate schedule", "How the rate goes over the steps."),
        Field("warmup", "Share of steps to warm up", "The climb to the peak rate; restarts have none."),
        Field("restarts", "Warm restarts", "Of the schedule restarts: each cycle leaves a snapshot."),
        Field("restart_mult", "Length of each cycle, times the one before", "Tmult of SGDR."),
        Field("batch", "Batch size", "Pictures a step; a batch map weighs it against epochs."),
        Field("steps_per_root", "Steps per √labels", "The step budget grows with the root of the labels."),
        Field("min_steps", "Fewest steps", "So that few labels are not under-trained."),
    ),
    "Loss": (
        Field("loss", "Loss", "The last three and the weighted one help rare classes."),
        Field("focal_gamma", "Focal loss, gamma", "How much easy pictures are left aside."),
        Field("logit_tau", "Logit adjustment, tau", "1 aims at balanced accuracy."),
        Field("class_beta", "Class weights, beta", "0 weighs all alike, near 1 by one over the count."),
        Field("label_smoothing", "Label smoothing", "Share of each label spread over all classes."),
    ),
    "Regularization and stopping": (
        Field("weight_decay", "Weight decay", "Keeps weights small (L2)."),
        Field("l1", "L1 penalty", "Pushes weights to exactly 0."),
        Field("dropout", "Dropout", "Share of the features hidden from the head in each step."),
        Field("ema", "Averaging of weights, decay", "0 keeps the last ones; 0.99 averages about 100 steps."),
        Field("validation", "Share held out for early stopping", "Of the labels; 0 trains to the end."),
        Field("patience", "Patience, share of the steps", "Without a better score, then it stops."),
        Field("precision", "Precision", "auto probes the machine once."),
    ),
}
LABELS = {field.name: field.label for fields in GROUPS.values() for field in fields}
ONLY_WITH = {
    "copies": Need("policy", tuple(policy_specs.NAMED)),
    "mixing_alpha": Need("mixing"),
    "tuning": Need("weights"),
    "momentum": Need("optimizer", ("sgd", "muon")),
    "warmup": Need("schedule", tuple(name for name in SCHEDULES if name != "restarts")),
    "restarts": Need("schedule", ("restarts",)),
    "restart_mult": Need("schedule", ("restarts",)),
    "focal_gamma": Need("loss", ("focal",)),
    "logit_tau": Need("loss", ("logit-adjusted",)),
    "class_beta": Need("loss", ("class-weighted",)),
    "patience": Need("validation"),
}
