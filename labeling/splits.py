"""Which labeled samples are the test split: the ruler that nothing ever trains on."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence


def assign(
    keys: Sequence[str], labels: Sequence[str], groups: Sequence[str], test_share: float, salt: str
) -> list[str]:
    """Return "train" or "test" for each of N samples: a stratified draw of whole duplicate groups.

    Each class gives round(test_share * its samples), at least one, never all, as far as whole groups allow.
    A group belongs to the class that most of its members have.  Which groups go is told by a salted hash of
    their keys alone, so the order of the samples is no matter.  Samples without a label ("") train, unless
    their group goes to the test.

    The draw is made once for a dataset.  Who adds samples later keeps the split that stands and lets the new
    ones train: a test set that grows with the data makes yesterday's accuracy and today's incomparable.
    """
    if not len(keys) == len(labels) == len(groups):
        raise ValueError(f"one label and one group a key: got {len(keys)}, {len(labels)}, {len(groups)}")
    if not 0 <= test_share < 1:
        raise ValueError(f"test_share must lie in [0, 1), got {test_share}")
    ranks: dict[str, str] = {}  # group -> hash of its smallest key
    members: dict[str, Counter[str]] = defaultdict(Counter)  # group -> labels of its members
    for key, label, group in zip(keys, labels, groups, strict=True):
        ranks[group] = min(ranks.get(group, "~"), hashlib.sha256(f"{salt}:{key}".encode()).hexdigest())
        members[group][label] += label != ""
    strata: dict[str, list[str]] = defaultdict(list)
    for group in sorted(ranks, key=ranks.__getitem__):
        strata[_class_of(members[group])].append(group)
    strata.pop("", None)
    test = {g for found in strata.values() for g in _draw(found, members, test_share)}
    return ["test" if group in test else "train" for group in groups]


def _class_of(votes: Counter[str]) -> str:
    """Return the class that most members have; the first by name where two are equal."""
    return min(votes, key=lambda label: (-votes[label], label))


def _draw(groups: list[str], members: dict[str, Counter[str]], test_share: float) -> list[str]:
    """Return the groups of one class that test, from groups in the order of their hashes."""
    sizes = {group: members[group].total() for group in groups}
    total = sum(sizes.values())
    wanted = min(max(round(test_share * total), test_share > 0), total - 1)
    drawn = []
    for group in groups:
        if sizes[group] <= wanted:
            drawn.append(group)
            wanted -= sizes[group]
    return drawn
