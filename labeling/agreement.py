"""Several opinions of one sample: the consensus, and how far people agree."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Consensus(NamedTuple):
    """What most people say of one sample."""

    label: str
    share: float  # of the votes that say so, in (0, 1]
    votes: int


class Agreement(NamedTuple):
    """How far people agree over many samples."""

    items: int  # samples with at least two votes; the figures rest on these
    pairwise: float  # chance that two people who saw the same sample said the same, in [0, 1]
    alpha: float  # Krippendorff's, nominal: 1 is perfect, 0 is chance


def majority(votes: Sequence[str], key: str) -> Consensus | None:
    """Return the label that most votes name, or None without votes; `key` names the sample.

    A tie is decided by a hash of key and label: always the same way for a sample whatever the order of its
    votes, and in favor of no class over many samples.
    """
    if not votes:
        return None
    counts = Counter(votes)
    most = max(counts.values())
    tied = [label for label, count in counts.items() if count == most]
    label = min(tied, key=lambda one: hashlib.sha256(f"{key}:{one}".encode()).digest())
    return Consensus(label, most / len(votes), len(votes))


def measure(votes_by_sample: Iterable[Sequence[str]]) -> Agreement | None:
    """Return how far people agree, or None where no sample has two votes.

    Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, for nominal data with missing
    values; a sample of m votes weighs its ordered pairs by 1 / (m - 1).
    Where all votes of all samples name one label, chance agrees as well: alpha is 1 by agreement, as there.
    """
    shared = [Counter(votes) for votes in votes_by_sample if len(votes) > 1]
    if not shared:
        return None
    pairs = sum(c.total() * (c.total() - 1) for c in shared)
    alike = sum(n * (n - 1) for c in shared for n in c.values())
    observed = sum((c.total() ** 2 - sum(n * n for n in c.values())) / (c.total() - 1) for c in shared)
    totals: Counter[str] = sum(shared, Counter())
    all_votes = totals.total()
    expected = (all_votes**2 - sum(n * n for n in totals.values())) / (all_votes - 1)
    alpha = 1 - observed / expected if expected else 1.0
    return Agreement(len(shared), alike / pairs, alpha)
