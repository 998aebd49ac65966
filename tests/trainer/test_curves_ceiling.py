import numpy as np
import pytest

from trainer.curves import ceiling


@pytest.mark.parametrize(("wrong", "audited"), [(0, 0), (0, 49), (49, 49)])
def test_few_audited_items_give_no_ceiling(wrong, audited):
    assert ceiling.ceiling(wrong, audited, 10) is None


@pytest.mark.parametrize(
    ("wrong", "audited", "classes", "said"),
    [
        (-1, 100, 10, "got -1 of 100"),
        (101, 100, 10, "got 101 of 100"),
        (5, 100, 1, "at least 2 classes, got 1"),
    ],
)
def test_counts_that_cannot_be(wrong, audited, classes, said):
    with pytest.raises(ValueError, match=said):
        ceiling.ceiling(wrong, audited, classes)


def test_the_ceiling_is_what_is_not_wrong_with_its_wilson_interval():
    """10 of 100: the published Wilson interval of 90 of 100 is 0.8256 to 0.9448."""
    found = ceiling.ceiling(10, 100, 10)
    assert found.score == pytest.approx((0.9, 0.8256, 0.9448), abs=5e-5)


def test_no_error_found_is_no_proof_of_none():
    found = ceiling.ceiling(0, 100, 10)
    assert found.score.value == found.score.high == 1
    assert found.score.low == pytest.approx(0.963, abs=5e-4)


def test_half_the_labels_wrong_of_two_classes_leave_no_difference():
    assert ceiling.ceiling(50, 100, 2).shrink.value == 0
    assert ceiling.ceiling(90, 100, 2).shrink == (0, 0, 0)


def test_intervals_hold_their_value_and_shrink_with_more_audited():
    few, many = ceiling.ceiling(5, 100, 3), ceiling.ceiling(50, 1000, 3)
    assert few.score.low < many.score.low < many.score.value < many.score.high < few.score.high
    assert few.shrink.low < many.shrink.low < many.shrink.value < many.shrink.high < few.shrink.high


def test_planted_errors_cap_and_shrink_as_said():
    """Two models of 95 and 85 % on 400,000 items of 4 classes, a fifth of the labels wrong."""
    rng, n, classes = np.random.default_rng(0), 400_000, 4
    truth = rng.integers(0, classes, n)
    given = noisy(truth, 0.2, classes, rng)
    good, poor = noisy(truth, 0.05, classes, rng), noisy(truth, 0.15, classes, rng)
    found = ceiling.ceiling(int((truth[:2000] != given[:2000]).sum()), 2000, classes)
    measured = [(called == given).mean() for called in (truth, good, poor)]
    assert found.score.low < measured[0] < found.score.high
    assert found.shrink.low < (measured[1] - measured[2]) / 0.1 < found.shrink.high


def noisy(labels, rate, classes, rng):
    wrong = rng.random(len(labels)) < rate
    return np.where(wrong, (labels + rng.integers(1, classes, len(labels))) % classes, labels)


def test_the_sentence_tells_the_audit():
    assert ceiling.ceiling(10, 100, 10).sentence == (
        "No model can measure above about 90.0 % (95 %: 82.6 to 94.5): 10 of 100 audited labels were wrong."
    )
