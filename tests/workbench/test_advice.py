"""What the advisers say, and what they keep silent about."""

from dataclasses import replace

import pytest

from trainer.curves.outlook import Forecast, Outlook, Point, Step
from workbench.advice import (
    augment_more,
    book,
    draw_curve,
    fix_labels,
    label_more,
    rebalance_classes,
    stop_labeling,
)
from workbench.advice.facts import ClassCount, Facts, Suggestion, Trial


def step(n, gain, low, high):
    return Step(n, 0.90 + gain, 0.89 + low, 0.91 + high, gain, low, high)


def curve(*steps, largest=400, plateau=False, refused=""):
    points = tuple(
        Point(n, repeat, 1, 0.9, 0.87, 0.93)
        for n in (largest // 4, largest // 2, largest)
        for repeat in (0, 1)
    )
    return Outlook("accuracy", 360, points, Forecast(steps, 0.9, plateau, refused, ()))


STEPS = (
    step(400, 0.0, -0.01, 0.01),
    step(476, 0.007, -0.002, 0.014),
    step(566, 0.012, 0.001, 0.02),
    step(800, 0.021, 0.009, 0.03),
)
FACTS = Facts(
    classes=(ClassCount("circle", 200, 120), ClassCount("square", 100, 120), ClassCount("cross", 100, 120)),
    pool=1000,
    queued=0,
    shared=50,
    disputed=0,
    curve=curve(*STEPS),
    curve_coming=False,
    trials=(),
)
TRIAL = Trial(True, True, "accuracy", 441, 320, 0.012, -0.004, 0.029)


def facts(**changes):
    return replace(FACTS, **changes)


def few(*counts):
    return tuple(ClassCount(f"class {k}", count, 30) for k, count in enumerate(counts))


def tried(*trials):
    return facts(trials=trials)


# -- more labels


@pytest.mark.parametrize(
    "known",
    [
        facts(curve=None),
        facts(curve=curve(refused="Too few sizes.")),
        facts(curve=curve(step(400, 0, 0, 0), step(800, 0.004, -0.01, 0.02))),
        facts(classes=few(50, 40), pool=0),
        facts(classes=few(50, 40), pool=80, queued=80),
        facts(queued=400),
        facts(classes=few(300, 176)),
        facts(classes=few(800, 800), curve=curve(*STEPS, step(3200, 0.05, 0.03, 0.06))),
    ],
    ids=["no curve", "refused", "flat", "nothing left", "all queued", "all of it queued", "outdated", "old"],
)
def test_label_more_is_silent(known):
    assert label_more.advise(known) is None


def test_label_more_promises_what_the_forecast_says():
    said = label_more.advise(FACTS)
    assert said.action == "Label 400 more samples"
    assert (said.gain, said.low, said.high, said.n, said.labels) == (0.021, 0.009, 0.03, 360, 400)
    assert said.level == 0.9
    assert said.shown
    assert said.because == (
        "With 800 labels the curve is forecast at 92.1 % accuracy (90 % band 89.9 to 94.0): +2.1 points "
        "over today's 400 labels (90 %: +0.9 to +3.0; 360 test items, 6 trainings)."
    )


def test_label_more_asks_only_for_what_the_pool_holds():
    said = label_more.advise(facts(pool=200, queued=30))
    assert (said.action, said.labels, said.gain) == ("Label 136 more samples", 136, 0.012)
    assert said.because.endswith("30 samples already stand in the queue and are not asked for again.")


def test_label_more_sends_out_for_pictures_where_the_pool_is_empty():
    said = label_more.advise(facts(pool=0))
    assert (said.action, said.labels) == ("Collect 400 more pictures and label them", None)
    assert label_more.advise(facts(pool=30)).action == "Collect 370 more pictures and label them"


def test_a_plateau_is_never_shown_to_gain():
    said = label_more.advise(facts(curve=curve(*STEPS, plateau=True)))
    assert (said.gain, said.low, said.shown) == (0.021, 0.0, False)
    assert "may stay where it is" in said.because


def test_labels_that_came_since_the_curve_count():
    said = label_more.advise(facts(classes=few(300, 170)))
    assert (said.action, said.labels) == ("Label 330 more samples", 330)
    assert (said.gain, said.low, said.high) == pytest.approx((0.014, 0.002, 0.023))
    assert "+1.4 points over today's 470 labels (90 %: +0.2 to +2.3;" in said.because


def test_the_first_labels_are_asked_for_without_a_promise():
    said = label_more.advise(facts(classes=few(50, 40), curve=None))
    assert (said.action, said.labels) == ("Label 110 more samples, chosen at random", 110)
    assert (said.gain, said.low, said.high) == (None, None, None)


# -- no more labels


@pytest.mark.parametrize(
    "known",
    [
        FACTS,
        facts(curve=None),
        facts(curve=curve(refused="Too few.")),
        facts(curve=curve(step(400, 0, 0, 0), step(800, 0.004, 0, 0.01), largest=300)),
    ],
    ids=["worth it", "no curve", "refused", "outdated"],
)
def test_stop_labeling_is_silent(known):
    assert stop_labeling.advise(known) is None


def test_stop_labeling_speaks_where_label_more_does_not():
    flat = facts(curve=curve(step(400, 0, 0, 0), step(800, 0.004, -0.01, 0.012)))
    said = stop_labeling.advise(flat)
    assert said.action == "Stop labeling for now"
    assert said.because == (
        "Going from 400 to 800 labels is forecast to gain +0.4 points of accuracy (90 % band -1.0 to +1.2; "
        "360 test items): more likely than not less than 0.5."
    )


# -- a curve


@pytest.mark.parametrize(
    "known",
    [FACTS, facts(curve=None, curve_coming=True), facts(classes=few(50, 40), curve=None)],
    ids=["there", "coming", "too few labels"],
)
def test_draw_curve_is_silent(known):
    assert draw_curve.advise(known) is None


def test_draw_curve_speaks_where_there_is_none_or_an_old_one():
    assert draw_curve.advise(facts(curve=None)).action == "Draw the accuracy curve"
    old = facts(curve=curve(*STEPS, largest=300))
    assert draw_curve.advise(old).because.startswith("100 labels have come since it was drawn on 300;")


# -- labels that people differ on


def test_fix_labels_is_silent_where_people_agree():
    assert fix_labels.advise(FACTS) is None


def test_fix_labels_counts_with_an_interval():
    said = fix_labels.advise(facts(disputed=7))
    assert said.action == "Look again at 7 samples on which annotators differ"
    assert said.because == (
        "7 of 50 samples that several people labeled got different labels (14 %, 95 % interval 7 to 26). "
        "What settling them gains has not been measured."
    )
    assert (said.n, said.gain) == (50, None)


# -- changed pictures, other proportions


def test_augmenting_and_rebalancing_together_are_not_told_apart():
    balanced = replace(TRIAL, metric="balanced_accuracy", gain=0.02, low=0.001)
    said = augment_more.advise(tried(TRIAL, balanced))
    assert said.action == "Train with changed pictures and rebalanced classes"
    assert said.because == (
        "Augmenting and rebalancing together: +1.2 points of accuracy (95 %: -0.4 to +2.9; 441 test items, "
        "320 labels): not shown; +2.0 points of balanced accuracy (95 %: +0.1 to +2.9; 441 test items, "
        "320 labels). Which of the two it comes from was not measured. "
        "One training each: the interval covers the choice of test items, not the luck of training."
    )
    assert (said.gain, said.level, said.n, said.shown) == (0.012, 0.95, 441, False)


def test_what_was_tried_alone_goes_before_what_was_tried_together():
    alone = replace(TRIAL, rebalances=False, low=0.002)
    said = augment_more.advise(tried(TRIAL, alone))
    assert said.because.startswith("Augmenting alone: +1.2 points of accuracy (95 %: +0.2 to +2.9")
    assert said.shown


def test_harm_is_advised_against():
    harmful = replace(TRIAL, rebalances=False, gain=-0.02, low=-0.03, high=-0.01)
    said = augment_more.advise(tried(harmful))
    assert said.action == "Train without changed pictures"
    assert (said.gain, said.low, said.high, said.shown) == (0.02, 0.01, 0.03, True)


def test_the_latest_trial_counts():
    assert augment_more.advise(tried(replace(TRIAL, gain=0.5), TRIAL)).gain == 0.5


def test_untried_augmentation_is_to_be_measured():
    said = augment_more.advise(FACTS)
    assert (said.action, said.gain) == ("Train once with changed pictures and once without", None)


def test_rebalancing_is_silent_where_classes_are_even():
    assert rebalance_classes.advise(FACTS) is None


def test_rebalancing_alone_is_judged_by_balanced_accuracy():
    alone = replace(TRIAL, augments=False, metric="balanced_accuracy", low=0.003)
    said = rebalance_classes.advise(tried(replace(alone, metric="accuracy", gain=-0.1), alone))
    assert (said.action, said.gain, said.shown) == ("Train with rebalanced classes", 0.012, True)


@pytest.mark.parametrize(
    ("trials", "so_far"),
    [
        ((), "has not been measured"),
        ((replace(TRIAL, metric="balanced_accuracy"),), "was measured only together with changed pictures"),
    ],
)
def test_uneven_classes_are_worth_a_trial(trials, so_far):
    said = rebalance_classes.advise(facts(classes=few(150, 50), trials=trials))
    assert said.because == (
        "Classes hold 50 (class 1) to 150 (class 0) labels. "
        f"What drawing the rare ones more often gains by itself {so_far}."
    )


def test_a_class_without_labels_comes_before_everything():
    said = rebalance_classes.advise(facts(classes=few(150, 60, 0)))
    assert said.because == "Without a single label in training, never predicted: class 2."


# -- the family

WORLDS = [
    FACTS,
    tried(TRIAL),
    facts(curve=None, disputed=3),
    facts(classes=few(150, 50), disputed=1),
    facts(classes=few(150, 60, 0)),
    facts(classes=few(20, 10), curve=None),
    facts(curve=curve(step(400, 0, 0, 0), step(800, 0.004, -0.01, 0.02))),
    facts(classes=(), pool=0, curve=None, shared=0),
]


def test_every_adviser_is_asked_and_speaks_in_some_world():
    named = {adviser.__module__.rsplit(".", 1)[1] for adviser in book.ADVISERS}
    assert {suggestion.adviser for world in WORLDS for suggestion in book.advise(world)} == named


@pytest.mark.parametrize("world", WORLDS)
def test_every_suggestion_can_be_kept_and_read(world):
    for said in book.advise(world):
        assert said.action[0].isupper()
        assert not said.action.endswith(".")
        assert len(said.action) <= 200
        assert said.because.endswith(".")
        assert (said.gain is None) == (said.low is None) == (said.high is None)
        assert (said.low is None) == (said.level is None)
        assert said.gain is None or (said.n is not None and said.low <= said.gain <= said.high)


@pytest.mark.parametrize("world", WORLDS)
def test_nobody_says_label_and_stop_at_once(world):
    said = {suggestion.adviser for suggestion in book.advise(world)}
    assert not {"label_more", "stop_labeling"} <= said


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(0.1, 0.2, True), (-0.1, 0.2, False), (0.0, 0.2, False), (-0.2, -0.1, True)]
)
def test_an_interval_that_holds_zero_shows_nothing(low, high, shown):
    assert Suggestion("a", "Do", "So.", 0.1, low, high, 0.9, 10).shown is shown
