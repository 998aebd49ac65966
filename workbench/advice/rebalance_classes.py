"""Other proportions instead of more labels."""

from workbench.advice import trials
from workbench.advice.facts import Facts, Suggestion

UNEVEN = 3  # largest class / smallest class from which on it is worth a training


def advise(facts: Facts) -> Suggestion | None:
    if facts.labels < facts.first_labels:
        return None
    unseen = [count.name for count in facts.classes if count.train == 0]
    if unseen:
        return Suggestion(
            "rebalance_classes",
            f"Find and label samples of the missing {'class' if len(unseen) == 1 else 'classes'}",
            f"Without a single label in training, never predicted: {', '.join(unseen)}.",
        )
    trial = facts.trial("balanced_accuracy", augments=False, rebalances=True)
    if trial:
        because = f"Rebalancing alone: {trials.verdict(trial)}. {trials.LUCK}"
        return trials.suggest("rebalance_classes", trial, "rebalanced classes", because)
    return _untried(facts)


def _untried(facts: Facts) -> Suggestion | None:
    few = min(facts.classes, key=lambda count: count.train)
    many = max(facts.classes, key=lambda count: count.train)
    if many.train < UNEVEN * few.train:
        return None
    together = facts.trial("balanced_accuracy", augments=True, rebalances=True)
    so_far = "was measured only together with changed pictures" if together else "has not been measured"
    return Suggestion(
        "rebalance_classes",
        "Train once with rebalanced classes and once without",
        f"Classes hold {few.train} ({few.name}) to {many.train} ({many.name}) labels. "
        f"What drawing the rare ones more often gains by itself {so_far}.",
    )
