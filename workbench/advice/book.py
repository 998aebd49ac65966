"""All advisers, in the order in which they speak; each says one thing or nothing."""

from collections.abc import Callable

from workbench.advice import (
    augment_more,
    draw_curve,
    fix_labels,
    label_more,
    rebalance_classes,
    stop_labeling,
)
from workbench.advice.facts import Facts, Suggestion

ADVISERS: tuple[Callable[[Facts], Suggestion | None], ...] = (
    label_more.advise,
    stop_labeling.advise,
    draw_curve.advise,
    fix_labels.advise,
    augment_more.advise,
    rebalance_classes.advise,
)


def advise(facts: Facts) -> list[Suggestion]:
    """Return what the advisers have to say."""
    said = (adviser(facts) for adviser in ADVISERS)
    return [suggestion for suggestion in said if suggestion]
