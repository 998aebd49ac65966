"""What the pages say, and what they must never say."""

import json
import re
from dataclasses import asdict

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from labeling.label_studio import server
from labeling.models import Annotation, Dataset, LabelProject, Sample
from trainer.engine.recipe import NAMED
from trainer.models import Forecast, Run
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.models import Advice

pytestmark = pytest.mark.django_db

PAGES = [
    ("datasets", None),
    ("dataset", "dataset"),
    ("samples", "dataset"),
    ("sample", "sample"),
    ("runs", "dataset"),
    ("run", "run"),
    ("run", "other"),
    ("models", "dataset"),
    ("curve", "curve"),
    ("compare", ("run", "other")),
    ("import-report", "report"),
    ("jobs", None),
    ("job", "job"),
    ("job", "failed"),
    ("train", "dataset"),
    ("retraining", "dataset"),
    ("features", "dataset"),
    ("studies", "dataset"),
    ("study", "study"),
    ("curve-new", "dataset"),
    ("next-round", "dataset"),
    ("dataset-delete", "dataset"),
    ("dataset-new", None),
    ("password", None),
]
INLINE = re.compile(r"""<[^>]+\s(style|on[a-z]+)=|<style|<script(?![^>]*(\ssrc=|application/json))""", re.I)


def text_of(client, name, *args, **query):
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def in_order(text, *words):
    places = [text.index(word) for word in words]
    return places == sorted(places)


@pytest.mark.parametrize(("name", "argument"), PAGES)
def test_no_page_lets_names_become_code(name, argument, rows, sign_in):
    arguments = argument if isinstance(argument, tuple) else [argument] * bool(argument)
    text = text_of(sign_in("admin"), name, *(getattr(rows, one) for one in arguments))
    assert "<b>cat" not in text
    assert "<img src=x>" not in text
    assert "<script>" not in text
    assert not INLINE.search(text)


@pytest.mark.parametrize(
    "word", ["Advice", "plain", "Learning curve", "Policies", "Jobs", "Start a training", "Retrain"]
)
def test_an_annotator_sees_no_models(word, rows, sign_in):
    assert word not in text_of(sign_in("annotator"), "dataset", rows.dataset)


@pytest.mark.parametrize(
    "word", ["Start a training", "Take it", "Delete", "Choose the next round", "Retrain now"]
)
def test_an_engineer_is_offered_nothing_that_would_be_refused(word, rows, sign_in):
    assert word not in text_of(sign_in("engineer"), "dataset", rows.dataset)


def test_the_dataset_page_begins_with_advice(rows, sign_in):
    text = text_of(sign_in("engineer"), "dataset", rows.dataset)
    assert in_order(text, ">Advice<", "Compute a learning curve", "Labels per class", "Annotators")


def test_a_gain_shows_with_its_interval_and_n(rows, sign_in):
    text = text_of(sign_in("engineer"), "dataset", rows.dataset)
    assert in_order(
        text,
        "+2.0 points",
        "(90 %: \N{MINUS SIGN}1.0 to +5.0)",
        "n = 18",
        "not shown: the interval holds zero",
    )


def test_what_starts_nothing_is_not_taken_but_done(rows, sign_in):
    text = text_of(sign_in("admin"), "dataset", rows.dataset)
    assert (text.count(">Take it<"), text.count(">Done<")) == (1, 1)
    assert in_order(text, "Compute a learning curve", ">Take it<", "Look again at 7 labels", ">Done<")


def test_a_comparison_says_whether_it_is_shown(rows, sign_in):
    text = text_of(sign_in("engineer"), "run", rows.other)
    words = "not the luck of training."
    assert in_order(
        text, "plain</a> vs", "+5.0 points", "(95 %: +1.0 to +9.0)", "n = 18", "p = 0.040", ">shown<", words
    )


@pytest.mark.parametrize(
    ("kept", "shown"),
    [(0.25, ">0.250</span>"), ({"value": 0.25, "low": 0.2, "high": 0.3}, ">0.200 to 0.300<")],
)
def test_losses_show_their_intervals_and_old_runs_show_bare_ones(kept, shown, rows, sign_in):
    run = Run.objects.get(pk=rows.run)
    Run.objects.filter(pk=rows.run).update(metrics={**run.metrics, "nll": kept})
    client = sign_in("engineer")
    assert in_order(text_of(client, "run", rows.run), "negative log-likelihood", shown)
    told = dict(client.get(reverse("api:run", args=[rows.run])).json()["figures"])["negative log-likelihood"]
    assert told["value"] == 0.25


@pytest.mark.parametrize(("page", "argument"), [("dataset", "dataset"), ("sample", "sample")])
def test_a_simulated_annotator_says_so_and_a_person_does_not(page, argument, rows, sign_in):
    text = re.sub(r"<[^>]+>", "", text_of(sign_in("engineer"), page, getattr(rows, argument)))
    assert re.search(r"bot@example\.org\s+simulated", text)
    assert not re.search(r"ada@example\.org\s+simulated", text)


def test_people_who_never_met_on_a_sample_have_no_agreement(rows, sign_in):
    Annotation.objects.filter(annotator__simulated=True).update(deleted_at=timezone.now())
    assert "Krippendorff" not in text_of(sign_in("annotator"), "dataset", rows.dataset)


def test_agreement_shows_with_its_interval_and_n(rows, sign_in):
    client, (ada, bot) = sign_in("annotator"), Annotation.objects.order_by("pk")
    text = text_of(client, "dataset", rows.dataset)
    assert in_order(text, ">Annotators<", "0.0 %", "0.0 to 79.3", "n = 1 picture,", "alpha 0.00")
    Annotation.objects.filter(pk=bot.pk).update(label=ada.label)
    assert in_order(text_of(client, "dataset", rows.dataset), "100.0 %", "20.7 to 100.0", "n = 1 picture,")
    told = client.get(reverse("api:dataset", args=[rows.dataset])).json()
    assert (told["agreement"]["n"], told["agreement"]["pairwise"]["value"]) == (1, 1.0)


def test_an_empty_list_names_the_next_step(sign_in):
    assert "Import pictures" in text_of(sign_in("admin"), "datasets")
    assert "An admin of this workbench imports" in text_of(sign_in("annotator"), "datasets")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 18),
        ({"split": "test"}, 6),
        ({"state": "unlabeled"}, 5),
        ({"label": "dog"}, 4),
        ({"label": "dog", "split": "test"}, 1),
        ({"state": "disputed"}, 7),
        ({"state": "twins"}, 0),
        ({"q": '"1'}, 9),
        ({"order": "doubt", "page": "99999999999999999999"}, 18),
        ({"label": "no such class", "order": "?", "state": "--"}, 18),
    ],
)
def test_filters_live_in_the_address(query, count, rows, sign_in):
    assert f'<span class="num">{count}</span> of 18 pictures' in text_of(
        sign_in("annotator"), "samples", rows.dataset, **query
    )


@pytest.mark.parametrize("asked", ["abc", "-1", "1.5", "", "9" * 30, "9" * 5000])
def test_an_import_into_what_is_no_dataset_names_none(asked, rows, sign_in):
    text = text_of(sign_in("admin"), "dataset-new", dataset=asked)
    assert "Animals" not in text


def test_an_import_into_a_dataset_names_it(rows, sign_in):
    assert 'value="Animals"' in text_of(sign_in("admin"), "dataset-new", dataset=rows.dataset)


def test_the_plan_is_shown_before_it_acts(rows, sign_in):
    client, before = sign_in("admin"), Job.objects.count()
    sent = {"recipe": "plain", "rebalance": "0.5", "look": "plan"}
    answer = client.post(reverse("train", args=[rows.dataset]), sent)
    assert "What your own choices do to the classes" in answer.content.decode()
    assert Job.objects.count() == before


def shown_schedule(answer):
    text = answer.content.decode()
    return re.search(r'data-chart="schedule-([^"]+)" role="img" aria-label="([^"]+)"', text).groups()


def test_the_learning_rate_of_the_asked_preset_is_drawn(rows, sign_in):
    client, place = sign_in("admin"), reverse("train", args=[rows.dataset])
    name, said = shown_schedule(client.get(f"{place}?recipe=residual"))
    assert (name, said[:34]) == ("residual", "The rate climbs to 0.1 until step ")
    assert shown_schedule(client.get(f"{place}?recipe=nonsense"))[0] == "plain"


def test_the_learning_rate_of_own_choices_is_drawn_sent_or_suggested(rows, sign_in):
    client, place = sign_in("admin"), reverse("train", args=[rows.dataset])
    sent = {"recipe": "plain", "schedule": "restarts", "learning_rate": "0.3", "look": "plan"}
    name, said = shown_schedule(client.post(place, sent))
    assert (name, said[:33]) == ("own", "The rate falls 3 times from 0.3 t")
    name, said = shown_schedule(client.get(f"{place}?learning_rate=0.03"))
    assert (name, said[:30]) == ("own", "The rate climbs to 0.03 until ")


def test_a_recipe_that_cannot_be_trained_starts_nothing(rows, sign_in):
    client, before = sign_in("admin"), Job.objects.count()
    answer = client.post(reverse("train", args=[rows.dataset]), {"recipe": "plain", "rebalance": "7"})
    assert "less than or equal to 1" in answer.content.decode()
    assert Job.objects.count() == before


def test_a_preset_tells_what_its_last_run_took_and_no_other_recipes(rows, sign_in):
    client = sign_in("admin")
    Run.objects.filter(name="augmented").update(recipe=NAMED["residual"].to_json())
    presets = {one.name: one for one in client.get(reverse("train", args=[rows.dataset])).context["presets"]}
    assert (presets["augmented"].took_s, presets["augmented"].took_n) == (None, None)
    assert (presets["plain"].took_s, presets["plain"].took_n) == (75.0, 9)


@pytest.mark.parametrize(
    ("asked", "recipe", "learning_rate"),
    [
        ({"recipe": "residual", "learning_rate": "0.03"}, "residual", "0.03"),
        ({"recipe": "<b>", "learning_rate": "<b>"}, "plain", "<b>"),
        ({"seed": "1", "bogus": "2"}, "plain", None),
    ],
)
def test_the_address_fills_the_form(asked, recipe, learning_rate, rows, sign_in):
    answer = sign_in("admin").get(reverse("train", args=[rows.dataset]), asked)
    form = answer.context["form"]
    assert (form["recipe"].value(), form["learning_rate"].value(), form["seed"].value()) == (
        recipe,
        learning_rate,
        None,
    )
    assert form.is_touched == (learning_rate is not None)
    assert "<b>" not in answer.content.decode()


def test_starting_a_training_leads_to_its_run(rows, sign_in):
    client = sign_in("admin")
    answer = client.post(reverse("train", args=[rows.dataset]), {"recipe": "plain", "seed": "5"}, follow=True)
    job = Job.objects.get(work="trainer.jobs.train")
    assert answer.redirect_chain == [(f"/runs/{job.params['run_id']}/", 302)]
    assert job.requested_by == "admin"
    assert "Waits for a free worker" in answer.content.decode()


def test_too_few_labels_for_a_curve_are_told_in_words(rows, sign_in):
    answer = sign_in("admin").post(reverse("curve-new", args=[rows.dataset]), {"preset": "quick"})
    assert "needs at least" in answer.content.decode()


def test_deleting_asks_for_the_name(rows, sign_in):
    client = sign_in("admin")
    Job.objects.all().delete()
    for name, left in (("animals", 1), ("Animals", 0)):
        client.post(reverse("dataset-delete", args=[rows.dataset]), {"name": name})
        assert Dataset.objects.count() == left


def test_a_dataset_at_work_is_not_deleted(rows, sign_in):
    answer = sign_in("admin").post(reverse("dataset-delete", args=[rows.dataset]), {"name": "Animals"})
    assert "A job still works on it: Advice for Animals" in answer.content.decode()
    assert Dataset.objects.count() == 1


@pytest.mark.parametrize("folder", ["", "leaves", "/no/such/folder", "/etc/passwd"])
def test_an_import_needs_a_folder_that_is_there(folder, sign_in):
    sent = {"name": "Leaves", "folder": folder, "keep_labels": "all"}
    assert sign_in("admin").post(reverse("dataset-new"), sent).status_code == 200
    assert not Dataset.objects.exists()


def test_taking_advice_starts_what_it_asks_for(rows, sign_in, settings):
    client = sign_in("admin")
    client.post(reverse("advice-take", args=[rows.idea]))
    assert Advice.objects.get(pk=rows.idea).state == Advice.State.TAKEN
    client.post(reverse("advice-take", args=[rows.advice]))  # too few labels: a sentence, and it stays open
    assert Advice.objects.get(pk=rows.advice).state == Advice.State.OPEN


@pytest.mark.parametrize("name", ["sample-picture", "sample-thumbnail"])
def test_a_picture_cannot_act_as_a_page(name, rows, sign_in):
    answer = sign_in("annotator").get(reverse(name, args=[rows.sample]))
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == 'inline; filename="\\"1\\".png"'
    assert "private" in answer["Cache-Control"]


def test_a_large_picture_gets_a_small_one_that_is_kept(rows, sign_in, state):
    Image.new("RGB", (1000, 400), "teal").save(state / "media" / "large.png")
    Sample.objects.filter(pk=rows.sample).update(file="large.png", width=1000, height=400)
    client = sign_in("annotator")
    answers = [client.get(reverse("sample-thumbnail", args=[rows.sample])) for _ in range(2)]
    assert answers[0].content == answers[1].content
    (kept,) = (state / "thumbnails").rglob("*.webp")
    with Image.open(kept) as small:
        assert small.size == (256, 102)


@pytest.mark.parametrize("name", ["sample-picture", "sample-thumbnail"])
def test_a_picture_whose_file_is_gone_is_not_found(name, rows, sign_in):
    Sample.objects.filter(pk=rows.sample).update(file="gone.png")
    assert sign_in("annotator").get(reverse(name, args=[rows.sample])).status_code == 404


def test_the_curve_says_the_same_in_every_form(rows, sign_in):
    client = sign_in("engineer")
    Forecast.objects.filter(curve=rows.curve).update(flags=["Every size was trained once."])
    info = client.get(reverse("api:curve", args=[rows.curve])).json()
    page = text_of(client, "curve", rows.curve)
    table = client.get(reverse("curve-csv", args=[rows.curve])).content.decode().splitlines()
    assert info["summary"] in page
    assert "Every size was trained once." in page
    assert table[0] == "kind,labels,seed,accuracy,low,high,curve"
    assert [line.split(",")[0] for line in table[1:]] == ["measured"] * 10 + ["forecast"] * len(
        info["forecast"]
    )


def test_a_failed_job_says_what_happened_and_can_run_again(rows, sign_in):
    text = text_of(sign_in("admin"), "job", rows.failed)
    assert in_order(text, "Run again", "What happened", "No Label Studio answers.", "&lt;script&gt;")


def test_label_studio_is_said_to_be_missing(rows, sign_in):
    assert "Label Studio was never started here." in text_of(sign_in("annotator"), "dataset", rows.dataset)


@pytest.mark.parametrize(
    ("state_word", "reason", "sentence"),
    [
        ("starting", "", "Label Studio is still starting"),
        ("failed", "no disk", "Label Studio is not running: no disk."),
    ],
)
def test_label_studio_is_said_to_be_down(state_word, reason, sentence, rows, sign_in, studio, settings):
    children = {"label-studio": {"state": state_word, "reason": reason, "since": ""}}
    status = {"pid": 1, "children": children}
    (settings.STATE_DIR / "status.json").write_text(json.dumps(status))
    assert sentence in text_of(sign_in("annotator"), "dataset", rows.dataset)


@pytest.fixture
def studio(rows, state, settings, now):
    """An embedded Label Studio that was started once, with one project."""
    settings.LABEL_STUDIO_DIR = state / "label-studio"
    server.make_secrets(settings.LABEL_STUDIO_DIR)
    return LabelProject.objects.create(
        dataset_id=rows.dataset, server_url="", ls_id=7, title="Animals", created_at=now
    )


def test_a_person_is_signed_in_on_the_way_to_label_studio(rows, studio, sign_in, settings):
    client = sign_in("annotator")
    assert "Open in Label Studio" in text_of(client, "dataset", rows.dataset)
    there = [client.get(reverse("label", args=[rows.dataset]))["Location"] for _ in range(2)]
    assert there[0].startswith(f"http://127.0.0.1:{settings.LABEL_STUDIO_PORT}/seedbed/open?t=")
    assert there[0] != there[1]


def test_a_foreign_label_studio_is_a_plain_link(rows, studio, sign_in, settings):
    settings.LABEL_STUDIO_URL = "https://labels.example.org"
    LabelProject.objects.update(server_url=settings.LABEL_STUDIO_URL)
    there = sign_in("annotator").get(reverse("label", args=[rows.dataset]))["Location"]
    assert there == "https://labels.example.org/projects/7/data"


def test_open_jobs_of_runs_and_rounds_show_on_their_dataset(rows, sign_in):
    submit("trainer.jobs.train", "Train something", run_id=rows.run)
    submit("trainer.jobs.train", "Train something else", run_id=rows.run + 1000)
    text = text_of(sign_in("engineer"), "dataset", rows.dataset)
    assert "Train something<" in text
    assert "Train something else" not in text


def test_pages_ask_the_database_a_bounded_number_of_times(rows, sign_in, django_assert_max_num_queries):
    client = sign_in("engineer")
    with django_assert_max_num_queries(37):
        text_of(client, "dataset", rows.dataset)


@pytest.mark.parametrize("argument", sorted({"dataset", "run", "curve", "sample"}))
def test_ids_too_large_for_a_database_are_not_found(argument, rows, sign_in):
    assert argument in asdict(rows)
    assert sign_in("admin").get(reverse(argument, args=[10**30])).status_code == 404


def test_an_import_without_labels_may_name_the_classes(state, sign_in):
    form = {"name": "Screws", "folder": str(state), "keep_labels": "all", "classes": "good, scratch,, dent "}
    answer = sign_in("admin").post("/datasets/new", form)
    job = Job.objects.get()
    assert answer.url == f"/jobs/{job.pk}/"
    assert job.params["classes"] == ["good", "scratch", "dent"]
