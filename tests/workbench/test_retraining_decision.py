"""Whether to train again, as a table: facts in, verdict and sentence out."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from workbench.retraining import decision
from workbench.retraining.budget import Budget, Spent
from workbench.retraining.decision import Facts, Failures, Last, Rule, Trigger, Verdict
from workbench.retraining.schedule import Hours, Wall

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LAST = Last(run=7, labels=100, at=NOW - DAY)
KNOWN = Facts(
    counts=(("cat", 80), ("dog", 60)), tested=30, since=NOW - 9 * DAY, zone=ZoneInfo("UTC"), last=LAST
)
LABELS, NIGHTLY = Rule(every_labels=40), Rule(schedule=Wall(time(3)))
SPENT = (Spent(NOW - HOUR, 50.0),)


def decide(rule=LABELS, **facts):
    return decision.decide(rule, replace(KNOWN, **facts), NOW)


# --- what must not start


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        (Rule(), {}),
        (Rule(every_labels=41), {}),
        (LABELS, {"counts": (("cat", 1), ("dog", 1))}),  # labels were taken away
        (NIGHTLY, {"last": LAST._replace(at=NOW - HOUR)}),
        (NIGHTLY, {"last": None, "since": NOW - HOUR}),  # switched on after the moment of today
        (Rule(schedule=Hours(25)), {}),
        (Rule(floor=60), {}),  # every class stood above it all the time
        (Rule(floor=61), {"was_below": True}),
    ],
)
def test_nothing_asks(rule, facts):
    made = decide(rule, **facts)
    assert (made.verdict, made.trigger) == (Verdict.WAIT, None)


@pytest.mark.parametrize(
    ("why", "words", "rule", "facts"),
    [
        ("open", "but run 9 of this dataset is not over.", LABELS, {"open_run": 9}),
        ("recipe", "but the rule's recipe cannot be used: no", LABELS, {"unreadable": "no such name"}),
        ("no test", "but no test picture has a label", LABELS, {"tested": 0}),
        ("one class", "labels of at least two classes.", LABELS, {"counts": (("cat", 200), ("dog", 0))}),
        ("floor", "not every class has 70 training labels: dog lacks 10.", replace(LABELS, floor=70), {}),
        ("back-off", "the last training failed; the next try is on", LABELS, {"failures": Failures(1, NOW)}),
        ("back-off", "the last 3 trainings failed", LABELS, {"failures": Failures(3, NOW - 59 * MINUTE)}),
        (
            "budget",
            "used up until 24 Nov 2026, 11:00 (UTC).",
            replace(LABELS, budget=Budget(DAY, max_trainings=1)),
            {"spent": SPENT},
        ),
        (
            "budget",
            "used up until 24 Nov 2026, 11:00 (UTC).",
            replace(LABELS, budget=Budget(DAY, max_seconds=99)),
            {"spent": SPENT, "estimate": 50.0},
        ),
        (
            "budget too small",
            "the whole budget is too small for 2 trainings of about 120 s together.",
            replace(LABELS, seeds=2, budget=Budget(DAY, max_seconds=100)),
            {"estimate": 60.0},
        ),
    ],
)
def test_what_is_asked_for_is_held_back(why, words, rule, facts):
    made = decide(rule, **facts)
    assert (made.verdict, made.trigger, made.why) == (Verdict.HOLD, Trigger.LABELS, why)
    assert words in made.reason


@pytest.mark.parametrize("lacking", [2, 5])
def test_a_sentence_names_few_classes(lacking):
    counts = (("big", 500), *((f"class {number}", number) for number in range(lacking)))
    said = decide(replace(LABELS, floor=10), counts=counts).reason
    assert said.count("lacks") == min(lacking, decision.MANY)
    assert ("and 2 more" in said) is (lacking == 5)


# --- what must start


@pytest.mark.parametrize(
    ("trigger", "words", "rule", "facts"),
    [
        (Trigger.LABELS, "There are 40 new labels since run 7 (asked for: every 40).", LABELS, {}),
        (Trigger.LABELS, "140 new labels and no training of this recipe", LABELS, {"last": None}),
        (Trigger.SCHEDULE, "The schedule was due on 23 Nov 2026, 03:00 (UTC).", NIGHTLY, {}),
        (Trigger.SCHEDULE, "due on 23 Nov 2026, 12:00", Rule(schedule=Hours(24)), {}),
        (
            Trigger.FLOOR,
            "The last class has reached 60 training labels.",
            Rule(floor=60),
            {"was_below": True},
        ),
        (Trigger.FLOOR, "60", replace(LABELS, floor=60), {"was_below": True}),  # the rarer news is told
        (Trigger.LABELS, "40 new labels", LABELS, {"failures": Failures(1, NOW - 15 * MINUTE)}),
        (Trigger.LABELS, "40 new labels", LABELS, {"failures": Failures(3, NOW - HOUR)}),
        (Trigger.LABELS, "40 new labels", LABELS, {"failures": Failures(10**6, NOW - DAY)}),
        (
            Trigger.LABELS,
            "40 new labels",
            replace(LABELS, seeds=2, budget=Budget(DAY, max_seconds=150, max_trainings=3)),
            {"spent": SPENT, "estimate": 50.0},
        ),
    ],
)
def test_what_is_asked_for_starts(trigger, words, rule, facts):
    made = decide(rule, **facts)
    assert (made.verdict, made.trigger) == (Verdict.START, trigger)
    assert words in made.reason


def test_a_missed_week_is_one_training():
    made = decide(NIGHTLY, last=LAST._replace(at=NOW - 8 * DAY))
    assert made.verdict == Verdict.START
    assert decide(NIGHTLY, last=LAST._replace(at=NOW)).verdict == Verdict.WAIT


def test_a_reason_is_one_sentence():
    held = decide(open_run=9).reason
    assert held == (
        "There are 40 new labels since run 7 (asked for: every 40), but run 9 of this dataset is not over."
    )


# --- what the page foresees


@pytest.mark.parametrize(
    ("rule", "labels", "at", "missing"),
    [
        (Rule(), None, None, ()),
        (Rule(every_labels=77), 37, None, ()),
        (Rule(every_labels=10), 0, None, ()),
        (NIGHTLY, None, datetime(2026, 11, 23, 3, tzinfo=UTC), ()),
        (Rule(floor=65), None, None, (("dog", 5),)),
    ],
)
def test_the_outlook_says_what_comes_first(rule, labels, at, missing):
    assert decision.outlook(rule, KNOWN) == (labels, at, missing)


def test_the_label_that_the_outlook_waits_for_is_the_one_that_starts():
    more = decision.outlook(Rule(every_labels=77), KNOWN).labels
    at_last = (("cat", 80 + more), ("dog", 60))
    assert decide(Rule(every_labels=77), counts=at_last).verdict == Verdict.START
    assert decide(Rule(every_labels=77), counts=(("cat", 79 + more), ("dog", 60))).verdict == Verdict.WAIT


@pytest.mark.parametrize(
    ("facts", "why"), [({}, None), ({"open_run": 9}, "open"), ({"failures": Failures(9, NOW)}, None)]
)
def test_a_person_is_hindered_by_what_hinders_everybody(facts, why):
    held = decision.hinder(replace(KNOWN, **facts))
    assert (held and held.why) == why
