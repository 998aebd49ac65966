"""More labels: how many, and what the curve says they would gain."""

from trainer.curves.outlook import Outlook, Step
from workbench.advice.facts import Facts, Suggestion, points

WORTH = 0.005  # half a point for doubling the labels; below, stop_labeling speaks instead


def advise(facts: Facts) -> Suggestion | None:
    if facts.labels < facts.first_labels:
        return _first_batch(facts)
    step = purchase(facts)
    if facts.curve is None or step is None or step.gain < WORTH:
        return None
    return _from_curve(facts, facts.curve, step)


def purchase(facts: Facts) -> Step | None:
    """Return the step of the forecast worth discussing: up to twice the labels, where forecasts err least.

    What the pool can give comes first; only where it can give no step at all, more must be collected.
    """
    steps = facts.curve.ahead if facts.curve else ()
    wanted = [step for step in steps if facts.labels < step.n <= 2 * facts.labels]
    within = [step for step in wanted if step.n <= facts.labels + facts.pool]
    return max(within or wanted, default=None)


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


def _from_curve(facts: Facts, curve: Outlook, step: Step) -> Suggestion:
    count = step.n - facts.labels
    flat = curve.forecast is not None and curve.forecast.plateau
    because = (
        f"With {step.n} labels the curve is forecast at {100 * step.median:.1f} % accuracy (90 % band "
        f"{100 * step.low:.1f} to {100 * step.high:.1f}): {points(step.gain)} points over its "
        f"{curve.largest} labels (90 %: {points(step.gain_low)} to {points(step.gain_high)}; "
        f"{curve.n_test} test items, {len(curve.points)} trainings)."
    )
    if flat:
        because += " Its last two sizes cannot be told apart, so it may stay where it is."
    if facts.queued:
        because += f" {facts.queued} samples already stand in the queue."
    within = f"Label {count} more samples"
    return Suggestion(
        "label_more",
        within if count <= facts.pool else f"Collect {count} more pictures and label them",
        because,
        gain=step.gain,
        low=min(step.gain_low, 0.0) if flat else step.gain_low,
        high=step.gain_high,
        n=curve.n_test,
        labels=count,
    )
