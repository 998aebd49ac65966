"""What several people said of the same samples, as one table of class numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Said = NDArray[np.int16]  # (N, A) class numbers, NOTHING where a person did not say
NOTHING = -1


@dataclass(frozen=True, eq=False)
class Table:
    """N samples by A people; each sample has at least one opinion, each person gave at least one."""

    said: Said  # (N, A)
    ids: tuple[int, ...]  # (N,) primary keys of Sample
    people: tuple[int, ...]  # (A,) primary keys of Annotator
    classes: tuple[str, ...]  # K

    @property
    def votes(self) -> NDArray[np.int64]:
        """How many people looked at each sample (N,)."""
        return np.asarray((self.said != NOTHING).sum(axis=1))

    def rows(self, chosen: NDArray[np.bool_]) -> "Table":
        """Return the chosen samples (N,), and of the people those who said something of them."""
        said = self.said[chosen]
        spoke = (said != NOTHING).any(axis=0)
        ids = tuple(pk for pk, one in zip(self.ids, chosen, strict=True) if one)
        people = tuple(who for who, one in zip(self.people, spoke, strict=True) if one)
        return Table(said[:, spoke], ids, people, self.classes)


class Weighed(NamedTuple):
    """What a method makes of a table's opinions."""

    labels: NDArray[np.int64]  # (N,) class numbers
    confidence: NDArray[np.float64]  # (N,) how likely the label is right, in [0, 1]
    quality: NDArray[np.float64]  # (A,) how far to trust each person, in [0, 1]


def build(opinions: Mapping[int, Mapping[int, str]], classes: Sequence[str]) -> Table:
    """Return the table of opinions: sample -> person -> class; raises KeyError where a class is unknown."""
    numbers = {name: number for number, name in enumerate(classes)}
    ids = tuple(opinions)
    people = tuple(sorted({who for said in opinions.values() for who in said}))
    column = {who: number for number, who in enumerate(people)}
    said = np.full((len(ids), len(people)), NOTHING, dtype=np.int16)
    for row, pk in enumerate(ids):
        for who, label in opinions[pk].items():
            said[row, column[who]] = numbers[label]
    return Table(said, ids, people, tuple(classes))


def counts(said: Said, k: int) -> NDArray[np.int64]:
    """Return how many people named each of k classes (N, K).

    Raises ValueError where a number is no class.
    """
    if said.ndim != 2 or said.min(initial=0) < NOTHING or said.max(initial=NOTHING) >= k:
        raise ValueError(f"said must be (N, A) with class numbers in [-1, {k}), got shape {said.shape}")
    named = [(said == number).sum(axis=1) for number in range(k)]
    return np.array(named, dtype=np.int64).reshape(k, len(said)).T
