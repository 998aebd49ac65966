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
COLUMNS = (
    *("sample_id", "sample__label", "sample__split", "annotator_id", "label", "source"),
    *("task__audit", "task__round__strategy", "decides"),  # of _Opinion
)


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
    standing: str  # the sample's label today
    split: str
    annotator: int | None
    label: str
    source: str
    drawn: bool | None
    strategy: str | None
    decides: bool


class _Known(NamedTuple):
    """One label that was given, and what is known of it now."""

    origin: str
    split: str
    given: str
    standing: str
    truth: str  # "" while nobody knows
    reviewed: bool  # a model doubted it, and people decided
    audited: bool  # it was judged again whatever a model said
    undecided: bool


def of_labels(dataset: Dataset) -> tuple[Audit, Audit]:
    """Return what is known of all labels, and of the test split's.

    The label that is judged is the first one: what was imported, or what the first person said.  It is
    audited where two other people or more, asked otherwise than in a review of doubtful labels, say the same;
    where they differ, a decision tells.  Second opinions are drawn at random, and a batch with overlap asks
    for all its pictures alike: what is audited stands for the other labels that came the same way.  A
    reviewed label's truth is what its review decided.
    """
    known, ways = _read(dataset, {"label__in": dataset.classes})
    tests = [one for one in known if one.split == Sample.Split.TEST]
    tested = Counter({way: n for way, n in ways.items() if way[0] == Sample.Split.TEST})
    return _audit(known, ways), _audit(tests, tested)


def of_test_labels(dataset: Dataset) -> Audit:
    """Return what is known of the test split's labels, as `of_labels` does."""
    return _audit(*_read(dataset, {"label__in": dataset.classes, "split": Sample.Split.TEST}))


def _audit(known: list[_Known], ways: Mapping[tuple[str, str], int]) -> Audit:
    """Sum up what is known; ways counts the other labels by split and origin."""
    labels = Counter(one.origin for one in known if not one.reviewed)
    for (_, origin), n in ways.items():
        labels[origin] += n
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


def _read(dataset: Dataset, wanted: Mapping[str, object]) -> tuple[list[_Known], Counter[tuple[str, str]]]:
    """Return the labels with two opinions or more, and how many others there are by (split, origin)."""
    samples = dataset.samples.filter(**wanted)
    ours = {f"sample__{name}": value for name, value in wanted.items()}
    spoken = Annotation.objects.standing().filter(sample__dataset=dataset, label__in=dataset.classes, **ours)
    spoken = spoken.exclude(task__gold=True)  # such answers measure people, not labels
    several = spoken.order_by().values("sample_id").annotate(n=Count("pk")).filter(n__gt=1)
    said: dict[int, list[_Opinion]] = defaultdict(list)
    rows = spoken.filter(sample__in=several.values("sample_id")).order_by("created_at", "pk")
    for row in rows.values_list(*COLUMNS):
        said[row[0]].append(_Opinion(*row))
    ways = _ways(spoken)
    ways.subtract((one.split, _origin(one)) for opinions in said.values() for one in opinions)
    for split, n in samples.order_by().values_list("split").annotate(n=Count("pk")):
        told = sum(found for way, found in ways.items() if way[0] == split)
        heard = sum(opinions[0].split == split for opinions in said.values())
        ways[split, OTHER] += n - told - heard  # of which nobody spoke
    verdicts = _verdicts(samples)
    return [_known(opinions, verdicts) for opinions in said.values()], ways


def _ways(spoken: AnnotationQuerySet) -> Counter[tuple[str, str]]:
    """Return how many opinions came which way, by (split, origin)."""
    rows = spoken.order_by().values_list("sample__split", "source", "task__audit", "task__round__strategy")
    found: Counter[tuple[str, str]] = Counter()
    for split, source, drawn, strategy, n in rows.annotate(n=Count("pk")):
        found[split, _way(source, drawn, strategy)] += n
    return found


def _verdicts(samples: QuerySet[Sample]) -> dict[tuple[int, str], str]:
    """Return what reviews decided, by sample and the label that was in doubt."""
    issues = LabelIssue.objects.filter(sample__in=samples).exclude(verdict="")
    return {(pk, given): verdict for pk, given, verdict in issues.values_list("sample", "given", "verdict")}


def _known(said: list[_Opinion], verdicts: Mapping[tuple[int, str], str]) -> _Known:
    first = said[0]
    verdict = verdicts.get((first.sample, first.label), "")
    others = _others(said)
    agreed = len(others) >= SECOND_OPINIONS and len(set(others)) == 1
    decided = next((one.label for one in reversed(said) if _decides(one)), "")
    disputed = len(others) >= SECOND_OPINIONS and not agreed
    return _Known(
        origin=_origin(first),
        split=first.split,
        given=first.label,
        standing=first.standing,
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


def _origin(one: _Opinion) -> str:
    return _way(one.source, one.drawn, one.strategy)


def _way(source: str, drawn: bool | None, strategy: str | None) -> str:
    if source == Annotation.Source.IMPORT:
        return IMPORTED
    if drawn is None or strategy in SelectionRound.LOOKS_AGAIN:
        return OTHER
    return DRAWN if drawn else CHOSEN
