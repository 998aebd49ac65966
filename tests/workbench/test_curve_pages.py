"""Learning curves: what their pages, their CSV and their API say, and where their points lead."""

import csv
import io
import json
import re

import pytest
from django.urls import reverse

from labeling.models import Dataset
from trainer.models import Curve, CurveCell, Run
from workbench.ledger.models import Job
from workbench.views.contexts import curve_presets
from workbench.views.contexts.curve_look import Look
from workbench.views.contexts.curves import curve_info

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def curve(rows):
    return Curve.objects.get(pk=rows.curve)


@pytest.fixture
def engineer(sign_in):
    return sign_in("engineer")


def look(client, name, pk, **query):
    answer = client.get(reverse(name, args=[pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def options(text, name="curve-options"):
    return json.loads(re.search(f'<script id="{name}" type="application/json">(.*?)</script>', text)[1])


def drawn(text):
    return {series["name"] for series in options(text)["light"]["series"]}


# --- what must not happen


@pytest.mark.parametrize(
    "query",
    [
        {"metric": "luck"},
        {"x": "moon"},
        {"scale": "cubic"},
        {"target": "-3"},
        {"target": "NaN"},
        {"label": "no such class"},
        {"others": "99999999999999999999"},
        {"others": "<b>"},
        {"others": "0"},
        {"group": "?"},
    ],
)
def test_a_choice_that_makes_no_sense_shows_what_is_usual(query, curve, engineer):
    usual = options(look(engineer, "curve", curve.pk, others=0))
    assert options(look(engineer, "curve", curve.pk, **{"others": 0} | query)) == usual


def test_a_curve_on_another_test_set_is_not_laid_over_it(curve, engineer):
    other = curve.dataset.curves.exclude(pk=curve.pk).real().first()
    assert len(drawn(look(engineer, "curve", curve.pk, others=other.pk))) == 6
    Curve.objects.filter(pk=other.pk).update(test_set="another")
    text = look(engineer, "curve", curve.pk, others=other.pk)
    assert len(drawn(text)) == 5
    assert f'name="others" value="{other.pk}"' not in text


def test_an_axis_that_nobody_can_tell_is_not_offered(curve, engineer):
    text = look(engineer, "curve", curve.pk, x="cost")
    assert "Cost (nobody has said what a label costs)" in text
    assert "Hours of labeling (too few labels were timed)" in text
    assert options(text) == options(look(engineer, "curve", curve.pk))


def test_a_curve_without_a_training_has_no_chart(curve, engineer):
    curve.cells.clear()
    text = look(engineer, "curve", curve.pk)
    assert "curve-options" not in text
    assert "No point yet" in text


def test_names_of_classes_never_become_html(curve, engineer):
    for name in ("curve", "curve-classes", "planner"):
        assert "<b>cat" not in look(engineer, name, curve.pk, label="<b>cat</b>")


# --- what the page says


@pytest.mark.parametrize(
    ("metric", "words"), [("balanced_accuracy", "Balanced accuracy"), ("macro_f1", "Macro F1")]
)
def test_every_metric_is_drawn(metric, words, curve, engineer):
    text = look(engineer, "curve", curve.pk, metric=metric)
    assert f'id="chart">{words}</h2>' in text
    assert options(text)["light"]["yAxis"]["name"] == f"{words} (%), 240 test items"


def test_the_address_restores_the_view(curve, engineer):
    Dataset.objects.filter(pk=curve.dataset_id).update(label_price=0.25, currency="EUR")
    other = curve.dataset.curves.exclude(pk=curve.pk).first()
    state = {"metric": "macro_f1", "x": "cost", "scale": "linear", "target": "91.5", "others": other.pk}
    text = look(engineer, "curve", curve.pk, **state)
    option = options(text)["light"]
    assert (option["xAxis"]["name"], option["xAxis"]["type"]) == ("Cost of the labels (EUR)", "value")
    assert any("target 91.5 %" in json.dumps(series.get("markLine", "")) for series in option["series"])
    told = "metric=macro_f1&amp;x=cost&amp;scale=linear&amp;target=91.5&amp;others="
    assert f"{reverse('curve-csv', args=[curve.pk])}?{told}{other.pk}" in text


def test_a_price_is_a_second_axis_over_the_labels(curve, engineer):
    assert isinstance(options(look(engineer, "curve", curve.pk))["light"]["xAxis"], dict)
    Dataset.objects.filter(pk=curve.dataset_id).update(label_price=0.25)
    labels, money = options(look(engineer, "curve", curve.pk))["light"]["xAxis"]
    assert money["max"] == pytest.approx(labels["max"] / 4)


def test_training_time_comes_from_the_receipts(curve, engineer):
    text = look(engineer, "curve", curve.pk, x="compute")
    assert "CPU-seconds of a training" in options(text)["light"]["xAxis"]["name"]
    assert "Nothing is forecast against the time of a training" in text


def test_its_quick_looks_are_laid_over_it_until_somebody_chooses(curve, engineer):
    ridge, mlp = (curve.tiers.get(tier=tier) for tier in ("ridge", "mlp"))
    first = f"Linear probe (ridge) on pixels, curve {ridge.pk}"
    second = f"Small network on fixed features: pixels, curve {mlp.pk}"
    assert drawn(look(engineer, "curve", curve.pk)) >= {first, second}
    assert not drawn(look(engineer, "curve", curve.pk, others=0)) & {first, second}
    assert drawn(look(engineer, "curve", curve.pk, others=ridge.pk)) & {first, second} == {first}


def test_heads_are_called_what_they_are(curve, engineer):
    head = curve.tiers.get(tier="ridge")
    text = look(engineer, "curve", curve.pk, others=head.pk, group="recipe")
    assert "Linear probe (ridge) on pixels" in drawn(text)
    own = look(engineer, "curve", head.pk)
    assert "A quick look: a head on fixed features" in own
    assert f'href="{reverse("curve", args=[curve.pk])}"' in own


@pytest.mark.parametrize(("group", "name"), [("recipe", "“augmented”"), ("policy", "policy gentle")])
def test_curves_are_grouped(group, name, curve, engineer):
    other = curve.dataset.curves.get(name="augmented")
    assert name in drawn(look(engineer, "curve", curve.pk, others=other.pk, group=group))


def test_labels_that_a_model_chose_are_told(curve, engineer):
    assert "12 of 320 labels were chosen by a model." in look(engineer, "curve", curve.pk)
    Curve.objects.filter(pk=curve.pk).update(n_chosen=0)
    assert "were chosen by a model" not in look(engineer, "curve", curve.pk)


def test_a_band_that_was_widened_says_so(curve, engineer):
    assert "times as wide" not in look(engineer, "curve", curve.pk)
    curve.forecasts.filter(metric="accuracy").update(widened=1.4)
    assert "It is 1.4 times as wide as the points alone say" in look(engineer, "curve", curve.pk)
    assert engineer.get(reverse("api:curve", args=[curve.pk])).json()["widened"] == 1.4


def test_a_target_leads_to_its_plan(curve, engineer):
    text = look(engineer, "curve", curve.pk, target=91.5, metric="macro_f1")
    assert f"{reverse('planner', args=[curve.pk])}?metric=macro_f1&amp;target=91.5" in text


def test_an_adaptive_plan_tells_how_far_it_is(curve, engineer):
    Curve.objects.filter(pk=curve.pk).update(budget=15, aim=640)
    assert "10 of at most 15 trainings are done" in look(engineer, "curve", curve.pk)


def test_a_class_is_shown_against_its_own_labels(curve, engineer):
    text = look(engineer, "curve", curve.pk, label="dog")
    assert "Recall of dog goes from" in text
    assert max(row[0] for row in options(text)["light"]["series"][3]["data"]) < 320


# --- its points


def test_every_point_leads_to_its_receipt(curve, engineer):
    text = look(engineer, "curve", curve.pk)
    keys = set(curve.cells.values_list("key", flat=True))
    assert {row[-1] for row in options(text)["light"]["series"][2]["data"]} == keys
    assert all(reverse("training", args=[key]) in text for key in keys)


def test_a_receipt_tells_what_was_trained_and_what_it_reached(rows, curve, engineer):
    cell = CurveCell.objects.get(key=rows.cell)
    text = look(engineer, "training", rows.cell)
    for words in ("320 labels", f"seed {cell.seed}", "on cpu", "2,560 steps", "Macro F1", "240 pictures"):
        assert words in text
    assert "&lt;b&gt;cat&lt;/b&gt;" in text
    assert reverse("curve", args=[curve.pk]) in text


# --- its numbers


def test_the_csv_holds_what_is_drawn(curve, engineer):
    Dataset.objects.filter(pk=curve.dataset_id).update(label_price=0.25)
    other = curve.dataset.curves.get(name="augmented")
    text = look(engineer, "curve-csv", curve.pk, x="cost", metric="macro_f1", others=other.pk)
    table = list(csv.DictReader(io.StringIO(text)))
    assert {row["curve"] for row in table} == {"“plain”", f"“augmented”, curve {other.pk}"}
    assert [row["kind"] for row in table if row["curve"] == "“plain”"].count("measured") == 10
    assert all(float(row["Cost of the labels (USD)"]) == int(row["labels"]) / 4 for row in table)
    first = curve.cells.order_by("n", "repeat").first()
    assert float(table[0]["macro_f1"]) == first.metrics["macro_f1"]["value"]


def test_the_notebook_fits_the_same_forecast_from_the_csv(curve, engineer, tmp_path, monkeypatch, capsys):
    text = look(engineer, "curve", curve.pk)
    snippet = re.search(r'aria-label="Python">(.*?)</pre>', text, re.S)[1]
    (tmp_path / f"curve-{curve.pk}.csv").write_text(look(engineer, "curve-csv", curve.pk))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(snippet.replace("&quot;", '"').replace("&#x27;", "'").replace("&gt;", ">"), names)
    kept = curve.forecasts.get(metric="accuracy").grid
    assert [step._asdict() for step in names["ahead"].steps] == kept
    assert "90 % band" in capsys.readouterr().out


def test_the_api_gives_the_page_s_numbers(curve, engineer):
    query = {"metric": "macro_f1", "target": 91.5, "x": "compute", "label": ""}
    told = engineer.get(reverse("api:curve", args=[curve.pk]), query).json()
    assert told == curve_info(curve, Look(metric="macro_f1", target=91.5, x="compute"))
    classes = engineer.get(reverse("api:classes", args=[curve.pk])).json()
    recalls = [one["sizes"][-1]["mean"] for one in classes["classes"]]
    assert recalls == sorted(recalls)


@pytest.mark.parametrize(
    "query", [{"metric": "luck"}, {"label": "no such class"}, {"target": 101}, {"x": "moon"}]
)
def test_the_api_refuses_what_makes_no_sense(query, curve, engineer):
    assert engineer.get(reverse("api:curve", args=[curve.pk]), query).status_code == 422


def test_a_training_tells_the_api_the_same(rows, engineer):
    told = engineer.get(reverse("api:training", args=[rows.cell])).json()
    assert (told["n"], told["steps"], told["device"]) == (320, 2560, "cpu")


# --- class by class


def test_the_worst_class_comes_first_with_its_test_items(curve, engineer):
    text = look(engineer, "curve-classes", curve.pk)
    option = options(text, "classes-options")["light"]
    assert option["title"][0]["text"] == "emu"
    assert all("test items" in title["subtext"] for title in option["title"])
    assert reverse("planner", args=[curve.pk]) in text


def test_a_class_without_test_items_says_so(curve, engineer):
    for cell in curve.cells.all():
        cell.metrics["classes"][1] |= {"n": 0, "recall": None}
        cell.save()
    text = look(engineer, "curve-classes", curve.pk)
    assert "No picture of this class is in the test set" in text
    assert len(options(text, "classes-options")["light"]["title"]) == 2


# --- starting one


def begin(client, rows, **wish):
    return client.post(
        reverse("curve-new", args=[rows.dataset]), {"preset": "standard", "recipe": "plain"} | wish
    )


@pytest.mark.parametrize(
    "wish",
    [
        {"preset": "endless"},
        {"recipe": "unheard of"},
        {"recipe": "run:99999999999999999999"},
        {"preset": "adaptive", "budget": ""},
        {"preset": "adaptive", "budget": 4},
        {"preset": "adaptive", "budget": 61},
        {"tiers": ["forest"]},
        {"seed": -1},
        {},
    ],
)
def test_a_senseless_wish_starts_nothing(wish, rows, sign_in):
    """The last one makes sense, but so few labels carry no curve: the page says so."""
    before = Curve.objects.count(), Job.objects.count()
    assert begin(sign_in("admin"), rows, **wish).status_code == 200
    assert (Curve.objects.count(), Job.objects.count()) == before


def test_a_recipe_that_an_older_version_wrote_is_refused_in_words(rows, sign_in):
    Run.objects.filter(pk=rows.run).update(name="own recipe", recipe={"network": "brain"})
    answer = begin(sign_in("admin"), rows, recipe=f"run:{rows.run}")
    assert "This recipe cannot be used any more" in answer.content.decode()


def test_what_was_chosen_is_what_starts(rows, sign_in, monkeypatch):
    asked = {}

    def start(dataset, **wanted):
        asked.update(wanted)
        return Job(params={"curve_id": rows.curve})

    monkeypatch.setattr("workbench.views.curves.work.start_curve", start)
    Run.objects.filter(pk=rows.run).update(name="own recipe")
    wish = {
        "preset": "adaptive",
        "budget": 12,
        "aim": 900,
        "recipe": f"run:{rows.run}",
        "tiers": ["logistic"],
    }
    answer = begin(sign_in("admin"), rows, **wish, seed=7)
    assert answer.url == reverse("curve", args=[rows.curve])
    design = asked["design"]
    assert (design.preset, design.budget, design.aim) == ("adaptive", 12, 900)
    assert asked["recipe"].to_json() == Run.objects.get(pk=rows.run).recipe
    assert (asked["tiers"], asked["seed"]) == (("logistic",), 7)


def test_only_recipes_without_a_name_are_those_of_runs(rows):
    dataset = Dataset.objects.get(pk=rows.dataset)
    assert curve_presets.own_recipes(dataset) == ()
    Run.objects.filter(pk=rows.run).update(name="own recipe")
    assert curve_presets.own_recipes(dataset) == ((f"run:{rows.run}", f"that of run #{rows.run}"),)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"preset": "adaptive", "budget": 4}, 422),
        ({"recipe": "unheard of"}, 422),
        ({"recipe": {"network": "brain"}}, 422),
        ({"tiers": ["forest"]}, 422),
        ({"preset": "adaptive", "budget": 10}, 409),
    ],
)
def test_the_api_starts_nothing_that_makes_no_sense(body, status, rows, sign_in):
    before = Curve.objects.count()
    answer = sign_in("admin").post(reverse("api:start_curve", args=[rows.dataset]), body, content_type=JSON)
    assert (answer.status_code, Curve.objects.count()) == (status, before)
