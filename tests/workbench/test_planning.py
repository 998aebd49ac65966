import numpy as np
import pytest

from labeling.models import Dataset, Sample
from labeling.services import pace
from trainer.curves import forecast, outlook
from trainer.curves.outlook import Outlook, Point
from trainer.curves.requirement import Verdict
from trainer.models import Curve, CurveCell
from trainer.services import forecasts, outlooks
from trainer.services.forecasts import Kept
from workbench.services import planning
from workbench.services.planning import Wish

pytestmark = pytest.mark.django_db

SIZES = (50, 100, 200, 400, 800)
CLASSES = ("cat", "dog", "fox")
SHARES = (0.6, 0.3, 0.1)
RATES = (0.5, 0.5, 0.5)
SCALES = (0.6, 0.8, 1.5)  # of the classes' errors: the fox is hard


@pytest.fixture
def dataset(now):
    made = Dataset.objects.create(name="pets", classes=list(CLASSES), created_at=now)
    labels = np.repeat(CLASSES, [480, 240, 80])
    Sample.objects.bulk_create(
        [sample(made, number, now, label=label) for number, label in enumerate(labels)]
        + [sample(made, 1000 + number, now, predicted=CLASSES[number % 10 // 9]) for number in range(500)]
    )
    return made


def sample(dataset, number, now, **fields):
    return Sample(
        dataset=dataset, key=f"{number:064}", name=f"{number}", file="f", width=8, height=8,
        duplicate_group=f"{number:064}", added_at=now, **fields,
    )  # fmt: skip


def recall(place, n):
    return 1 - 0.02 - SCALES[place] * max(n * SHARES[place], 1) ** -RATES[place]


@pytest.fixture
def curve(dataset, now):
    """A finished curve whose classes follow known laws; its forecasts are the library's own."""
    made = Curve.objects.create(
        dataset=dataset, recipe={}, fingerprint="f", test_set="t", sizes=list(SIZES), repeats=[2] * 5,
        n_test=900, seed=1, created_at=now,
    )  # fmt: skip
    for number, n in enumerate(SIZES * 2):
        figures = [recall(place, n) + 0.002 * (-1) ** (number + place) for place in range(3)]
        metrics = {
            **{name: interval(float(np.mean(figures))) for name in outlooks.METRICS},
            "classes": [{"n": 300, "precision": None, "recall": interval(value)} for value in figures],
        }
        counts = {name: round(n * share) for name, share in zip(CLASSES, SHARES, strict=True)}
        made.cells.add(
            CurveCell.objects.create(
                key=f"{number}", dataset=dataset, n=n, repeat=number // 5, seed=number, counts=counts,
                metrics=metrics, receipt={}, created_at=now,
            )
        )  # fmt: skip
    return made


def interval(value):
    return {"value": value, "low": value - 0.02, "high": value + 0.02}


@pytest.fixture
def forecasted(curve, now):
    kept = [Kept("accuracy", "", forecast.of_points(outlooks.outlook_of(curve), 0.33), 0.33, 1.0)]
    for name, look in outlooks.class_outlooks(curve):
        kept.append(Kept("recall", name, forecast.of_points(look, 0.0), 0.0, 1.0))
    forecasts.record(curve, kept, now)
    return curve


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"target": 1.0}, "the target must lie in"),
        ({"target": 0.9, "risk": 0.9}, "risk must lie in"),
        ({"target": 0.9, "rounds": 0}, "at least one round"),
        ({"target": 0.9, "budget": 0}, "budget must lie in"),
    ],
)
def test_wishes_that_make_no_sense(wish, said):
    with pytest.raises(ValueError, match=said):
        Wish(**wish)


def test_an_unfinished_curve_promises_nothing(curve):
    found = planning.plan(curve, Wish(0.95))
    assert (found.need.verdict, found.purchase, found.mix) == (Verdict.REFUSED, None, {})
    assert found.need.sentence == "This curve is not finished."


def test_a_target_far_above_the_curve_is_not_promised(forecasted):
    found = planning.plan(forecasted, Wish(0.9999))
    assert found.need.verdict in (Verdict.UNREACHABLE, Verdict.TOO_FAR)
    assert found.need.middle is None


def test_a_target_below_the_curve_is_reached(forecasted):
    assert planning.plan(forecasted, Wish(0.5)).need.verdict == Verdict.REACHED


def test_a_purchase_has_its_size_and_favors_the_hard_class(forecasted):
    found = planning.plan(forecasted, Wish(0.97, budget=100))
    rows = {row.name: row for row in found.rows}
    assert sum(found.mix.values()) == found.budget == 100
    assert rows["fox"].targeted > rows["fox"].as_it_comes
    assert rows["fox"].then.median > rows["fox"].plain.median > rows["fox"].recall
    assert all(row.then.low <= row.then.median <= row.then.high for row in found.rows)


def test_no_more_is_bought_than_waits(forecasted):
    found = planning.plan(forecasted, Wish(0.97, budget=100_000))
    assert found.budget == 500
    assert all(row.targeted <= row.pool for row in found.rows)


LAWLESS = {"law": None, "quantiles": None, "grid": [], "refused": "No test item."}


def test_a_class_without_a_law_comes_as_the_pool_has_it(forecasted):
    forecasted.forecasts.filter(label="fox").update(**LAWLESS)
    found = planning.plan(forecasted, Wish(0.97, budget=100))
    rows = {row.name: row for row in found.rows}
    assert found.refused == "Nothing can be foreseen of fox, which come as the pool has them."
    assert rows["fox"].refused == "No test item."
    assert rows["fox"].targeted == rows["fox"].as_it_comes > 0
    assert sum(found.mix.values()) == 100


def test_two_classes_without_a_law_leave_the_mix_to_chance(forecasted):
    forecasted.forecasts.filter(label__in=["fox", "dog"]).update(**LAWLESS)
    found = planning.plan(forecasted, Wish(0.97, budget=100))
    assert (found.purchase, found.mix) == (None, {})
    assert found.refused == "Nothing can be foreseen of dog, fox: pictures are best taken as they come."


def test_a_class_without_errors_asks_for_no_labels_beyond_the_pools_share(forecasted):
    forecasted.forecasts.filter(label="cat").update(**LAWLESS)
    for cell in forecasted.cells.all():
        cell.metrics["classes"][0]["recall"] = interval(1.0)
        cell.save()
    found = planning.plan(forecasted, Wish(0.97, budget=100))
    rows = {row.name: row for row in found.rows}
    assert found.refused == ""
    assert rows["cat"].targeted < rows["cat"].as_it_comes


def test_price_and_pace_make_the_bill(forecasted, dataset):
    pace.set_price(dataset, 0.2, "USD")
    last = outlooks.outlook_of(forecasted).forecast.last_value
    found = planning.plan(forecasted, Wish(last + 0.005))
    assert found.need.bill.money == pytest.approx(0.2 * found.need.middle)
    assert found.need.bill.hours is None


def test_a_far_purchase_has_no_outcome():
    look = Outlook("recall", 10, (Point(10, 0, 0, 0.5, 0.4, 0.6),), None)
    assert planning._outcome(look, 10 * outlook.REACH + 1) == planning.Outcome(81, None, None, None)
