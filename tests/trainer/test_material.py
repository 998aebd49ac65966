import numpy as np
import pytest

from labeling.snapshot import Snapshot
from trainer.engine import material
from trainer.engine.material import Examples

PIXELS = np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3)
LABELS = np.array([0, 1, -1, 1])
KEYS = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("pixels", "labels", "keys", "message"),
    [
        (PIXELS.astype(float), LABELS, KEYS, "pixels must be uint8"),
        (PIXELS[..., 0], LABELS, KEYS, "pixels must be uint8"),
        (PIXELS, LABELS[:3], KEYS, "4 pictures, 3 labels and 4 keys"),
        (PIXELS, LABELS, KEYS[:2], "4 pictures, 4 labels and 2 keys"),
        (PIXELS, LABELS, KEYS, "without a label"),
    ],
)
def test_what_does_not_fit_together_is_refused(pixels, labels, keys, message):
    with pytest.raises(ValueError, match=message):
        Examples(pixels, labels, keys)


def test_rows_of_a_snapshot_become_examples_in_their_order():
    snapshot = Snapshot(
        classes=("x", "y"),
        ids=np.arange(4),
        keys=KEYS,
        files=(),
        labels=LABELS,
        is_test=np.zeros(4, bool),
        groups=KEYS,
        fingerprint="",
    )
    picked = material.pick(PIXELS, snapshot, np.array([3, 0]))
    assert picked.keys == ("d", "a")
    assert picked.labels.tolist() == [1, 0]
    assert np.array_equal(picked.pixels, PIXELS[[3, 0]])


def test_unchanged_pictures_come_once_each():
    examples = Examples(PIXELS[:2], LABELS[:2], KEYS[:2])
    made = material.as_they_are(examples)
    assert (made.n, made.bank.shape, made.rows.tolist(), made.enriched) == (2, (1, 2, 2, 2, 3), [0, 1], False)
