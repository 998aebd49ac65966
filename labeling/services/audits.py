"""How often the labels that measure are wrong, as far as people have looked at them again."""

from collections import defaultdict
from typing import NamedTuple

from labeling.models import Annotation, Dataset, Sample

SECOND_OPINIONS = 2  # that have to agree before they count as the truth


class Audit(NamedTuple):
    """Test labels that were looked at again, and how many of them turned out wrong."""

    audited: int
    wrong: int


def of_test_labels(dataset: Dataset) -> Audit:
    """Return how many test labels two or more other people judged alike, and how often they said otherwise.

    The first opinion of a sample is the label that is judged: what was imported, or what the first person
    said.  Samples on which the others differ say nothing.
    """
    verdicts = [_verdict(said) for said in _opinions(dataset).values()]
    judged = [verdict for verdict in verdicts if verdict is not None]
    return Audit(len(judged), sum(judged))


def _opinions(dataset: Dataset) -> dict[int, list[str]]:
    """Return the standing opinions of each test sample, the first one first: one a person, one imported."""
    said: dict[int, dict[int | None, str]] = defaultdict(dict)
    rows = Annotation.objects.standing().filter(
        sample__dataset=dataset, sample__split=Sample.Split.TEST, label__in=dataset.classes
    )
    order = rows.order_by("created_at", "pk").values_list("sample_id", "annotator_id", "label")
    for sample, annotator, label in order:
        said[sample].setdefault(annotator, label)
    return {sample: list(opinions.values()) for sample, opinions in said.items()}


def _verdict(said: list[str]) -> bool | None:
    """Return whether the first opinion is wrong; None where the others do not say."""
    first, *others = said
    if len(others) < SECOND_OPINIONS or len(set(others)) > 1:
        return None
    return first != others[0]
