"""Trains a dataset again when its rule asks for it, or when a person does, and keeps why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from labeling.models import Dataset
from trainer.models import Run
from workbench.ledger.models import Job
from workbench.models import RetrainDecision, RetrainRule
from workbench.retraining import budget, decision
from workbench.retraining.decision import Decision, Facts, Trigger, Verdict
from workbench.services import retrain_facts, work
from workbench.services.retrain_facts import rule_of, terms

LOOK_EVERY = timedelta(seconds=20)  # a look counts labels by class: milliseconds, yet not worth one a second


class CannotRetrain(Exception):
    """A person's wish that cannot be met now; the message says why."""


@dataclass(frozen=True)
class Retraining:
    """What was started: one job for each seed."""

    decision: RetrainDecision
    jobs: tuple[Job, ...]


def consider(now: datetime) -> None:
    """Look at each rule that is switched on and was not looked at just now; start what is due.

    Any number of processes may call it: a look is claimed by one of them, and decides under the dataset's
    lock.  Costs one query where nothing is to be looked at.
    """
    idle = Q(looked_at=None) | Q(looked_at__lte=now - LOOK_EVERY)
    for rule in RetrainRule.objects.filter(idle, enabled=True).select_related("dataset"):
        mine = RetrainRule.objects.filter(pk=rule.pk, enabled=True, looked_at=rule.looked_at)
        if mine.update(looked_at=now):
            _look(rule, now)


def _look(rule: RetrainRule, now: datetime) -> None:
    with transaction.atomic():
        _lock(rule.dataset)
        facts = retrain_facts.gather(rule, now)
        made = decision.decide(terms(rule), facts, now)
        if made.verdict == Verdict.START:
            jobs = _start(rule, requested_by="", key=f"retrain:{rule.dataset_id}")
            _keep(rule, facts, made, now, jobs=jobs)
        elif made.verdict == Verdict.HOLD and not _said_last(rule.dataset, made):
            _keep(rule, facts, made, now)
        _remember_floor(rule, facts, made)


def retrain_now(dataset: Dataset, *, by: str, now: datetime, key: str | None = None) -> Retraining:
    """Train the rule's recipe because a person asks; floor, back-off and budget bind the clock alone.

    The same `key` again answers with what the first call started.  Raises CannotRetrain.
    """
    with transaction.atomic():
        _lock(dataset)
        known = _known(dataset, key) if key else None
        if known:
            return known
        rule = rule_of(dataset)
        facts = retrain_facts.gather(rule, now)
        held = decision.hinder(facts)
        if held:
            raise CannotRetrain(f"Nothing was started: {held.words}.")
        jobs = _start(rule, requested_by=by, key=key or f"retrain:{dataset.pk}")
        words = f"{by} asked for it." if by else "Somebody asked for it at the command line."
        made = Decision(Verdict.START, Trigger.PERSON, "started", words)
        kept = _keep(rule, facts, made, now, jobs=jobs, by=by)
        _remember_floor(rule, facts, made)
    return Retraining(kept, tuple(jobs))


def save_rule(rule: RetrainRule, *, by: str, now: datetime) -> None:
    """Keep the rule as a person set it; its schedule counts anew where that was changed or switched on."""
    with transaction.atomic():
        _lock(rule.dataset)
        before = RetrainRule.objects.filter(dataset=rule.dataset).first()
        if before is None or not before.enabled or terms(before).schedule != terms(rule).schedule:
            rule.since = now
        rule.pk = before.pk if before else None
        missing = decision.outlook(terms(rule), retrain_facts.gather(rule, now)).missing
        rule.below_floor, rule.looked_at = bool(missing), None
        rule.changed_at, rule.changed_by = now, by
        rule.save()


def _lock(dataset: Dataset) -> None:
    Dataset.objects.select_for_update().get(pk=dataset.pk)


def _start(rule: RetrainRule, *, requested_by: str, key: str) -> list[Job]:
    recipe = rule.recipe_name if rule.own_recipe is None else retrain_facts.chosen_recipe(rule)
    return [
        work.start_training(rule.dataset, recipe, requested_by=requested_by, dedupe_key=f"{key}:{number}")
        for number in range(rule.seeds)
    ]


def _known(dataset: Dataset, key: str) -> Retraining | None:
    """Return what this key started before, also where that has ended."""
    first = Job.objects.filter(dedupe_key=f"{key}:0").first()
    about = {"dataset": dataset, "runs": first.params["run_id"]} if first else {}
    kept = RetrainDecision.objects.filter(**about).first() if about else None
    if kept is None:
        return None
    names = list(kept.runs.order_by("pk").values_list("job", flat=True))
    jobs = {str(job.pk): job for job in Job.objects.filter(pk__in=names)}
    return Retraining(kept, tuple(jobs[name] for name in names if name in jobs))


def _keep(
    rule: RetrainRule, facts: Facts, made: Decision, now: datetime, *, jobs: Iterable[Job] = (), by: str = ""
) -> RetrainDecision:
    kept = RetrainDecision.objects.create(
        dataset=rule.dataset,
        at=now,
        trigger=made.trigger or "",
        started=made.verdict == Verdict.START,
        why=made.why,
        reason=made.reason,
        by=by,
        facts=_in_json(rule, facts, now),
    )
    kept.runs.set(Run.objects.filter(pk__in=[job.params["run_id"] for job in jobs]))
    return kept


def _in_json(rule: RetrainRule, facts: Facts, now: datetime) -> dict[str, Any]:
    """Return the figures that decided."""
    held = budget.account(facts.spent, terms(rule).budget.window, now)
    return {
        "labels": facts.labels,
        "labels_at_last_run": facts.last.labels if facts.last else None,
        "last_run": facts.last.run if facts.last else None,
        "counts": dict(facts.counts),
        "floor": rule.floor,
        "spent_s": round(held.seconds, 1),
        "spent_trainings": held.trainings,
        "estimate_s": None if facts.estimate is None else round(facts.estimate, 1),
    }


def _said_last(dataset: Dataset, made: Decision) -> bool:
    last = RetrainDecision.objects.filter(dataset=dataset).first()
    return last is not None and (last.trigger, last.why) == (made.trigger, made.why)


def _remember_floor(rule: RetrainRule, facts: Facts, made: Decision) -> None:
    """Write whether a class is below the floor; that it was stands until a training answers it."""
    below = bool(decision.outlook(terms(rule), facts).missing)
    answered = made.verdict == Verdict.START
    after = below or (facts.was_below and not answered)
    if after != facts.was_below:
        RetrainRule.objects.filter(pk=rule.pk).update(below_floor=after)
