"""More labels: how many, and what the curve says they would gain."""

from trainer.curves import outlook
from trainer.curves.outlook import Outlook, Step
from workbench.advice import draw_curve
from workbench.advice.facts import Facts, Suggestion, points

LEVEL = 0.9  # of the forecast's band
WORTH = 0.005  # half a point for doubling the labels; below, stop_labeling speaks instead


def advise(facts: Facts) -> Suggestion | None:
    if facts.labels < facts.first_labels:
        return _first_batch(facts)
    step = purchase(facts)
    if facts.curve is None or step is None or step.gain < WORTH:
        return None
    return _from_curve(facts, facts.curve, step)


def purchase(facts: Facts) -> Step | None:
    """Return the step of the forecast worth discussing, its gains counted from today's labels.

    Up to twice the labels, where forecasts err least.  What the pool can give comes first; only where it can
    give no step at all, more must be collected.  None where the curve is outdated.
    """
    if facts.curve is None or draw_curve.is_outdated(facts, facts.curve):
        return None
    steps = facts.curve.ahead
    wanted = [step for step in steps if facts.labels < step.n <= 2 * facts.labels]
    within = [step for step in wanted if step.n <= facts.labels + facts.pool]
    step = max(within or wanted, default=None)
    return step and _from_today(step, outlook.nearest(steps, facts.labels))


def _from_today(step: Step, today: Step) -> Step:
    """Take off what is had since the curve; the band keeps the width that it has against the largest size."""
    had = today.gain
    return step._replace(gain=step.gain - had, gain_low=step.gain_low - had, gain_high=step.gain_high - had)


def _first_batch(facts: Facts) -> Suggestion | None:
    missing = min(facts.first_labels - facts.labels, facts.pool - facts.queued)
    if missing <= 0:
        return None
    return Suggestion(
        "label_more",
        f"Label {missing} more samples, chosen at random",
        f"{facts.labels} of the first {facts.first_labels} labels are there. With fewer, chance chooses "
        "better than a model, and a curve spans too little to be extrapolated. "
        "What these labels gain has not been measured.",
        labels=missing,
    )


def _from_curve(facts: Facts, curve: Outlook, step: Step) -> Suggestion | None:
    missing = step.n - facts.labels - facts.pool
    labels = None if missing > 0 else step.n - facts.labels - facts.queued
    if labels is not None and labels <= 0:
        return None  # the queue holds them already
    flat = curve.forecast is not None and curve.forecast.plateau
    if flat:  # staying where it is belongs to the band, in words and figures alike
        step = step._replace(gain_low=min(step.gain_low, 0.0))
    return Suggestion(
        "label_more",
        f"Label {labels} more samples" if labels else f"Collect {missing} more pictures and label them",
        _because(facts, curve, step, flat=flat),
        gain=step.gain,
        low=step.gain_low,
        high=step.gain_high,
        level=LEVEL,
        n=curve.n_test,
        labels=labels,
    )


def _because(facts: Facts, curve: Outlook, step: Step, *, flat: bool) -> str:
    because = (
        f"With {step.n} labels the curve is forecast at {100 * step.median:.1f} % accuracy (90 % band "
        f"{100 * step.low:.1f} to {100 * step.high:.1f}): {points(step.gain)} points over today's "
        f"{facts.labels} labels (90 %: {points(step.gain_low)} to {points(step.gain_high)}; "
        f"{curve.n_test} test items, {len(curve.points)} trainings)."
    )
    if flat:
        because += " Its last two sizes cannot be told apart, so it may stay where it is."
    if facts.queued:
        because += f" {facts.queued} samples already stand in the queue and are not asked for again."
    return because
