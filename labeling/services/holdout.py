"""The test split of a dataset whose labels come from people: drawn once, from what chance chose."""

from django.db import transaction

from labeling import splits
from labeling.models import Dataset, LabelTask, Sample

TEST_SHARE = 0.2  # as at import
LEAST_LABELS = 100  # randomly drawn: a test split of fewer than 20 pictures says next to nothing
LEAST_PER_CLASS = 2  # on average
LOT = 500  # rows per statement


def draw_test(dataset: Dataset) -> int:
    """Draw the test split from people's labels if the dataset has none; returns how many samples it holds.

    Nothing happens before LEAST_LABELS samples that were drawn at random (LabelTask.audit; all of a random
    round) have a label, LEAST_PER_CLASS times the classes where that is more, and two classes have two.
    Then TEST_SHARE of them, by class, goes to the test, with all their near-equal pictures; splits.assign
    tells which, salted with the dataset's name as at import.  Samples that a model chose are never drawn: a
    test set of doubtful pictures would measure something else than what comes along.

    From then on the split stands.  Without a test split nothing can be trained, so no model has seen what
    is drawn, and no run or curve that was opened before changes.
    """
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        if dataset.samples.testing().exists():
            return 0
        keys, labels, groups, ids = _material(dataset)
        known = [label for label in labels if label]
        often = [name for name in set(known) if known.count(name) > 1]
        if len(known) < max(LEAST_LABELS, LEAST_PER_CLASS * len(dataset.classes)) or len(often) < 2:
            return 0
        split = splits.assign(keys, labels, groups, TEST_SHARE, dataset.name)
        test = [pk for pk, side in zip(ids, split, strict=True) if side == Sample.Split.TEST]
        for start in range(0, len(test), LOT):
            Sample.objects.filter(pk__in=test[start : start + LOT]).update(split=Sample.Split.TEST)
    return len(test)


def _material(dataset: Dataset) -> tuple[list[str], list[str], list[str], list[int]]:
    """Return keys, labels, groups and ids (N,) of all samples; a label only where chance drew the sample."""
    drawn = set(
        LabelTask.objects.filter(round__dataset=dataset, audit=True).values_list("sample_id", flat=True)
    )
    rows = list(dataset.samples.values_list("pk", "key", "label", "duplicate_group"))
    return (
        [key for _, key, _, _ in rows],
        [label if pk in drawn else "" for pk, _, label, _ in rows],
        [group or key for _, key, _, group in rows],
        [pk for pk, _, _, _ in rows],
    )
