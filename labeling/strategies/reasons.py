"""Why a picture was chosen: one sentence, true of each picture that it is said of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labeling import selection
from labeling.strategies import book
from labeling.strategies.book import Candidates, Chosen

SAYS = {  # what each strategy does, to a person who chooses one
    "random": "Draws pictures at random: the right start while there are neither labels nor vectors.",
    "margin": "Takes pictures whose two likeliest classes are nearly equal for the model: the usual choice"
    " once there are labels and a model.",
    "entropy": "Takes pictures for which the model spreads its belief over many classes.",
    "least_confidence": "Takes pictures whose likeliest class the model believes in least.",
    "k_center": "Takes pictures that lie farthest from all that is labeled: covers the pool, oddities first.",
    "typical": "Takes the most typical picture of each large group of similar ones: for the first labels,"
    " fewer than ten of a class.",
    "badge": "Draws pictures that the model doubts and that differ from one another: recommended for a round"
    " of more than 5 % of the waiting pictures.",
    "cluster_margin": "Takes pictures that the model doubts from many groups of similar ones.",
}
AUDIT = "Drawn at random: keeps the evaluation honest."
UNSEEN = "No model has seen it yet: drawn at random among such."
NO_VECTOR = "It has no vector yet, or no model has seen it: drawn at random among such."
LONGEST = 50  # characters of a class name; a sentence holds two of them and fits 200


def sentences(name: str, candidates: Candidates, chosen: Chosen, classes: Sequence[str]) -> list[str]:
    """Return why each of the C chosen rows was chosen; classes (K,) go with the probabilities."""
    said = []
    columns = (chosen.rows, chosen.audit, chosen.known, chosen.groups)
    for row, audit, known, group in zip(*(column.tolist() for column in columns), strict=True):
        if audit:
            said.append(AUDIT)
        elif not known:
            said.append(NO_VECTOR if book.needs_vectors(name) else UNSEEN)
        else:
            said.append(_why(name, candidates.probs[row], classes, group))
    return said


def _why(name: str, probs: NDArray[np.float64], classes: Sequence[str], group: int) -> str:
    if name == "k_center":
        return "No other picture lies farther from all that is labeled or was chosen before it."
    if name == "typical":
        return f"Typical of a group of {group:,} similar pictures." if group > 1 else "Alone of its kind."
    first, second = np.argsort(-probs, kind="stable")[:2].tolist()  # as argmax does: of equals the first
    likeliest = f"{_short(classes[first])} ({probs[first]:.2f})"
    next_one = f"{_short(classes[second])} ({probs[second]:.2f})"
    if name == "badge":
        return f"Drawn by doubt and difference from the others: the model says {likeliest}, else {next_one}."
    if name == "entropy":
        spread = len(probs) ** float(selection.entropy(probs[None])[0])
        return f"The model's belief is spread as over {spread:.1f} classes, {likeliest} first."
    if name == "least_confidence":
        return f"The model believes in the likeliest class no more than this: {likeliest}."
    hesitates = f"The model hesitates between {likeliest} and {next_one}."
    return hesitates + (f" One of {group:,} similar pictures." if group > 1 else "")


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
