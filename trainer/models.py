"""What a model learns from the data: runs, comparisons, model versions, curves, forecasts."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from labeling.models import Dataset


class Run(models.Model):
    """One training, with its receipt: data, recipe, seed, code, machine, result."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="runs")
    name = models.CharField(max_length=100)
    recipe = models.JSONField()
    seed = models.PositiveBigIntegerField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)  # one that died goes on from its checkpoint
    fingerprint = models.CharField(max_length=64, blank=True)  # of the snapshot
    test_fingerprint = models.CharField(max_length=64, blank=True)  # equal: may be compared item by item
    plan = models.JSONField(null=True)  # augment.plans.Plan.to_json; null when the proportions stay
    n_train = models.PositiveIntegerField(null=True)
    n_test = models.PositiveIntegerField(null=True)
    labels = models.JSONField(default=dict)  # what it learned from, see trainer.services.runs.record_plan
    metrics = models.JSONField(default=dict)  # see trainer.engine.metrics.Report.to_json
    out_of_fold = models.JSONField(default=dict)  # see trainer.services.cross_validation.record
    history = models.JSONField(default=list)  # trainer.engine.course.Step as objects
    extras = models.JSONField(default=dict)  # where it has any: warnings, validation, snapshot_ensemble
    receipt = models.JSONField(default=dict)  # device, code, versions, seconds, memory, weights, command
    folder = models.CharField(max_length=200, blank=True)  # below the state folder
    job = models.CharField(max_length=36, blank=True)  # names the job above us; only ever a string here
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} (run {self.pk})"


class Pretraining(models.Model):
    """One learning of features from pictures alone, with its receipt."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="pretrainings")
    plan = models.JSONField()  # trainer.engine.pretraining.Plan.to_json
    network = models.CharField(max_length=100)  # these three of the plan say who may start from it
    width = models.PositiveIntegerField()
    resolution = models.PositiveIntegerField()
    seed = models.PositiveBigIntegerField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)  # goes on from the last one's checkpoint
    fingerprint = models.CharField(max_length=64, blank=True)  # of the pictures
    n = models.PositiveIntegerField(null=True)  # pictures
    history = models.JSONField(default=list)  # trainer.engine.self_supervised.Epoch as objects
    receipt = models.JSONField(default=dict)  # device, code, versions, duration_s, cpu_s, command
    path = models.CharField(max_length=200, blank=True)  # of the weights, below the state folder
    job = models.CharField(max_length=36, blank=True)  # names the job above us; only ever a string here
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.network} at {self.resolution} pixels (pretraining {self.pk})"


class Study(models.Model):
    """Short trainings that help to choose a recipe, measured on training pictures held out from them."""

    class Kind(models.TextChoices):
        RANGE_TEST = "range-test"
        BATCH_MAP = "batch-map"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="studies")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    recipe = models.JSONField()
    options = models.JSONField()  # what is tried; see trainer.services.studies.Options
    seed = models.PositiveBigIntegerField()
    state = models.CharField(max_length=9, choices=Run.State.choices, default=Run.State.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)  # goes on with the cells that the last one left
    fingerprint = models.CharField(max_length=64, blank=True)  # of the snapshot
    n_train = models.PositiveIntegerField(null=True)  # pictures trained on
    n_validation = models.PositiveIntegerField(null=True)  # pictures measured on; 0 in a range test
    result = models.JSONField(default=dict)  # RangeTest.to_json, or {"cells": [Cell.to_json]}: trainer.search
    receipt = models.JSONField(default=dict)  # device, code, versions, duration_s, cpu_s
    job = models.CharField(max_length=36, blank=True)  # names the job above us; only ever a string here
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return f"{self.get_kind_display()} (study {self.pk})"


class Comparison(models.Model):
    """Two runs on the same test items: what the second gained on the first."""

    base = models.ForeignKey(Run, models.CASCADE, related_name="+")
    other = models.ForeignKey(Run, models.CASCADE, related_name="+")
    metric = models.CharField(max_length=20)
    n = models.PositiveIntegerField()  # shared test items
    gain = models.FloatField()  # fraction, other - base; up is good
    low = models.FloatField()  # 95 % paired bootstrap
    high = models.FloatField()
    p_value = models.FloatField(null=True)  # exact McNemar; accuracy only
    fixed = models.PositiveIntegerField()  # items wrong in base, right in other
    broken = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["base", "other", "metric"], name="one_comparison_per_pair")
        ]


class GateRule(models.Model):
    """What a candidate of a dataset has to show, see trainer.engine.gate; without a row its defaults hold."""

    dataset = models.OneToOneField(Dataset, models.CASCADE, related_name="gate_rule")
    metric = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    margin = models.FloatField()  # a fraction


class ModelVersion(models.Model):
    """A finished run's weights, found whole on the disk: what may be promoted, exported and used."""

    class State(models.TextChoices):
        CANDIDATE = "candidate"
        CURRENT = "current"
        RETIRED = "retired"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()  # 1, 2, 3 in a dataset
    run = models.OneToOneField(Run, models.CASCADE, related_name="version")
    state = models.CharField(max_length=9, choices=State.choices, default=State.CANDIDATE)
    weights = models.CharField(max_length=64)  # SHA-256 of the safetensors file
    export = models.JSONField(default=dict)  # trainer.engine.exports.Exported as an object; empty: none yet
    verdict = models.JSONField(null=True)  # the gate's latest, see trainer.engine.gate.Verdict
    judged_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="one_version_per_number"),
            models.UniqueConstraint(
                fields=["dataset"], condition=Q(state="current"), name="one_current_version_per_dataset"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Promotion(models.Model):
    """One change of the current version: rows are added, never changed.

    They keep their versions, and so the runs, from being deleted, unless the dataset goes as a whole.
    """

    class Kind(models.TextChoices):
        GATE = "gate"
        HAND = "hand"
        ROLLBACK = "rollback"

    REASON_CHARS = 300

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="promotions")
    version = models.ForeignKey(ModelVersion, models.RESTRICT, related_name="promotions")
    previous = models.ForeignKey(ModelVersion, models.RESTRICT, null=True, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    by = models.CharField(max_length=150, blank=True)  # an account; "" is Seedbed itself
    verdict = models.JSONField(null=True)  # what the gate said of the version at that time; null: nothing
    reason = models.CharField(max_length=REASON_CHARS)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("a promotion is history: it is never changed")
        super().save(*args, **kwargs)


class CurveCell(models.Model):
    """One training on one nested subset; its key makes it idempotent across curves and restarts."""

    key = models.CharField(max_length=64, unique=True)  # of (classes, test set, subset, recipe, seed)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="cells")
    n = models.PositiveIntegerField()
    repeat = models.PositiveSmallIntegerField()
    seed = models.PositiveBigIntegerField()
    counts = models.JSONField(default=dict)  # class -> labels of it among the n
    metrics = models.JSONField()  # "classes" follow the dataset's classes as they then stood
    receipt = models.JSONField()
    created_at = models.DateTimeField()


class CellClaim(models.Model):
    """A worker's word that it trains a cell; one that is not renewed runs out, as after a kill -9."""

    key = models.CharField(max_length=64, unique=True)  # of the cell
    holder = models.CharField(max_length=100)
    until = models.DateTimeField()


class CurveQuerySet(models.QuerySet["Curve"]):
    def finished(self) -> CurveQuerySet:
        return self.exclude(finished_at=None)

    def real(self) -> CurveQuerySet:
        """Curves of whole trainings, not of heads on fixed embeddings."""
        return self.filter(tier=Curve.Tier.RECIPE)


class Curve(models.Model):
    """Accuracy against the number of labels: nested subsets, one frozen test set."""

    class Tier(models.TextChoices):
        RIDGE = "ridge", "Linear probe (ridge)"
        LOGISTIC = "logistic", "Linear probe (logistic)"
        MLP = "mlp", "Small network on fixed features"
        RECIPE = "recipe", "The whole recipe"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="curves")
    tier = models.CharField(max_length=8, choices=Tier.choices, default=Tier.RECIPE)
    of = models.ForeignKey("self", models.CASCADE, null=True, related_name="tiers")  # heads: whose design
    name = models.CharField(max_length=200, default="plain")  # of the recipe; of heads: their source
    recipe = models.JSONField()  # of heads: {"head", "source", "embedding", "pictures"}
    weights = models.CharField(max_length=200, blank=True)  # features it starts from, below the state folder
    fingerprint = models.CharField(max_length=64)
    test_set = models.CharField(max_length=64, blank=True)  # equal: measured on the same labeled pictures
    sizes = models.JSONField()
    repeats = models.JSONField()  # trainings per size; the adaptive plan adds to them
    budget = models.PositiveIntegerField(default=0)  # adaptive: trainings in all; 0 is a fixed plan
    aim = models.PositiveIntegerField(default=0)  # adaptive: labels at which the band shall be narrow
    n_test = models.PositiveIntegerField()
    n_chosen = models.PositiveIntegerField(default=0)  # training labels that a model asked for
    random_only = models.BooleanField(default=False)  # labels that a model asked for were left out
    preset = models.CharField(max_length=20, blank=True)  # of trainer.services.curves.Design
    continues = models.ForeignKey("self", models.CASCADE, null=True, related_name="+")  # its order goes on
    seed = models.PositiveBigIntegerField()
    cells = models.ManyToManyField(CurveCell, related_name="curves")
    error = models.TextField(blank=True)  # of heads that could not be measured: why, for a person
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = CurveQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} (curve {self.pk})"

    @property
    def kind(self) -> tuple[object, ...]:
        """Equal: the same way of training, whatever pictures have come since."""
        choices = {name: value for name, value in self.recipe.items() if name != "pictures"}
        return self.tier, self.weights, self.random_only, repr(sorted(choices.items()))

    @property
    def planned(self) -> int:
        """How many trainings it takes; the adaptive plan decides on the later ones as it goes."""
        sure: int = sum(self.repeats)
        return max(sure, self.budget)


class Forecast(models.Model):
    """Where a curve goes on, as it was shown on the day; kept, so that it can be scored later."""

    curve = models.ForeignKey(Curve, models.CASCADE, related_name="forecasts")
    metric = models.CharField(max_length=20)
    label = models.CharField(max_length=100, blank=True)  # a class: its recall against its labels
    grid = models.JSONField()  # trainer.curves.outlook.Step as objects; empty where refused
    quantiles = models.JSONField(null=True)  # trainer.curves.outlook.Quantiles; null where refused
    law = models.JSONField(null=True)  # trainer.curves.outlook.Law; null where refused
    last_value = models.FloatField()  # mean score at the largest size
    plateau = models.BooleanField(default=False)  # the last two sizes cannot be told apart
    chance = models.FloatField()  # score of guessing; anchors the curve
    widened = models.FloatField(default=1.0)  # by the dataset's own past forecasts
    refused = models.CharField(max_length=300, blank=True)  # why there is no extrapolation
    flags = models.JSONField(default=list)  # warnings in words
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["curve", "metric", "label"], name="one_forecast_per_figure")
        ]


class ForecastScore(models.Model):
    """What a forecast said of a number of labels, and what became of it."""

    forecast = models.ForeignKey(Forecast, models.CASCADE, related_name="scores")
    truth = models.ForeignKey(Curve, models.CASCADE, related_name="+")  # the later curve that measured it
    n = models.PositiveIntegerField()  # labels; of the class where the forecast is a class's
    median = models.FloatField()
    low = models.FloatField()  # 90 % band
    high = models.FloatField()
    became = models.FloatField()  # mean of the trainings
    trainings = models.PositiveIntegerField()
    scored_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["forecast", "n"], name="one_score_per_size")]


class Multiplier(models.Model):
    """How many labels of one curve a label of another is worth: trainer.curves.multiplier.Multiplier."""

    base = models.ForeignKey(Curve, models.CASCADE, related_name="+")
    other = models.ForeignKey(Curve, models.CASCADE, related_name="+")
    metric = models.CharField(max_length=20)
    found = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["base", "other", "metric"], name="one_multiplier_per_pair")
        ]
