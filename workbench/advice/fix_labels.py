"""Labels to look at again: people differ on them."""

from trainer.engine import intervals
from workbench.advice.facts import Facts, Suggestion


def advise(facts: Facts) -> Suggestion | None:
    if facts.disputed == 0:
        return None
    share = intervals.wilson(facts.disputed, facts.shared)
    samples = "sample" if facts.disputed == 1 else "samples"
    return Suggestion(
        "fix_labels",
        f"Look again at {facts.disputed} {samples} on which annotators differ",
        f"{facts.disputed} of {facts.shared} samples that several people labeled got different labels "
        f"({100 * share.value:.0f} %, 95 % interval {100 * share.low:.0f} to {100 * share.high:.0f}). "
        "What settling them gains has not been measured.",
        n=facts.shared,
    )
