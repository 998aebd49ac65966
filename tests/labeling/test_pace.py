import pytest

from labeling.models import Annotation, Annotator, Dataset, Sample
from labeling.services import pace
from labeling.services.pace import InvalidPrice

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(now):
    return Dataset.objects.create(name="shapes", classes=["circle"], created_at=now)


def judged(dataset, now, seconds, *, simulated=False, source="label_studio", skipped=False):
    who = Annotator.objects.create(email=f"a{Annotator.objects.count()}@example.org", simulated=simulated)
    for lead in seconds:
        key = f"{Sample.objects.count()}"
        sample = Sample.objects.create(
            dataset=dataset, key=key, name=key, file=key, width=8, height=8, added_at=now
        )
        Annotation.objects.create(
            sample=sample, source=source, annotator=who, label="circle", skipped=skipped, lead_time_s=lead,
            created_at=now, updated_at=now,
        )  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [{"seconds": [4.0] * 9}, {"seconds": [None] * 20}, {"seconds": [0.0] * 20},
     {"seconds": [4.0] * 20, "source": "import"}, {"seconds": [4.0] * 20, "skipped": True}],
)  # fmt: skip
def test_no_pace_without_ten_timed_judgements(dataset, now, fields):
    judged(dataset, now, **fields)
    assert pace.pace(dataset) is None


def test_a_lunch_break_does_not_count(dataset, now):
    judged(dataset, now, [4.0] * 18 + [0.1, 3600.0])
    assert pace.pace(dataset) == pace.Pace(16, 4.0, 4.0, 4.0, simulated=False)


def test_people_speak_before_programs(dataset, now):
    judged(dataset, now, [0.1] * 50, simulated=True)
    assert pace.pace(dataset).simulated
    judged(dataset, now, [4.0] * 10)
    assert (pace.pace(dataset).seconds, pace.pace(dataset).simulated) == (4.0, False)


def test_the_interval_holds_the_median_and_repeats(dataset, now):
    judged(dataset, now, [float(k) for k in range(1, 41)])
    found = pace.pace(dataset)
    assert found.low < found.seconds < found.high
    assert found == pace.pace(dataset)


@pytest.mark.parametrize(
    ("price", "currency", "said"),
    [
        (-0.1, "USD", "must lie between 0 and 10,000, got -0.1"),
        (1e9, "USD", "must lie between 0 and 10,000, got 1e"),
        (float("nan"), "USD", "must lie between 0 and 10,000, got nan"),
        (0.2, "XYZ", "must be one of USD, EUR"),
    ],
)
def test_prices_that_are_none(dataset, price, currency, said):
    with pytest.raises(InvalidPrice, match=said):
        pace.set_price(dataset, price, currency)
    dataset.refresh_from_db()
    assert dataset.label_price is None


@pytest.mark.parametrize("price", [0.2, 0, None])
def test_a_price_is_written_down(dataset, price):
    pace.set_price(dataset, price, "EUR")
    dataset.refresh_from_db()
    assert (dataset.label_price, dataset.currency) == (price, "EUR")
