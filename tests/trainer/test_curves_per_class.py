import numpy as np
import pytest

from trainer.curves import per_class
from trainer.curves.per_class import ClassRuns

SIZES = (16, 32, 64, 128, 256)


def of(name, errors, n=SIZES, n_test=100, repeats=2):
    return ClassRuns(name, tuple(n), tuple((error,) * repeats for error in errors), n_test)


def noisy(name, law, rng, n_test=100):
    """A class with the binomial noise of n_test items, two runs a size."""
    runs = tuple(tuple((rng.binomial(n_test, law(n), 2) / n_test).tolist()) for n in SIZES)
    return ClassRuns(name, SIZES, runs, n_test)


def falling(rate, scale=1.5):
    return lambda n: 0.05 + min(scale * n**-rate, 0.9)


GOOD = of("good", [falling(0.5)(n) for n in SIZES])


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (of("crack", [0.5] * 5, n_test=0), 'Class "crack" has no test items: its recall cannot be measured.'),
        (
            ClassRuns("crack", SIZES, ((float("nan"),),) * 5, 0),
            'Class "crack" has no test items: its recall cannot be measured.',
        ),
        (
            of("crack", [0.5, 0.4, 0.3, 0.2, 0.2], n_test=9),
            'Class "crack" has 9 test items: too few to foresee its recall, which takes at least 10.',
        ),
        (of("crack", [0.5] * 5, n=(0, 0, 0, 0, 0)), 'Class "crack" has no label in any training.'),
        (
            of("crack", [0.0] * 5),
            'All 100 test items of class "crack" were recognized at every size: '
            "nothing is left to foresee on them.",
        ),
        (
            of("crack", [1.0] * 5),
            'None of the 100 test items of class "crack" was recognized at any size: '
            "when that begins cannot be foreseen.",
        ),
        (
            of("crack", [0.4, 0.3, 0.25, 0.2, 0.15], n=(1, 1, 1, 2, 3)),
            "A forecast needs sizes that span a factor of 4; this curve goes from 1 to 3 labels.",
        ),
        (
            of("crack", [0.4, 0.3], n=(10, 90)),
            "A forecast needs at least 3 sizes; this curve has 2.",
        ),
    ],
)
def test_a_class_that_carries_no_forecast_says_why_and_leaves_the_others_alone(one, sentence):
    ours, other = per_class.forecasts([one, GOOD])
    assert (ours.refused, ours.steps, ours.quantiles, ours.law) == (sentence, (), None, None)
    assert other == per_class.forecasts([GOOD])[0]
    assert other.steps


def test_sizes_without_runs_for_all_are_no_class():
    with pytest.raises(ValueError, match='class "crack": 5 sizes, but runs of 1'):
        per_class.forecasts([ClassRuns("crack", SIZES, ((0.5,),), 100)])


def test_no_class_no_forecast():
    assert per_class.forecasts([]) == ()


def test_equal_numbers_of_labels_are_one_size_and_none_is_no_size():
    errors = (0.9, 0.5, 0.7, 0.4, 0.3, 0.2)
    twice = ClassRuns("rare", (0, 4, 4, 8, 16, 32), tuple((error,) for error in errors), 100)
    once = ClassRuns("rare", (4, 8, 16, 32), ((0.5, 0.7), (0.4,), (0.3,), (0.2,)), 100)
    assert per_class.forecasts([twice]) == per_class.forecasts([once])


def test_repeats_that_differ_by_one_label_are_one_size():
    errors = ((0.5,), (0.52,), (0.4,), (0.41,), (0.3,), (0.32,), (0.2,), (0.21,))
    apart = ClassRuns("c", (16, 17, 32, 32, 64, 65, 127, 128), errors, 100)
    pairs = tuple(first + second for first, second in zip(errors[::2], errors[1::2], strict=True))
    together = ClassRuns("c", (16, 32, 64, 128), pairs, 100)
    assert per_class.forecasts([apart]) == per_class.forecasts([together])
    assert per_class.forecasts([apart])[0].flags == ()


def test_of_a_handful_every_label_counts():
    (found,) = per_class.forecasts([of("few", [0.8, 0.7, 0.6, 0.5, 0.4], n=(1, 2, 3, 4, 5))])
    assert found.steps[0].n == 1
    assert found.quantiles.n[-1] == 80


def test_a_constant_recall_between_is_said_to_be_what_chance_allows():
    (found,) = per_class.forecasts([of("crack", [0.2] * 5)])
    assert found.flags[0].startswith("All sizes scored the same, 80.0 %")
    assert found.steps[-1].high - found.steps[-1].low > 0.12


def test_recalls_are_forecast_against_the_labels_of_their_class():
    (found,) = per_class.forecasts([GOOD])
    assert (found.steps[0].n, found.steps[-1].n, found.quantiles.n[-1]) == (16, 2048, 4096)
    assert found.steps[-1].median == pytest.approx(1 - falling(0.5)(2048), abs=0.01)
    assert found.last_value == pytest.approx(1 - falling(0.5)(256))


def test_the_order_is_kept():
    rng = np.random.default_rng(0)
    classes = [noisy(str(k), falling(0.5, 1 + k / 4), rng) for k in range(4)]
    forward, backward = per_class.forecasts(classes), per_class.forecasts(classes[::-1])
    assert forward == backward[::-1]
    assert len({found.last_value for found in forward}) == 4


def test_classes_draw_one_another_to_their_common_rate():
    steep = [of(str(k), [falling(1.0, 12)(n) for n in SIZES]) for k in range(3)]
    doubtful = ClassRuns("doubtful", SIZES, tuple((error,) for error in (0.7, 0.5, 0.45, 0.3, 0.25)), 20)
    *_, pooled = per_class.forecasts([*steep, doubtful])
    (alone,) = per_class.forecasts([doubtful])
    assert pooled.law.rate > alone.law.rate


def test_two_classes_only_are_not_pooled():
    assert (
        per_class.forecasts([GOOD, of("other", [0.5, 0.4, 0.3, 0.25, 0.2])])[0]
        == (per_class.forecasts([GOOD])[0])
    )


def test_pooled_forecasts_of_planted_classes_are_nearer_and_covered():
    rng = np.random.default_rng(3)
    laws = [falling(0.6, scale) for scale in np.linspace(1, 4, 30)]
    classes = [noisy(str(k), law, rng, n_test=60) for k, law in enumerate(laws)]
    pooled, alone = (
        [found.steps[-1] for found in told]
        for told in (per_class.forecasts(classes), [per_class.forecasts([one])[0] for one in classes])
    )
    truth = np.array([1 - law(2048) for law in laws])

    def miss(steps):
        return np.abs([step.median for step in steps] - truth).mean()

    assert miss(pooled) < miss(alone)
    assert np.mean([step.low <= score <= step.high for step, score in zip(pooled, truth, strict=True)]) >= 0.8


def test_a_widened_band_is_wider():
    narrow, wide = (per_class.forecasts([GOOD], widen=widen)[0].steps[-1] for widen in (None, 2.0))
    assert wide.high - wide.low > narrow.high - narrow.low
