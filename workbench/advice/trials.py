"""What a comparison of two trainings lets one say."""

from workbench.advice.facts import Suggestion, Trial, points

LEVEL = 0.95  # of a trial's interval
LUCK = "One training each: the interval covers the choice of test items, not the luck of training."


def verdict(trial: Trial) -> str:
    """Return a trial's figures in words, and whether they show anything."""
    shown = "" if trial.low > 0 or trial.high < 0 else ": not shown"
    return (
        f"{points(trial.gain)} points of {trial.metric.replace('_', ' ')} (95 %: {points(trial.low)} to "
        f"{points(trial.high)}; {trial.n} test items, {trial.labels} labels){shown}"
    )


def suggest(adviser: str, trial: Trial, what: str, because: str) -> Suggestion:
    """Return the advice to train with `what`, or without it where it did harm."""
    if trial.high < 0:
        action, figures = f"Train without {what}", (-trial.gain, -trial.high, -trial.low)
    else:
        action, figures = f"Train with {what}", (trial.gain, trial.low, trial.high)
    return Suggestion(adviser, action, because, *figures, level=LEVEL, n=trial.n)
