"""What a person sees and decides."""

from django.db import models

from labeling.models import Dataset
from trainer.models import Run


class Advice(models.Model):
    """One suggestion of one adviser, with what it promised."""

    class State(models.TextChoices):
        OPEN = "open"
        TAKEN = "taken"
        DISMISSED = "dismissed"
        OUTDATED = "outdated"  # a later look at the data took its place

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="advice")
    adviser = models.CharField(max_length=30)
    action = models.CharField(max_length=200)  # a sentence that begins with a verb
    because = models.TextField()
    gain = models.FloatField(null=True)  # accuracy, as a fraction; null where no number was measured
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    level = models.FloatField(null=True)  # of the interval, e.g. 0.9
    n = models.PositiveIntegerField(null=True)  # what the interval rests on
    shown = models.BooleanField(default=True)  # False: "not shown", the interval holds zero
    labels = models.PositiveIntegerField(null=True)  # labels that it asks for, of pictures that are there
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]


class RetrainRule(models.Model):
    """When a dataset is trained again by itself.  Null turns a trigger, the floor or a bound off."""

    class Schedule(models.TextChoices):
        NEVER = "never"
        HOURS = "hours"  # so many hours after the last training
        DAILY = "daily"
        WEEKLY = "weekly"

    class Window(models.TextChoices):
        DAY = "day"  # 24 hours
        MONTH = "month"  # 30 days

    class Promote(models.TextChoices):
        GATE = "gate"  # the paired gate decides
        NEVER = "never"  # people decide

    dataset = models.OneToOneField(Dataset, models.CASCADE, related_name="retrain_rule")
    enabled = models.BooleanField(default=False)
    recipe_name = models.CharField(max_length=50, default="plain")  # of trainer.engine.recipe.NAMED
    own_recipe = models.JSONField(null=True)  # where set, it counts and not the name
    seeds = models.PositiveSmallIntegerField(default=1)  # trainings each time, one seed each
    every_labels = models.PositiveIntegerField(null=True)
    schedule = models.CharField(max_length=6, choices=Schedule.choices, default=Schedule.NEVER)
    every_hours = models.PositiveSmallIntegerField(null=True)
    at = models.TimeField(null=True)  # in the server's time zone
    weekday = models.PositiveSmallIntegerField(null=True)  # 0 is Monday
    floor = models.PositiveIntegerField(null=True)  # training labels that every class must have
    window = models.CharField(max_length=5, choices=Window.choices, default=Window.DAY)
    max_trainings = models.PositiveIntegerField(null=True)
    max_seconds = models.PositiveIntegerField(null=True)  # of CPU, or of the GPU
    promote = models.CharField(max_length=5, choices=Promote.choices, default=Promote.GATE)
    since = models.DateTimeField()  # the schedule counts from here: it was set or switched on
    below_floor = models.BooleanField(default=False)  # as last looked at; reaching the floor then trains
    looked_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150, blank=True)


class RetrainDecision(models.Model):
    """What a rule, or a person by it, brought about and why; never changed afterwards."""

    class Trigger(models.TextChoices):
        FLOOR = "floor"
        LABELS = "labels"
        SCHEDULE = "schedule"
        PERSON = "person"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="retrain_decisions")
    at = models.DateTimeField()
    trigger = models.CharField(max_length=8, choices=Trigger.choices)
    started = models.BooleanField()
    why = models.CharField(max_length=30)  # equal trigger and why: it says the same again
    reason = models.CharField(max_length=500)  # one sentence
    by = models.CharField(max_length=150, blank=True)
    runs = models.ManyToManyField(Run, related_name="retrain_decisions")  # none where nothing started
    facts = models.JSONField()  # see workbench.services.retraining

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["dataset", "at"])]
