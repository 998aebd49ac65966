import numpy as np
import pytest

from trainer.engine import stopping
from trainer.engine.stopping import Patience, Score

LABELS = np.repeat([0, 1, 2], [40, 20, 4])
ALONE = tuple(f"g{i}" for i in range(64))


def split(share, groups=ALONE, seed=0):
    return stopping.split(LABELS, groups, share, np.random.default_rng(seed))


# --- what must not happen


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_leaves_nothing_to_learn_is_refused(share):
    with pytest.raises(ValueError, match=r"share must lie in \[0, 1\)"):
        split(share)


def test_no_group_lies_on_both_sides():
    groups = tuple(f"g{i // 2}" for i in range(64))
    learning, watching = split(0.3, groups)
    assert not {groups[i] for i in learning} & {groups[i] for i in watching}


def test_a_lone_picture_of_a_class_stays_to_be_learned_from():
    learning, _ = stopping.split(np.array([0] * 9 + [1]), ALONE[:10], 0.5, np.random.default_rng(0))
    assert 9 in learning


def test_a_group_of_two_labels_does_not_take_a_class_away():
    labels, groups = np.array([0] * 8 + [1]), (*ALONE[:7], "twins", "twins")
    kept = [stopping.split(labels, groups, 0.5, np.random.default_rng(seed))[0] for seed in range(20)]
    assert all(8 in learning for learning in kept)


def test_few_pictures_are_no_ground_to_stop_on():
    assert "Early stopping looked at 40 pictures only: their accuracy of 80.0% is known within" in (
        stopping.warning(0.8, 40)
    )
    assert stopping.warning(0.8, 1000) == ""


# --- invariant


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5])
def test_every_row_is_on_one_side_and_classes_keep_their_shares(share):
    learning, watching = split(share)
    assert np.sort(np.r_[learning, watching]).tolist() == list(range(64))
    wanted = [min(round(share * n), n - 1) for n in (40, 20, 4)]
    assert np.bincount(LABELS[watching], minlength=3).tolist() == wanted


def test_the_seed_alone_decides():
    assert np.array_equal(split(0.25)[1], split(0.25)[1])
    assert not np.array_equal(split(0.25)[1], split(0.25, seed=1)[1])


# --- reference


@pytest.mark.parametrize(
    ("scores", "best", "over_at"),
    [
        ([0.5, 0.6, 0.6, 0.6, 0.6], 20, [40, 50]),  # patience 20 steps of 100
        ([0.5, 0.4, 0.3, 0.2, 0.9], 50, [30, 40]),
        ([0.1, 0.2, 0.3, 0.4, 0.5], 50, []),
    ],
)
def test_patience_counts_from_the_best_score(scores, best, over_at):
    patience = Patience(0.2, 100)
    over = []
    for number, accuracy in enumerate(scores, start=1):
        patience.look(Score(10 * number, accuracy, 1.0))
        over += [10 * number] * patience.is_over(10 * number)
    assert patience.best.step == best
    assert over == over_at


def test_of_equal_accuracies_the_lower_loss_is_better():
    assert Score(2, 0.5, 0.9).better(Score(1, 0.5, 1.0))
    assert not Score(2, 0.5, 1.0).better(Score(1, 0.5, 1.0))
