"""The purchase planner: its sentence, its table, its button; multipliers; and the ledger of forecasts."""

import re

import pytest
from django.urls import reverse

from labeling.models import Annotation, Dataset, LabelTask, SelectionRound
from tests.workbench import web_curves
from trainer.forecasts import jobs as forecast_jobs
from trainer.models import Curve, ForecastScore, Multiplier
from trainer.services import multipliers
from workbench.ledger.models import Job

pytestmark = pytest.mark.django_db
JSON = "application/json"
WISH = {"target": "90", "risk": "20", "rounds": "3", "budget": "100"}


@pytest.fixture
def parts(state, now):
    return web_curves.parts(now, pool=200)


@pytest.fixture
def curve(parts, now):
    return Curve.objects.get(pk=web_curves.make(parts, now).later)


def look(client, name, pk, **query):
    answer = client.get(reverse(name, args=[pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def buy(client, curve, *, follow=False, **change):
    return client.post(
        reverse("buy", args=[curve.pk]),
        follow=follow,
        data=WISH | {"total": "100", "queued": "0", "query": "target=90"} | change,
    )


# --- what must not happen


@pytest.mark.parametrize("change", [{"total": "99"}, {"total": ""}, {"target": "x"}, {"budget": "0"}])
def test_another_plan_than_the_one_on_the_page_is_not_bought(change, curve, sign_in):
    client = sign_in("admin")
    answer = buy(client, curve, **change)
    assert answer.url == f"{reverse('planner', args=[curve.pk])}?target=90"
    assert not SelectionRound.objects.exists()
    assert "othing was put into the queue" in client.get(answer.url).content.decode()


@pytest.mark.parametrize("query", ["//evil.example", "a=1\r\nX-Evil: 1", "%0d%0aX: 1"])
def test_the_way_back_leads_nowhere_else(query, curve, sign_in):
    answer = buy(sign_in("admin"), curve, total="1", query=query)
    assert answer.url.startswith(f"{reverse('planner', args=[curve.pk])}?")
    assert answer.headers["Location"].isprintable()
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(
    "wish",
    [
        {"target": "100"},
        {"target": "101"},
        {"target": "-1"},
        {"target": "many"},
        {"risk": "90"},
        {"rounds": "0"},
    ],
)
def test_a_wish_that_makes_no_sense_is_marked(wish, curve, sign_in):
    text = look(sign_in("engineer"), "planner", curve.pk, **WISH | wish)
    assert "field-error" in text
    assert "Put these" not in text


@pytest.mark.parametrize(
    "price", [{"price": "-1"}, {"price": "NaN"}, {"price": "1e9"}, {"currency": "doubloon"}]
)
def test_a_price_that_makes_no_sense_is_not_kept(price, curve, sign_in):
    client = sign_in("admin")
    answer = client.post(reverse("price", args=[curve.pk]), {"price": "1", "currency": "EUR"} | price)
    assert "must" in client.get(answer.url).content.decode()
    assert Dataset.objects.get(pk=curve.dataset_id).label_price == 0.2


def test_who_may_not_decide_sees_no_button(curve, sign_in):
    text = look(sign_in("engineer"), "planner", curve.pk, **WISH)
    assert "Which classes to buy" in text
    assert "Put these" not in text
    assert "Keep this price" not in text


def test_a_curve_without_a_forecast_names_no_labels(curve, sign_in):
    curve.forecasts.all().delete()
    text = look(sign_in("admin"), "planner", curve.pk, target="90")
    assert "This curve is not finished." in text
    assert "Put these" not in text


# --- what it says


def test_the_need_is_a_sentence_with_money_and_hours(curve, sign_in):
    text = look(sign_in("engineer"), "planner", curve.pk, **WISH)
    said = re.search(r'id="need">(.*?)</h2>', text)[1]
    assert re.fullmatch(r"[\d,]+ more labels \(80 %: .*\), about .* and .* hours, for 90 %\.", said)
    assert "A label takes 11.0 s" in text
    assert "If the last value stays, accuracy is" in text


def test_wrong_test_labels_set_a_ceiling(curve, sign_in):
    client = sign_in("engineer")
    assert "No model can measure above about 97.0 %" in look(client, "planner", curve.pk, **WISH)
    assert "lies above what can be measured" in look(client, "planner", curve.pk, target="99.9")
    text = look(client, "curve", curve.pk)
    assert "ceiling of the labels" in text
    assert "n = 80 audited items" in text
    assert "ceiling of the labels" not in look(client, "curve", curve.pk, metric="macro_f1")


def test_a_target_above_everything_is_said_to_be_so(curve, sign_in):
    Annotation.objects.filter(sample__split="test").delete()  # no ceiling: the recipe is what sets the limit
    text = look(sign_in("engineer"), "planner", curve.pk, target="99.9")
    assert "not reachable with this recipe" in text


def test_a_budget_is_shared_out_among_the_classes(curve, sign_in):
    told = (
        sign_in("engineer").get(reverse("api:plan", args=[curve.pk]), {"target": 0.9, "budget": 100}).json()
    )
    assert sum(one["targeted"] for one in told["classes"]) == told["total"] == 100
    assert told["mix"] == {one["name"]: one["targeted"] for one in told["classes"] if one["targeted"]}
    assert all(one["then"]["low"] <= one["then"]["value"] <= one["then"]["high"] for one in told["classes"])
    assert re.match(r"Targeted \+[\d.]+ points \(90 %: .*\), as it comes \+[\d.]+ points", told["comparison"])


def test_more_than_waits_cannot_be_bought(curve, sign_in):
    text = look(sign_in("engineer"), "planner", curve.pk, **WISH | {"budget": "900"})
    assert "Only 200 pictures wait for a label: the other 700 have to be found." in text


def test_without_a_wish_the_target_is_what_twice_the_labels_promise(curve, sign_in):
    ahead = curve.forecasts.get(metric="accuracy")
    text = look(sign_in("engineer"), "planner", curve.pk)
    target = float(re.search(r'name="target" value="([\d.]+)"', text)[1])
    expected = next(step["median"] for step in ahead.grid if step["n"] == 640)
    assert 0 <= target / 100 - expected < 0.005 + 1e-9


# --- the button


def test_one_click_puts_exactly_this_mix_into_the_queue(curve, sign_in):
    client = sign_in("admin")
    mix = client.get(reverse("api:plan", args=[curve.pk]), {"target": 0.9, "budget": 100}).json()["mix"]
    answer = buy(client, curve)
    job = Job.objects.latest("created_at")
    assert answer.url == reverse("job", args=[job.pk])
    chosen = SelectionRound.objects.get(pk=job.params["round_id"])
    assert chosen.mix == mix
    assert LabelTask.objects.filter(round=chosen).count() == 100


def test_a_purchase_is_not_made_twice(curve, sign_in):
    client = sign_in("admin")
    buy(client, curve)
    assert "Meanwhile the plan has become another one" in buy(client, curve, follow=True).content.decode()
    assert LabelTask.objects.count() == 100
    text = look(client, "planner", curve.pk, target="90")
    assert "100 pictures stand in the annotators" in text


def test_the_api_buys_too(curve, sign_in):
    wish = {"target": 0.9, "budget": 50}
    answer = sign_in("admin").post(reverse("api:buy", args=[curve.pk]), wish, content_type=JSON)
    assert answer.status_code == 202
    assert LabelTask.objects.count() == 50


def test_a_price_is_kept_and_can_be_taken_back(curve, sign_in):
    client = sign_in("admin")
    client.post(reverse("price", args=[curve.pk]), {"price": "0.35", "currency": "EUR"})
    kept = Dataset.objects.get(pk=curve.dataset_id)
    assert (kept.label_price, kept.currency) == (0.35, "EUR")
    client.post(reverse("price", args=[curve.pk]), {"price": "", "currency": "EUR"})
    assert Dataset.objects.get(pk=curve.dataset_id).label_price is None
    assert "nobody has said what a label costs" in look(client, "planner", curve.pk, **WISH)


# --- multipliers


def test_a_multiplier_is_told_with_its_band_and_both_curves(curve, sign_in):
    text = look(sign_in("engineer"), "multipliers", curve.dataset_id)
    assert "Worth 1.6x the labels (90 %: 1.2 to 2.1)." in text
    assert text.count('badge-leaf">shown') == 1
    assert text.count(">not shown</span>") == 1
    assert "needs at least 2 sizes" in text
    other = curve.dataset.curves.get(name="augmented")
    assert f"{reverse('curve', args=[curve.pk])}?others={other.pk}" in text


@pytest.mark.parametrize(("low", "shown"), [(0.9, False), (1.3, True)])
def test_a_multiplier_that_changes_is_shown_where_a_measured_size_is(low, shown, curve, now, sign_in):
    even, other = {"value": 1.0, "low": 0.5, "high": 2.0}, {"value": 1.5, "low": low, "high": 2.0}
    found = web_curves.PURE | {"verdict": "grows", "sizes": [even, other, {**other, "low": 1.4}]}
    multipliers.record(curve, curve.dataset.curves.first(), "macro_f1", found, now)
    path = reverse("api:multipliers", args=[curve.dataset_id])
    (told,) = sign_in("engineer").get(path, {"metric": "macro_f1"}).json()
    assert (told["shown"], len(told["sizes"])) == (shown, 3)


def test_what_a_job_finds_is_shown(curve, now, sign_in):
    other = curve.dataset.curves.get(name="augmented")
    found = forecast_jobs._worth(curve, other, "macro_f1", 1 / 6)  # as the job that closes a curve keeps it
    multipliers.record(curve, other, "macro_f1", found, now)
    (told,) = (
        sign_in("engineer")
        .get(reverse("api:multipliers", args=[curve.dataset_id]), {"metric": "macro_f1"})
        .json()
    )
    assert told["sentence"] == found["sentence"]
    assert told["worth"] == {end: found[end] for end in ("value", "low", "high")}
    assert 0 <= told["p_more"] <= 1
    assert found["sentence"] in look(sign_in("admin"), "multipliers", curve.dataset_id, metric="macro_f1")


def test_without_a_second_curve_there_is_a_way_to_one(curve, sign_in):
    Multiplier.objects.all().delete()
    text = look(sign_in("admin"), "multipliers", curve.dataset_id)
    assert "Nothing to compare yet" in text
    assert reverse("curve-new", args=[curve.dataset_id]) in text


def test_the_api_tells_multipliers_metric_by_metric(curve, sign_in):
    client = sign_in("engineer")
    told = client.get(reverse("api:multipliers", args=[curve.dataset_id])).json()
    assert {one["verdict"] for one in told} == {"pure", "not shown", "refused"}
    other = client.get(reverse("api:multipliers", args=[curve.dataset_id]), {"metric": "macro_f1"})
    assert other.json() == []


# --- the ledger


def test_the_ledger_tells_what_was_said_and_what_it_became(curve, sign_in):
    text = look(sign_in("engineer"), "forecasts", curve.dataset_id, metric="accuracy")
    row = ForecastScore.objects.get(forecast__metric="accuracy")
    said = f'we said <strong class="num">{100 * row.median:.1f}</strong>'
    assert said in text
    assert f"({100 * row.low:.1f} to {100 * row.high:.1f})" in text
    assert f"{100 * row.became:.1f}</a>" in text
    assert "1 of 30 scored forecasts are known: bands stand as the fit alone makes them." in text


def test_the_ledger_counts_what_lay_in_the_band(curve, sign_in):
    told = sign_in("engineer").get(reverse("api:forecasts", args=[curve.dataset_id])).json()
    rows = told["rows"]
    assert len(rows) == ForecastScore.objects.count() == 9  # three metrics, six classes
    assert told["record"]["covered"] == sum(row["inside"] for row in rows)
    assert told["record"]["bias"] == pytest.approx(sum(row["became"] - row["median"] for row in rows) / 9)
    assert len(told["info"]["misses"]) == 9


def test_an_empty_ledger_says_what_will_fill_it(curve, sign_in):
    ForecastScore.objects.all().delete()
    text = look(sign_in("engineer"), "forecasts", curve.dataset_id)
    assert "No forecast has been put to the test yet" in text
    assert "forecasts of 5 curves wait." in text
