import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from trainer.curves import ceiling, chances, fit, forecast, requirement
from trainer.curves.cost import Cost
from trainer.curves.outlook import SHARES, Forecast, Quantiles
from trainer.curves.requirement import Ask, Verdict

NOW, SD = 1000, 0.01
GRID = np.rint(NOW * 2 ** (np.arange(-16, 17) / 4)).astype(int)
PRICED = Cost(price=0.2, seconds=46)


def median(n):
    """The score's median: errors of 0.05 + 1.2 n^-0.4, 12.6 % at 1,000 labels."""
    return 0.95 - 1.2 * np.asarray(n, float) ** -0.4


def known(sd=SD):
    """Normal scores around `median`."""
    rows = [tuple(np.clip(norm.ppf(SHARES, m, sd), 0, 1).tolist()) for m in median(GRID)]
    return Quantiles(tuple(GRID.tolist()), tuple(rows))


def labels_for(target, share, sd=SD):
    """Closed form: additional labels with which the chance of the target is `share`."""
    missing = 0.95 - target - norm.ppf(share) * sd
    return (missing / 1.2) ** (-1 / 0.4) - NOW


def need(target=0.9, now=NOW, risk=0.2, rounds=3, **told):
    return requirement.need(known(), now, Ask(target, risk, rounds), **told)


# --- what must not be said


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        ({"target": 0}, r"target must lie in \(0, 1\), got 0"),
        ({"target": 1}, "got 1"),
        ({"target": float("nan")}, "got nan"),
        ({"target": 0.9, "risk": 0}, "risk must lie in"),
        ({"target": 0.9, "risk": 0.6}, "got 0.6"),
        ({"target": 0.9, "rounds": 0}, "at least one round is needed, got 0"),
    ],
)
def test_asks_that_make_no_sense(ask, said):
    with pytest.raises(ValueError, match=said):
        Ask(**ask)


def test_no_labels_no_need():
    with pytest.raises(ValueError, match="there must be labels today, got 0"):
        need(now=0)


def test_a_target_that_is_reached_asks_for_nothing():
    found = need(0.85)
    assert (found.verdict, found.purchase, found.middle) == (Verdict.REACHED, 0, None)
    assert found.sentence == ("85 % is reached already with today's 1,000 labels: the chance is over 99 %.")
    assert found.advice == ""


def test_a_target_above_the_last_gain_is_not_reachable():
    found = need(0.96)
    assert (found.verdict, found.middle, found.high, found.purchase) == (Verdict.UNREACHABLE, None, None, 0)
    assert found.sentence == (
        "96 % is not reachable with this recipe: even 16 times the 1,000 labels of the largest training "
        "would hardly do."
    )


def test_no_number_is_said_beyond_eight_times_the_labels():
    found = need(0.92)
    assert 7000 < labels_for(0.92, 0.5) < 15_000
    assert (found.verdict, found.middle, found.high, found.safe) == (Verdict.TOO_FAR, None, None, None)
    assert found.sentence == (
        "92 % takes more than 8 times the 1,000 labels of the largest training: too far to say how many."
    )
    assert found.purchase == 3000


def test_a_curve_that_was_outgrown_says_so():
    found = need(now=8000)
    assert found.verdict == Verdict.REFUSED
    assert found.sentence == (
        "Today's 8,000 labels are 8 times the 1,000 labels of the largest training or more: "
        "train the curve again."
    )


def test_a_target_above_the_ceiling_is_named_as_such():
    found = need(0.9, ceiling=ceiling.ceiling(40, 200, 10))
    assert (found.verdict, found.purchase) == (Verdict.ABOVE_CEILING, 0)
    assert found.sentence == (
        "90 % lies above what can be measured. No model can measure above about 80.0 % "
        "(95 %: 73.9 to 85.0): 40 of 200 audited labels were wrong."
    )


def test_a_target_near_the_ceiling_is_cautioned():
    near = need(0.9, ceiling=ceiling.ceiling(18, 200, 10))
    assert near.verdict == Verdict.WITHIN
    assert near.cautions[0].startswith("90 % may lie above what can be measured. No model can")
    assert need(0.9, ceiling=ceiling.ceiling(1, 200, 10)).cautions == ()


def test_a_plateau_is_cautioned_and_bought_in_small_steps():
    flat, plain = need(0.91, rounds=1, plateau=True), need(0.91, rounds=1)
    assert "may have leveled off" in flat.cautions[0]
    assert (flat.purchase, plain.purchase) == (NOW, 3000)


def test_where_the_forecast_was_refused_that_is_the_answer():
    refused = Forecast((), 0.9, False, "A forecast needs at least 3 sizes; this curve has 2.", ())
    found = requirement.of_forecast(refused, NOW, Ask(0.95))
    assert (found.verdict, found.purchase) == (Verdict.REFUSED, 0)
    assert found.sentence == "A forecast needs at least 3 sizes; this curve has 2."


# --- reference: Normal scores have their labels in closed form


@pytest.mark.parametrize("target", [0.88, 0.89, 0.9])
def test_labels_are_those_of_the_closed_form(target):
    found = need(target)
    assert found.verdict == Verdict.WITHIN
    assert found.middle == pytest.approx(labels_for(target, 0.5), rel=0.05)
    assert found.low == pytest.approx(max(labels_for(target, 0.1), 0), rel=0.05)
    assert found.high == pytest.approx(labels_for(target, 0.9), rel=0.05)
    assert labels_for(target, 0.8) * 0.98 <= found.safe <= labels_for(target, 0.8) * 1.12


def test_the_sentence_of_the_issue():
    found = need(0.88, cost=PRICED)
    assert found.sentence == ("220 more labels (80 %: 0 to 1,000), about 44 dollars and 2.8 hours, for 88 %.")
    assert found.bill[:2] == (pytest.approx(44), pytest.approx(220 * 46 / 3600))


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (Cost(), "220 more labels (80 %: 0 to 1,000), for 88 %."),
        (Cost(price=0.02), "220 more labels (80 %: 0 to 1,000), about 4.4 dollars, for 88 %."),
        (Cost(seconds=4), "220 more labels (80 %: 0 to 1,000), about 15 minutes, for 88 %."),
        (Cost(price=30), "220 more labels (80 %: 0 to 1,000), about 6,600 dollars, for 88 %."),
    ],
)
def test_only_known_costs_are_said(cost, said):
    assert need(0.88, cost=cost).sentence == said


def test_an_upper_end_beyond_reach_is_said_as_such():
    found = need(0.913)
    assert found.high is None
    assert "to more than 7,000)" in found.sentence


def test_even_odds_today_are_called_probable():
    found = need(0.872)
    assert found.middle == 0
    assert found.sentence.startswith(
        "87.2 % is probably reached with today's 1,000 labels, but it may take more"
    )
    assert found.chance >= 0.8  # even odds hold already: only more is worth buying


# --- the purchase


def test_earlier_rounds_take_even_odds_and_the_last_must_suffice():
    first, last = need(0.89, rounds=3), need(0.89, rounds=1)
    assert first.purchase == first.middle
    assert first.chance == pytest.approx(0.5, abs=0.05)
    assert last.purchase == last.safe
    assert 0.8 <= last.chance < 0.85
    assert first.advice.endswith("then train again; up to 2 more may follow.")
    assert last.advice.endswith("the last purchase.")


def test_no_purchase_leads_beyond_four_times_the_labels():
    assert need(0.91, rounds=1, risk=0.1).purchase == 3 * NOW


def test_no_purchase_leads_beyond_reach():
    assert need(0.92, now=7000, rounds=1).purchase == 1000


def test_labels_that_came_since_the_training_count():
    early, late = need(0.89), need(0.89, now=1100)
    assert late.middle == pytest.approx(early.middle - 100, abs=10)


@given(target=st.floats(0.5, 0.99), risk=st.floats(0.01, 0.5), now=st.integers(500, 9000))
def test_figures_ascend_and_every_case_has_its_sentence(target, risk, now):
    found = need(target, now, risk, cost=PRICED)
    ends = [np.inf if end is None else end for end in (found.low, found.middle, found.high)]
    assert ends == sorted(ends)
    assert found.sentence.endswith(".")
    assert 0 <= found.purchase <= 3 * now
    assert now + found.purchase <= max(8 * NOW, now)


@given(target=st.floats(0.85, 0.93))
def test_more_is_asked_for_a_higher_target(target):
    low, high = (need(one).middle for one in (target, target + 0.01))
    assert (np.inf if high is None else high) >= (low or 0)


# --- the chances


def test_chances_never_fall_even_where_the_band_grows():
    """A target below the median: a band that widens alone would take it back."""
    rows = [tuple(norm.ppf(SHARES, 0.8, 0.01 * (1 + k)).tolist()) for k in range(len(GRID))]
    curve = chances.chances(Quantiles(tuple(GRID.tolist()), tuple(rows)), NOW, 0.78)
    assert (np.diff(curve.chance) >= 0).all()


def test_stored_quantiles_say_what_the_fit_says():
    n = [62, 125, 250, 500, 1000]
    rng = np.random.default_rng(3)
    runs = [[rng.binomial(1000, 1 - median(size)) / 1000 for _ in range(2)] for size in n]
    stored = forecast.forecast(n, runs, chance_error=0.9, n_test=1000).quantiles
    curve = chances.chances(stored, NOW, 0.9)
    exact = fit.fit(fit.summarize(n, runs, 1000), 0.9).at(curve.n).below(0.1)
    np.testing.assert_allclose(curve.chance, exact, atol=0.01)


def test_first_and_at_are_inverse():
    curve = chances.chances(known(), NOW, 0.9)
    assert curve.first(0.999999) is None or curve.n[-1] > 8 * NOW
    assert curve.at(curve.first(0.4)) == pytest.approx(0.4, abs=1e-6)
    assert curve.first(0.0) == NOW


@pytest.mark.parametrize(
    ("chance", "said"), [(0.0, "under 1 %"), (0.456, "46 %"), (0.99, "99 %"), (0.9999, "over 99 %")]
)
def test_no_chance_is_called_certain(chance, said):
    assert requirement.percent(chance) == said
