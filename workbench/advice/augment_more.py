"""Changed pictures instead of more labels: what they gained when they were tried."""

from workbench.advice import trials
from workbench.advice.facts import Facts, Suggestion


def advise(facts: Facts) -> Suggestion | None:
    if facts.labels < facts.first_labels:
        return None
    alone = facts.trial("accuracy", augments=True, rebalances=False)
    if alone:
        because = f"Augmenting alone: {trials.verdict(alone)}. {trials.LUCK}"
        return trials.suggest("augment_more", alone, "changed pictures", because)
    both = facts.trial("accuracy", augments=True, rebalances=True)
    if both:
        what = "changed pictures and rebalanced classes"
        balanced = facts.trial("balanced_accuracy", augments=True, rebalances=True)
        figures = "; ".join(trials.verdict(trial) for trial in (both, balanced) if trial)
        because = (
            f"Augmenting and rebalancing together: {figures}. "
            f"Which of the two it comes from was not measured. {trials.LUCK}"
        )
        return trials.suggest("augment_more", both, what, because)
    return Suggestion(
        "augment_more",
        "Train once with changed pictures and once without",
        "Changed pictures cost no label; what they gain on this data has not been measured.",
    )
