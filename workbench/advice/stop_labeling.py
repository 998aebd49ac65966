"""No more labels: the curve is flat, the next label is not worth it."""

from workbench.advice import label_more
from workbench.advice.facts import Facts, Suggestion, points


def advise(facts: Facts) -> Suggestion | None:
    step = label_more.purchase(facts)
    if facts.curve is None or step is None or step.gain >= label_more.WORTH:
        return None
    return Suggestion(
        "stop_labeling",
        "Stop labeling for now",
        f"Going from {facts.labels} to {step.n} labels is forecast to gain {points(step.gain)} points "
        f"of accuracy (90 % band {points(step.gain_low)} to {points(step.gain_high)}; "
        f"{facts.curve.n_test} test items): more likely than not less than {100 * label_more.WORTH:.1f}.",
        n=facts.curve.n_test,
    )
