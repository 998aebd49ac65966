"""How often labels are wrong, as far as people have looked at them again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Count, QuerySet

from labeling.models import Annotation, AnnotationQuerySet, Dataset, LabelIssue, Sample, SelectionRound
from labeling.quality import errors
from labeling.quality.errors import ErrorRate, Stratum

SECOND_OPINIONS = 2  # of other people that have to agree before they count as the truth
Strategy = SelectionRound.Strategy
IMPORTED, DRAWN, CHOSEN = (
    "imported",
    "given to pictures drawn at random",
    "given to pictures that a model chose",
)
OTHER = "given here by hand"
ORIGINS = (IMPORTED, DRAWN, CHOSEN, OTHER)
ABOUT_DOUBTS = {Strategy.REVIEW, Strategy.ADJUDICATION}  # what they ask for was not drawn at random
COLUMNS = ("sample_id", "annotator_id", "label", "source", "task__audit", "task__round__strategy", "decides")


@dataclass(frozen=True)
class Audit:
    """What is known of the labels of a dataset, or of its test split."""

    reviewed: Stratum  # labels that a model doubted and people reviewed: all of them are known
    others: tuple[Stratum, ...]  # by how they came; some were judged again, as good as at random
    undecided: int  # labels that were judged again by people who differ: an adjudication would tell
    repaired: int  # how many fewer of the known ones are wrong today than were when they were given

    @property
    def rate(self) -> ErrorRate | None:
        return errors.estimate(self.reviewed, self.others, self.repaired)

    @property
    def hindrance(self) -> str:
        return errors.hindrance(self.reviewed, self.others)


class _Opinion(NamedTuple):
    sample: int
    annotator: int | None
    label: str
    source: str
    drawn: bool | None
    strategy: str | None
    decides: bool


class _Known(NamedTuple):
    """One label that was given, and what is known of it now."""

    origin: str
    given: str
    standing: str
    truth: str  # "" while nobody knows
    reviewed: bool  # a model doubted it, and people decided
    audited: bool  # it was judged again whatever a model said
    undecided: bool


def of_labels(dataset: Dataset, *, test: bool = False) -> Audit:
    """Return what is known of all labels, or of the test split's.

    The label that is judged is the first one: what was imported, or what the first person said.  It is
    audited where two other people or more, asked otherwise than in a review of doubtful labels, say the same;
    where they differ, a decision tells.  Second opinions are drawn at random, and a batch with overlap asks
    for all its pictures alike: what is audited stands for the other labels that came the same way.  A
    reviewed label's truth is what its review decided.
    """
    samples = dataset.samples.labeled().filter(label__in=dataset.classes)
    samples = samples.testing() if test else samples
    known = _judged(dataset, samples)
    labels = _single_origins(samples, dataset.classes)
    labels[OTHER] += samples.count() - labels.total() - len(known)
    labels.update(one.origin for one in known if not one.reviewed)
    reviewed = [one for one in known if one.reviewed]
    told = [one for one in known if one.truth]
    return Audit(
        reviewed=Stratum("reviewed", len(reviewed), len(reviewed), _wrong(reviewed)),
        others=tuple(_stratum(name, labels[name], known) for name in ORIGINS if labels[name]),
        undecided=sum(one.undecided for one in known),
        repaired=_wrong(told) - sum(one.standing != one.truth for one in told),
    )


def _stratum(origin: str, labels: int, known: Iterable[_Known]) -> Stratum:
    audited = [one for one in known if one.origin == origin and one.audited and not one.reviewed]
    return Stratum(origin, labels, len(audited), _wrong(audited))


def _wrong(known: Iterable[_Known]) -> int:
    return sum(one.given != one.truth for one in known)


def _opinions(classes: Iterable[str]) -> AnnotationQuerySet:
    """Return the opinions that count; answers to gold tasks measure people, not labels."""
    return Annotation.objects.standing().filter(label__in=classes).exclude(task__gold=True)


def _heard(samples: QuerySet[Sample], classes: Iterable[str], **times: int) -> QuerySet[Sample]:
    """Return the samples of which people and imports spoke so many times."""
    heard = (
        _opinions(classes)
        .filter(sample__in=samples)
        .order_by()
        .values("sample_id")
        .annotate(n=Count("pk"))
        .filter(**times)
    )
    return samples.filter(pk__in=heard.values("sample_id"))


def _single_origins(samples: QuerySet[Sample], classes: Iterable[str]) -> Counter[str]:
    """Return how many labels rest on one opinion, by how they came."""
    rows = _opinions(classes).filter(sample__in=_heard(samples, classes, n=1)).order_by()
    found: Counter[str] = Counter()
    ways = rows.values_list("source", "task__audit", "task__round__strategy")
    for source, drawn, strategy, n in ways.annotate(n=Count("pk")):
        found[_origin(source, drawn, strategy)] += n
    return found


def _judged(dataset: Dataset, samples: QuerySet[Sample]) -> list[_Known]:
    """Return what is known of the labels with two opinions or more."""
    several = _heard(samples, dataset.classes, n__gt=1)
    rows = _opinions(dataset.classes).filter(sample__in=several).order_by("created_at", "pk")
    said: dict[int, list[_Opinion]] = defaultdict(list)
    for row in rows.values_list(*COLUMNS):
        said[row[0]].append(_Opinion(*row))
    standing = dict(several.values_list("pk", "label"))
    issues = LabelIssue.objects.filter(sample__in=samples).exclude(verdict="")
    verdicts = {
        (pk, given): verdict for pk, given, verdict in issues.values_list("sample", "given", "verdict")
    }
    return [_known(found, standing[pk], verdicts) for pk, found in said.items() if pk in standing]


def _known(said: list[_Opinion], standing: str, verdicts: Mapping[tuple[int, str], str]) -> _Known:
    first = said[0]
    verdict = verdicts.get((first.sample, first.label), "")
    others = _others(said)
    agreed = len(others) >= SECOND_OPINIONS and len(set(others)) == 1
    decided = next((one.label for one in reversed(said) if _decides(one)), "")
    disputed = len(others) >= SECOND_OPINIONS and not agreed
    return _Known(
        origin=_origin(first.source, first.drawn, first.strategy),
        given=first.label,
        standing=standing,
        truth=verdict or (others[0] if agreed else decided),
        reviewed=verdict != "",
        audited=agreed or (disputed and decided != ""),
        undecided=disputed and not decided and not verdict,
    )


def _others(said: list[_Opinion]) -> list[str]:
    """Return what other people than the first said when nobody doubted the label: one opinion each."""
    first, *later = said
    asked = [one for one in later if one.strategy not in ABOUT_DOUBTS and not one.decides]
    people = {one.annotator: one.label for one in reversed(asked) if one.source != Annotation.Source.IMPORT}
    people.pop(first.annotator if first.source != Annotation.Source.IMPORT else -1, None)
    return list(people.values())


def _decides(one: _Opinion) -> bool:
    return one.decides or one.strategy == Strategy.ADJUDICATION


def _origin(source: str, drawn: bool | None, strategy: str | None) -> str:
    if source == Annotation.Source.IMPORT:
        return IMPORTED
    if drawn is None or strategy in SelectionRound.LOOKS_AGAIN:
        return OTHER
    return DRAWN if drawn else CHOSEN
