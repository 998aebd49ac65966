import numpy as np
import pytest

from trainer.engine import gate
from trainer.engine.gate import InvalidRule, Rule

LABELS = np.arange(120) % 3


def probs(right):
    """A model that is sure, and right on these items."""
    calls = np.where(right, LABELS, (LABELS + 1) % 3)
    return np.where(np.eye(3)[calls] > 0, 0.9, 0.05)


def wrong_on(*items):
    return probs(~np.isin(np.arange(len(LABELS)), items))


def judged(current, candidate, **rule):
    return gate.judge(current, candidate, LABELS, Rule(**rule), number=4, seed=0)


# --- what must not happen


def test_the_same_model_again_is_not_promoted():
    model = wrong_on(*range(30))
    verdict = judged(model, model)
    assert (verdict.promotes, verdict.gain, verdict.low, verdict.high) == (False, 0, 0, 0)
    assert verdict.reason.startswith("Neither better nor worse is shown against version 4: +0.0 points")


def test_a_worse_model_is_promoted_by_no_rule():
    current, candidate = wrong_on(*range(10)), wrong_on(*range(40))
    verdicts = [judged(current, candidate, kind=kind, margin=0.2) for kind in gate.RULES]
    assert [verdict.promotes for verdict in verdicts] == [False] * 3
    assert all(
        verdict.reason.startswith("Shown worse than version 4: \N{MINUS SIGN}25.0") for verdict in verdicts
    )


def test_a_small_loss_within_the_margin_is_still_a_loss():
    verdict = judged(wrong_on(0), wrong_on(0, 1), kind="not-worse", margin=0.1)
    assert (verdict.promotes, verdict.low > -0.1) == (False, True)


def test_a_gain_that_may_be_a_large_loss_is_not_promoted():
    current, candidate = wrong_on(*range(20)), wrong_on(*range(20, 39))
    verdict = judged(current, candidate, kind="not-worse", margin=0.01)
    assert verdict.gain > 0
    assert not verdict.promotes
    assert verdict.reason.startswith("It may be more than 1 points worse than version 4")


def test_where_people_promote_the_gate_only_speaks():
    verdict = judged(wrong_on(*range(60)), wrong_on(), kind="by-hand")
    assert (verdict.promotes, verdict.low > 0) == (False, True)
    assert not gate.judge_first(wrong_on(), LABELS, Rule(kind="by-hand")).promotes


@pytest.mark.parametrize("rule", [Rule(), Rule(metric="balanced_accuracy"), Rule(kind="not-worse")])
def test_a_first_version_that_guesses_is_not_promoted(rule):
    guess = np.tile([0.5, 0.3, 0.2], (len(LABELS), 1))
    verdict = gate.judge_first(guess, LABELS, rule)
    assert (verdict.promotes, verdict.against, verdict.gain) == (False, None, None)
    assert "is not shown to beat guessing" in verdict.reason


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"metric": "macro_f1"}, "The metric must be one of accuracy, balanced_accuracy, got 'macro_f1'"),
        ({"kind": "always"}, "The rule must be one of better, not-worse, by-hand, got 'always'"),
        ({"margin": -0.01}, "The margin must lie in"),
        ({"margin": float("nan")}, "The margin must lie in"),
    ],
)
def test_a_senseless_rule_is_refused(values, said):
    with pytest.raises(InvalidRule, match=said):
        Rule(**values)


# --- what it says


def test_what_is_shown_better_is_promoted_with_its_figures():
    verdict = judged(wrong_on(*range(30)), wrong_on(*range(8, 14)))
    assert (verdict.promotes, verdict.n, verdict.against) == (True, 120, 4)
    assert (verdict.fixed, verdict.broken) == (24, 0)
    assert verdict.gain == pytest.approx(24 / 120)
    assert verdict.value == pytest.approx(114 / 120)
    assert 0 < verdict.low < verdict.gain < verdict.high
    assert verdict.reason.startswith("Shown better than version 4: +20.0 points of accuracy (95 % paired")


def test_an_equal_model_is_not_worse():
    model = wrong_on(*range(12))
    assert judged(model, model, kind="not-worse").promotes


def test_the_metric_decides():
    """It wins the large class and loses the small one."""
    labels = np.repeat([0, 1], [110, 10])
    current = np.eye(2)[np.where(np.arange(120) < 40, 1, labels)] * 0.8 + 0.1
    candidate = np.eye(2)[np.zeros(120, int)] * 0.8 + 0.1
    said = {
        metric: gate.judge(current, candidate, labels, Rule(metric=metric), number=1, seed=0).promotes
        for metric in gate.METRICS
    }
    assert said == {"accuracy": True, "balanced_accuracy": False}


def test_the_first_version_is_promoted_when_it_beats_the_largest_class():
    verdict = gate.judge_first(wrong_on(*range(20)), LABELS, Rule())
    assert verdict.promotes
    assert verdict.reason.startswith(
        "Nothing to compare with yet. It beats guessing the largest class (33.3 %)"
    )


def test_the_largest_class_is_that_of_the_test_set():
    labels = np.repeat([0, 1], [100, 20])
    said = np.eye(2)[np.where(np.arange(120) < 96, 0, 1)] * 0.8 + 0.1  # all of class 1, 96 of 100 of class 0
    assert not gate.judge_first(np.tile([0.9, 0.1], (120, 1)), labels, Rule()).promotes
    assert gate.judge_first(said, labels, Rule()).promotes


def test_the_same_seed_gives_the_same_verdict():
    current, candidate = wrong_on(*range(20)), wrong_on(*range(14))
    assert judged(current, candidate) == judged(current, candidate)


def test_every_rule_reads_as_a_sentence():
    words = [Rule(kind=kind).words() for kind in gate.RULES]
    assert len(set(words)) == len(gate.RULES)
    assert "a loss of more than 1 points" in Rule(kind="not-worse").words()
    assert "balanced accuracy" in Rule(metric="balanced_accuracy").words()


def drawn(gain, rng):
    """Two models that differ on about a third of the items, the candidate better by `gain` on average."""
    turn = rng.random(len(LABELS))
    base = turn < 0.6
    other = (turn < 0.6 - (0.3 - gain) / 2) | ((turn >= 0.6) & (turn < 0.6 + (0.3 + gain) / 2))
    return judged(probs(base), probs(other)).promotes


def test_equal_models_pass_rarely_and_better_ones_mostly():
    rng = np.random.default_rng(5)
    by_luck = np.mean([drawn(0.0, rng) for _ in range(150)])
    by_merit = np.mean([drawn(0.25, rng) for _ in range(30)])
    assert by_luck <= 0.08  # 2.5 % expected; four standard errors more
    assert by_merit >= 0.8
