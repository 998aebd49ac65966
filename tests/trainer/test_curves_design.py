import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.curves import design

KEYS = [f"{i:03d}" for i in range(60)]
LABELS = np.repeat([0, 1, 2, 3], [30, 18, 9, 3])


def cells(keys=KEYS, labels=LABELS, seed=7):
    return design.cells(keys, labels, (16, 30, 60), (2, 2, 2), seed=seed)


def test_no_curve_of_too_few_labels():
    with pytest.raises(ValueError, match="needs at least 100 labels, got 99"):
        design.sizes(99, 10, design.PRESETS["standard"])


def test_sizes_and_repeats_must_match():
    with pytest.raises(ValueError, match="2 sizes, 1 repeats"):
        design.cells(KEYS, LABELS, (16, 60), (2,), seed=0)


@pytest.mark.parametrize(
    ("total", "classes", "preset", "expected"),
    [
        (5000, 10, "standard", (312, 625, 1250, 2500, 5000)),
        (5000, 10, "quick", (312, 1250, 5000)),
        (1280, 10, "standard", (80, 160, 320, 640, 1280)),
        (1279, 10, "standard", (160, 320, 640, 1279)),  # 1279 / 16 would leave fewer than 8 labels a class
        (400, 10, "thorough", (50, 100, 200, 400)),
        (200, 10, "standard", (50, 79, 126, 200)),  # 200 / 8 would leave fewer than 5
        (100, 10, "quick", (50, 71, 100)),
        (32, 2, "quick", (16, 23, 32)),
    ],
)
def test_sizes(total, classes, preset, expected):
    assert design.sizes(total, classes, design.PRESETS[preset]) == expected


def test_every_preset_trains_the_largest_size_most():
    assert all(max(preset.repeats) == preset.repeats[-1] for preset in design.PRESETS.values())


def test_a_cell_has_distinct_rows_and_its_size():
    assert [(cell.n, len(set(cell.rows.tolist()))) for cell in cells()] == [(16, 16), (30, 30), (60, 60)] * 2


def test_subsets_of_one_repeat_are_nested():
    small, middle, large, *_ = cells()
    np.testing.assert_array_equal(large.rows[:30], middle.rows)
    np.testing.assert_array_equal(middle.rows[:16], small.rows)


def test_repeats_draw_their_own_order_and_seeds():
    all_cells = cells()
    assert set(all_cells[0].rows.tolist()) != set(all_cells[3].rows.tolist())
    assert len({cell.seed for cell in all_cells}) == 6


def test_uneven_repeats_train_no_cell_too_many():
    drawn = design.cells(KEYS, LABELS, (16, 30, 60), (1, 2, 3), seed=0)
    assert sorted((cell.n, cell.repeat) for cell in drawn) == [
        *((16, 0), (30, 0), (30, 1)),
        *((60, 0), (60, 1), (60, 2)),
    ]


def test_same_seed_same_cells_other_seed_other_cells():
    first, again, other = cells()[0], cells()[0], cells(seed=8)[0]
    np.testing.assert_array_equal(first.rows, again.rows)
    assert first.seed == again.seed
    assert set(first.rows.tolist()) != set(other.rows.tolist())


def test_the_order_of_the_pool_does_not_matter():
    turned = cells(KEYS[::-1], LABELS[::-1])
    assert [KEYS[::-1][row] for row in turned[0].rows] == [KEYS[row] for row in cells()[0].rows]


@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_every_prefix_holds_each_class_in_proportion_within_one(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    keys = [f"{row:04d}" for row in range(len(labels))]
    drawn = labels[design.order(keys, labels, np.random.default_rng(seed))]
    held = np.cumsum(drawn[:, None] == np.arange(len(counts)), axis=0)
    due = np.arange(1, len(labels) + 1)[:, None] * np.array(counts) / len(labels)
    assert np.abs(held - due).max() < 1
    assert sorted(drawn) == sorted(labels)


RECIPE = {"network": "small", "steps": 100}


@pytest.mark.parametrize(
    "other",
    [
        ("test-b", ["a", "b"], ["x", "y"], RECIPE, 1),
        ("test-a", ["a", "c"], ["x", "y"], RECIPE, 1),
        ("test-a", ["a", "b"], ["x", "x"], RECIPE, 1),
        ("test-a", ["b", "a"], ["y", "x"], RECIPE, 1),  # order decides the batches
        ("test-a", ["a", "b"], ["x", "y"], {**RECIPE, "steps": 101}, 1),
        ("test-a", ["a", "b"], ["x", "y"], RECIPE, 2),
    ],
)
def test_whatever_changes_the_result_changes_the_key(other):
    assert design.cell_key("test-a", ["a", "b"], ["x", "y"], RECIPE, 1) != design.cell_key(*other)


def test_the_key_does_not_depend_on_the_order_of_the_recipe():
    turned = dict(reversed(RECIPE.items()))
    same = design.cell_key("t", ["a"], ["x"], turned, 1)
    assert same == design.cell_key("t", ["a"], ["x"], RECIPE, 1)


def test_a_test_set_is_named_by_its_items_and_labels_in_any_order():
    assert design.held_out_key(["a", "b"], ["x", "y"]) == design.held_out_key(["b", "a"], ["y", "x"])
    assert design.held_out_key(["a", "b"], ["x", "y"]) != design.held_out_key(["a", "b"], ["y", "x"])


def test_a_longer_curve_keeps_its_order_and_lets_new_labels_follow():
    labels = np.arange(60) % 3
    keys = [f"k{row:02d}" for row in range(60)]
    old = np.arange(0, 60, 2)
    before = design.cells([keys[r] for r in old], labels[old], [10, 30], [2, 2], seed=5)
    after = design.cells(keys, labels, [10, 30, 60], [2, 2, 2], seed=5, since=[old])
    known = {(cell.n, cell.repeat): [keys[old[r]] for r in cell.rows] for cell in before}
    again = {(cell.n, cell.repeat): [keys[r] for r in cell.rows] for cell in after if cell.n < 60}
    assert again == known
    assert [sorted(cell.rows.tolist()) for cell in after if cell.n == 60] == [list(range(60))] * 2


@pytest.mark.parametrize(
    ("sizes", "total", "longer"),
    [
        ((50, 100), 100, (50, 100)),
        ((50, 100), 118, (50, 100)),
        ((50, 100), 130, (50, 100, 130)),
        ((50, 100), 500, (50, 100, 200, 400, 500)),
        ((50, 100), 410, (50, 100, 200, 410)),
    ],
)
def test_a_longer_curve_goes_on_by_doublings(sizes, total, longer):
    assert design.longer(sizes, total) == longer


def test_long_tailed_cifar_has_its_published_counts():
    counts = design.long_tail(5000, 10, 100)
    assert counts == (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
    assert sum(counts) == 12_406


@pytest.mark.parametrize(("largest", "classes", "factor"), [(0, 10, 100), (10, 1, 100), (10, 2, 0.5)])
def test_tails_that_make_no_sense(largest, classes, factor):
    with pytest.raises(ValueError, match="need 2 classes"):
        design.long_tail(largest, classes, factor)
