"""What the pages and the JSON API show where the next round is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from labeling.models import Dataset, SelectionRound
from labeling.services import candidates, choice
from labeling.services.candidates import NotReady
from labeling.strategies.book import NAMES
from labeling.strategies.reasons import SAYS

USUAL_COUNT = 100  # samples of a round
LARGE = 0.05  # of the waiting pictures: from here on BADGE


@dataclass(frozen=True)
class StrategyRow:
    name: str
    words: str
    says: str  # what it does, one sentence
    missing: str  # what it lacks here, "" where it can choose


@dataclass(frozen=True)
class NextRoundPage:
    waiting: int  # pictures that may be chosen
    usual: str  # the strategy that is usual for what is known so far
    large: int  # samples: larger rounds are better drawn by BADGE
    strategies: tuple[StrategyRow, ...]


def next_round(dataset: Dataset) -> NextRoundPage:
    waiting = dataset.samples.waiting().count()
    return NextRoundPage(
        waiting=waiting,
        usual=choice.usual_strategy(dataset, min(USUAL_COUNT, waiting)),
        large=int(LARGE * waiting),
        strategies=tuple(
            StrategyRow(name, str(SelectionRound.Strategy(name).label), SAYS[name], _missing(dataset, name))
            for name in NAMES
        ),
    )


def _missing(dataset: Dataset, strategy: str) -> str:
    try:
        candidates.find(dataset, strategy)
    except NotReady as reason:
        return str(reason)
    return ""
