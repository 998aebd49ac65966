import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling import splits


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


WORLDS = st.lists(st.tuples(st.sampled_from(["", "cat", "dog"]), st.integers(0, 30)), max_size=80)


def assign(world, share=0.2, salt="s"):
    keys = [key(i) for i in range(len(world))]
    return splits.assign(keys, [w[0] for w in world], [f"g{w[1]}" for w in world], share, salt)


@given(WORLDS, st.floats(0, 0.9))
def test_no_group_lies_in_both_splits(world, share):
    sides = {(group, side) for (_, group), side in zip(world, assign(world, share), strict=True)}
    assert len(sides) == len({group for group, _ in sides})


@given(WORLDS)
def test_a_sample_without_a_label_tests_only_with_its_group(world):
    labeled = {group for label, group in world if label}
    lone = [side for (_, group), side in zip(world, assign(world), strict=True) if group not in labeled]
    assert set(lone) <= {"train"}


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((["a"], [], ["g"], 0.2, ""), "one label and one group"),
        ((["a"], ["x"], ["g"], 1.0, ""), "test_share"),
        ((["a"], ["x"], ["g"], -0.1, ""), "test_share"),
    ],
)
def test_bad_arguments_are_refused(arguments, rule):
    with pytest.raises(ValueError, match=rule):
        splits.assign(*arguments)


def test_no_share_no_test():
    assert set(assign([("cat", i) for i in range(50)], share=0)) == {"train"}


@given(WORLDS, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_is_no_matter(world, random):
    keys = [key(i) for i in range(len(world))]
    before = dict(zip(keys, assign(world), strict=True))
    rows = list(range(len(world)))
    random.shuffle(rows)
    after = splits.assign(
        [keys[r] for r in rows], [world[r][0] for r in rows], [f"g{world[r][1]}" for r in rows], 0.2, "s"
    )
    assert dict(zip((keys[r] for r in rows), after, strict=True)) == before


def test_every_class_gives_its_share():
    world = [(label, i) for i, label in enumerate(["cat"] * 500 + ["dog"] * 100 + ["rare"] * 2)]
    test = Counter(label for (label, _), side in zip(world, assign(world), strict=True) if side == "test")
    assert test == {"cat": 100, "dog": 20, "rare": 1}


def test_a_class_of_one_picture_trains():
    assert assign([("cat", 0)]) == ["train"]


@given(st.integers(2, 60), st.floats(0.05, 0.8))
def test_lone_pictures_give_the_rounded_share_but_never_none_or_all(n, share):
    test = assign([("cat", i) for i in range(n)], share).count("test")
    assert test == min(max(round(share * n), 1), n - 1)


def test_another_salt_draws_another_test():
    world = [("cat", i) for i in range(200)]
    assert assign(world, salt="a") == assign(world, salt="a")
    assert assign(world, salt="a") != assign(world, salt="b")


def test_the_draw_is_fair():
    world = [("cat", i) for i in range(50)]
    times = np.sum([[s == "test" for s in assign(world, salt=str(i))] for i in range(400)], axis=0)
    # each picture tests in 400 x 0.2 = 80 draws, standard deviation 8: none may be 5 of them away
    assert np.abs(times - 80).max() < 40
