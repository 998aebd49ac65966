"""The tables of the annotators' page for a spreadsheet: headers first, empty where a figure has no value."""

from collections.abc import Callable, Iterator
from itertools import chain

from workbench.views.contexts.annotators import AnnotatorsPage, Kappa, PersonRow, Share

Row = tuple[object, ...]
ENDS = ("value", "low", "high", "n")


def _columns(*names: str) -> Row:
    return tuple(f"{name}_{end}" for name in names for end in ENDS)


def _share(found: Share | None) -> Row:
    return (found.share.value, found.share.low, found.share.high, found.n) if found else ("", "", "", 0)


def _kappa(found: Kappa | None) -> Row:
    return (found.kappa.value, found.kappa.low, found.kappa.high, found.n) if found else ("", "", "", 0)


def people(page: AnnotatorsPage) -> Iterator[Row]:
    first = ("annotator", "simulated", "labels", "skipped", "timed", "median_s", "trimmed_mean_s", "trust")
    yield first + _columns("others", "gold", "proposals_changed")
    for one in page.people:
        yield _person(one) + _share(one.others) + _share(one.gold) + _share(one.changed)


def _person(one: PersonRow) -> Row:
    told = ("" if value is None else value for value in (one.median_s, one.trimmed_s, one.quality))
    return (one.name, one.simulated, one.labels, one.skipped, one.timed, *told)


def confusions(page: AnnotatorsPage) -> Iterator[Row]:
    """One line a cell: how often a person says one class where most of the others say another."""
    yield ("annotator", "the_others_say", "says", "n")
    for one in page.people:
        for line in one.confusion:
            for name, (count, _) in zip(page.classes, line.cells, strict=True):
                yield (one.name, line.name, name, count)


def agreement(page: AnnotatorsPage) -> Iterator[Row]:
    yield ("class", *_columns("same_label", "alpha", "fleiss"))
    for one in page.agreement:
        yield (one.name or "all", *_share(one.percent), *_kappa(one.alpha), *_kappa(one.fleiss))


def pairs(page: AnnotatorsPage) -> Iterator[Row]:
    yield ("first", "second", *_columns("same_label", "kappa", *(f"kappa_{name}" for name in page.classes)))
    for one in page.pairs:
        yield (
            one.first,
            one.second,
            *_share(one.percent),
            *_kappa(one.kappa),
            *chain.from_iterable(map(_kappa, one.classes)),
        )


TABLES: dict[str, Callable[[AnnotatorsPage], Iterator[Row]]] = {
    "people": people,
    "confusions": confusions,
    "agreement": agreement,
    "pairs": pairs,
}
