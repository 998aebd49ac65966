import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.snapshot import Snapshot
from trainer.engine import experiment, folds
from trainer.engine.device import Device
from trainer.engine.recipe import Recipe

RNG = np.random.default_rng


def snapshot(counts, groups=None, test=6, pool=3):
    """Labels by class of the training rows, then test rows of all classes, then rows that wait."""
    labels = np.concatenate([np.repeat(np.arange(len(counts)), counts), np.arange(test) % len(counts)])
    labels = np.concatenate([labels, np.full(pool, -1)]).astype(np.int64)
    keys = tuple(f"k{i}" for i in range(len(labels)))
    is_test = np.zeros(len(labels), bool)
    is_test[sum(counts) : sum(counts) + test] = True
    names = tuple("abcdef"[: len(counts)])
    alike = tuple(groups or ()) + keys[len(groups or ()) :]
    return Snapshot(names, np.arange(len(labels)), keys, (), labels, is_test, alike, "f")


def cut(frozen, seed=0):
    return folds.cut(frozen, RNG(seed))


# --- what must not happen


@pytest.mark.parametrize("counts", [(30,), (30, 1), (1, 1), (0, 0)])
def test_a_second_class_with_one_picture_carries_no_folds(counts):
    with pytest.raises(folds.NoFolds, match="two classes with two different labeled pictures"):
        cut(snapshot(counts))


def test_near_equal_pictures_count_once():
    with pytest.raises(folds.NoFolds, match="two classes"):
        cut(snapshot((3, 30), groups=["same"] * 3))


@settings(max_examples=40)
@given(st.lists(st.integers(2, 30), min_size=2, max_size=4), st.integers(0, 1000))
def test_near_equal_pictures_never_straddle_folds(counts, seed):
    drawn = [f"g{number}" for number in RNG(seed).integers(0, max(4, sum(counts) // 2), sum(counts))]
    drawn[0], drawn[1], drawn[-2], drawn[-1] = "first", "second", "third", "last"
    frozen = snapshot(tuple(counts), groups=drawn)
    found = cut(frozen, seed)
    pairs = {(frozen.groups[row], fold) for row, fold in zip(found.rows, found.fold, strict=True)}
    assert len(pairs) == len({group for group, _ in pairs})


def test_no_row_is_trained_on_in_the_fold_that_scores_it():
    frozen = snapshot((25, 30))
    found = cut(frozen)
    trained = [set(folds.as_test(frozen, found, fold).train_rows.tolist()) for fold in range(found.count)]
    scored = [set(folds.as_test(frozen, found, fold).test_rows.tolist()) for fold in range(found.count)]
    for ours, theirs in zip(trained, scored, strict=True):
        assert not ours & theirs
        assert ours | theirs == set(frozen.train_rows.tolist())
    assert sorted(row for rows in scored for row in rows) == frozen.train_rows.tolist()


def test_the_true_test_split_takes_no_part():
    frozen = snapshot((25, 30))
    turned = folds.as_test(frozen, cut(frozen), 0)
    assert not set(frozen.test_rows.tolist()) & {*turned.train_rows.tolist(), *turned.test_rows.tolist()}


def test_a_training_never_sees_a_picture_of_the_fold_it_scores():
    """Through the experiment that the job calls: what comes to training are the other folds' pictures."""
    frozen = snapshot((10, 12), test=2)
    found, seen = cut(frozen), []
    turned = folds.as_test(frozen, found, 1)
    pixels = RNG(0).integers(0, 256, (len(frozen.keys), 8, 8, 3), dtype=np.uint8)

    def prepare(examples):
        seen.extend(examples.keys)
        return experiment.material.as_they_are(examples)

    recipe = Recipe(resolution=8, width=4, min_steps=2, steps_per_root=0.0, precision="fp32")
    tested = experiment.carry_out(
        turned, pixels, turned.train_rows, recipe, seed=1, device=Device("cpu", "fp32"), prepare=prepare
    ).tested
    held = [frozen.keys[row] for row in found.rows[found.fold == 1]]
    assert tested.keys.tolist() == held
    assert sorted(seen) == sorted({frozen.keys[row] for row in found.rows} - set(held))


# --- how many, and how alike


@pytest.mark.parametrize(
    ("counts", "count", "note"),
    [
        ((20, 90), 5, ""),
        ((20, 0, 90), 5, ""),
        ((19, 90), 4, "4 folds instead of 5: the class a has 19 different labeled pictures."),
        ((90, 12), 3, "3 folds instead of 5: the class b has 12 different labeled pictures."),
        ((90, 3), 2, "2 folds instead of 5: the class b has 3 different labeled pictures."),
        (
            (90, 90, 1),
            2,
            "2 folds instead of 5: the class c has one labeled picture."
            " The model that judges it never saw its class.",
        ),
    ],
)
def test_how_many_folds_the_labels_carry(counts, count, note):
    found = cut(snapshot(counts))
    assert (found.count, found.note) == (count, note)


@given(st.lists(st.integers(4, 60), min_size=2, max_size=5), st.integers(0, 1000))
def test_every_fold_has_its_share_of_every_class(counts, seed):
    frozen = snapshot(tuple(counts))
    found = cut(frozen, seed)
    for label, count in enumerate(counts):
        shares = np.bincount(found.fold[frozen.labels[found.rows] == label], minlength=found.count)
        assert shares.max() - shares.min() <= 1
        assert shares.sum() == count
    sizes = np.bincount(found.fold, minlength=found.count)
    assert sizes.max() - sizes.min() <= len(counts)


def test_the_same_rng_cuts_the_same_folds():
    frozen = snapshot((25, 30))
    assert np.array_equal(cut(frozen).fold, cut(frozen).fold)
    assert not np.array_equal(cut(frozen).fold, cut(frozen, seed=1).fold)
