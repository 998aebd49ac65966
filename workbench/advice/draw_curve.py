"""A curve to steer by: where there is none yet, or many labels have come since."""

from trainer.curves.outlook import Outlook
from workbench.advice.facts import Facts, Suggestion

OUTDATED = 2**0.25  # times the labels of the curve: a step of its forecast


def advise(facts: Facts) -> Suggestion | None:
    if facts.labels < facts.first_labels or facts.curve_coming:
        return None
    if facts.curve is None:
        return Suggestion(
            "draw_curve",
            "Draw the accuracy curve",
            f"{facts.labels} labels are there; what more of them would gain is unknown until it is drawn.",
        )
    if not is_outdated(facts, facts.curve):
        return None
    return Suggestion(
        "draw_curve",
        "Draw the accuracy curve again",
        f"{facts.labels - facts.curve.largest} labels have come since it was drawn on {facts.curve.largest}; "
        "the new one is measured further out and scores the old forecast.",
    )


def is_outdated(facts: Facts, curve: Outlook) -> bool:
    """Say whether so many labels have come since that the curve no longer tells where the dataset stands."""
    return facts.labels >= OUTDATED * curve.largest
