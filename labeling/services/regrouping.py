"""Groups of near-equal pictures, joined anew where pictures got a wide hash after their import."""

from collections.abc import Collection

import numpy as np

from labeling import duplicates
from labeling.models import Dataset


def join_near(dataset: Dataset, ids: Collection[int]) -> int:
    """Join the groups of these samples with those near them by the wide hash; returns how many groups went.

    Only groups of one split are joined: those of two would straddle it, and what is near across the split is
    told as a leak (inspection.leaks).  A joined group is named after the smallest of its names.
    Call it in a transaction that holds the dataset's row.
    """
    wanted = dataset.samples.exclude(wide_hash="").exclude(duplicate_group="").order_by("pk")
    rows = list(wanted.values_list("pk", "wide_hash", "duplicate_group", "split"))
    is_new = np.array([row[0] in ids for row in rows], dtype=np.bool_)
    name = {row[2]: row[2] for row in rows}

    def root(group: str) -> str:
        while name[group] != group:
            name[group] = group = name[name[group]]
        return group

    for a, b in duplicates.wide_pairs([row[1] for row in rows], is_new).tolist():
        if rows[a][3] == rows[b][3]:
            low, high = sorted((root(rows[a][2]), root(rows[b][2])))
            name[high] = low
    gone = [group for group in name if root(group) != group]
    for group in gone:
        dataset.samples.filter(duplicate_group=group).update(duplicate_group=root(group))
    return len(gone)
