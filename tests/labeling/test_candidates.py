"""What strategies go by, from the records to the reason on each task."""

import numpy as np
import pytest
from test_choice import add, ask, predict

from labeling.models import Dataset, SelectionRound
from labeling.services import candidates, choice
from labeling.services.embeddings import record_embeddings
from labeling.strategies import book
from labeling.strategies.book import Candidates, Chosen
from labeling.strategies.reasons import SAYS, sentences

Strategy = SelectionRound.Strategy
BY_VECTORS = sorted(book.PICKERS)
BY_MODEL = ["entropy", "least_confidence", "badge", "cluster_margin"]


@pytest.fixture
def dataset(db, state, now) -> Dataset:
    return Dataset.objects.create(name="pets", classes=["cat", "dog", "fox"], created_at=now)


def embed(row, samples, vectors, source="pixels"):
    record_embeddings(
        row,
        [s.pk for s in samples],
        np.asarray(vectors, float),
        source=source,
        fingerprint="f",
        now=row.created_at,
    )


def world(row, n=40):
    """Pictures on a line, half of them in a heap; a model that doubts each."""
    samples, draw = add(row, n), np.random.default_rng(0)
    embed(
        row,
        samples,
        draw.normal(size=(n, 3)) + np.repeat([[0, 0, 9]], n, 0) * (np.arange(n) < n / 2)[:, None],
    )
    predict(row, samples, draw.dirichlet(np.ones(3), n))
    return samples


@pytest.mark.parametrize("strategy", BY_VECTORS)
def test_without_vectors_it_is_said_where_they_come_from(dataset, strategy):
    predict(dataset, add(dataset, 9), np.full((9, 3), 1 / 3))
    label = {"badge": "BADGE"}.get(strategy, Strategy(strategy).label.capitalize())
    with pytest.raises(
        candidates.NotReady, match=f"^{label} needs vectors of the pictures: embed them first"
    ):
        ask(dataset, strategy=strategy)
    assert not SelectionRound.objects.exists()


@pytest.mark.parametrize("strategy", BY_MODEL)
def test_without_a_model_it_is_said_that_one_is_missing(dataset, strategy):
    embed(dataset, add(dataset, 9), np.ones((9, 2)))
    label = {"badge": "BADGE"}.get(strategy, Strategy(strategy).label.capitalize())
    with pytest.raises(candidates.NotReady, match=f"^{label} needs a model's opinion of the pictures"):
        ask(dataset, strategy=strategy)


@pytest.mark.parametrize("strategy", ["random", *BY_VECTORS])
def test_a_mix_is_refused_where_no_doubt_ranks(dataset, strategy):
    world(dataset)
    with pytest.raises(ValueError, match=f"numbers per class go with margin, .* only, got {strategy}"):
        ask(dataset, 10, strategy=strategy, mix={"cat": 10})


def test_every_strategy_is_in_the_book_and_explained():
    assert set(Strategy.values) - SelectionRound.LOOKS_AGAIN == set(book.NAMES) == set(SAYS)


@pytest.mark.parametrize("strategy", ["entropy", "least_confidence"])
def test_a_mix_goes_with_every_doubt(dataset, strategy):
    world(dataset)
    assert ask(dataset, 10, strategy=strategy, mix={"cat": 5, "fox": 5}).expected


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        ("margin", r"The model hesitates between \w+ \(0.\d\d\) and \w+ \(0.\d\d\)\."),
        ("entropy", r"The model's belief is spread as over \d.\d classes, \w+ \(0.\d\d\) first\."),
        (
            "least_confidence",
            r"The model believes in the likeliest class no more than this: \w+ \(0.\d\d\)\.",
        ),
        ("k_center", r"No other picture lies farther from all that is labeled or was chosen before it\."),
        ("typical", r"Typical of a group of \d+ similar pictures\.|Alone of its kind\."),
        (
            "badge",
            r"Drawn by doubt and difference from the others: the model says \w+ \(.*\), else \w+ \(.*\)\.",
        ),
        (
            "cluster_margin",
            r"The model hesitates between \w+ .* and \w+ .*\.( One of \d+ similar pictures\.)?",
        ),
    ],
)
def test_every_picture_has_its_reason(dataset, strategy, says):
    world(dataset)
    done = ask(dataset, 10, strategy=strategy)
    tasks = done.tasks.filter(audit=False)
    assert done.strategy == strategy
    assert done.tasks.filter(audit=True).count() == 2
    assert tasks.filter(reason__regex=f"^({says})$").count() == 8
    assert [t.rank for t in done.tasks.order_by("score")] == list(range(10))


@pytest.mark.parametrize("strategy", BY_VECTORS)
def test_the_round_keeps_whose_vectors_and_which_model_it_went_by(dataset, strategy):
    world(dataset)
    done = ask(dataset, 10, strategy=strategy)
    assert done.vectors == "pixels"
    assert (done.prediction_set is not None) == book.needs_probs(strategy)


def test_a_models_own_vectors_go_with_its_opinion(dataset):
    samples = world(dataset)
    embed(dataset, samples, np.ones((40, 2)), source="run:1")
    embed(dataset, samples, np.ones((40, 4)), source="timm:other")
    assert ask(dataset, 5, strategy="badge").vectors == "run:1"
    assert ask(dataset, 5, strategy="k_center").vectors == "timm:other"


def test_a_cover_keeps_away_from_labeled_and_queued_pictures(dataset):
    samples = add(dataset, 12)
    turn = np.linspace(0, np.pi, 12)
    embed(dataset, samples, np.stack([np.cos(turn), np.sin(turn)], axis=1))
    dataset.samples.filter(pk=samples[0].pk).update(label="cat")
    first = ask(dataset, 2, strategy="k_center", random_share=0.5)
    queued = first.tasks.get(audit=True).sample
    far = max(
        abs(samples.index(first.tasks.get(audit=False).sample) - place)
        for place in (0, samples.index(queued))
    )
    assert far >= 4


def test_pictures_without_a_vector_come_last_and_are_told(dataset):
    embed(dataset, add(dataset, 5), np.random.default_rng(0).normal(size=(5, 2)))
    blind = add(dataset, 30)
    tasks = ask(dataset, 20, strategy="k_center").tasks.filter(audit=False)
    late = tasks.filter(sample__in=blind)
    assert set(late.values_list("reason", flat=True)) == {
        "It has no vector yet, or no model has seen it: drawn at random among such."
    }
    assert max(tasks.exclude(sample__in=blind).values_list("rank", flat=True)) < min(
        late.values_list("rank", flat=True)
    )


@pytest.mark.parametrize("name", book.NAMES)
def test_the_longest_reason_fits_its_column(name):
    probs = np.array([[0.5, 0.5]])
    none = np.empty((1, 0), dtype=np.float32)
    chosen = Chosen(np.array([0]), np.array([False]), np.array([50_000]), probs[0, :1], np.array([True]))
    (said,) = sentences(name, Candidates(probs, none, none), chosen, ["c" * 100, "d" * 100])
    assert len(said) <= 200


@pytest.mark.parametrize(
    ("labels", "count", "vectors", "model", "usual"),
    [
        (0, 20, False, False, "random"),
        (0, 20, True, False, "typical"),
        (0, 20, True, True, "typical"),
        (0, 30, True, False, "random"),
        (150, 30, True, True, "random"),
        (200, 30, True, True, "margin"),
        (200, 30, True, False, "random"),
    ],
)
def test_the_usual_strategy_follows_what_is_known(dataset, labels, count, vectors, model, usual):
    add(dataset, labels, label="cat")
    samples = add(dataset, 5)
    [embed(dataset, samples, np.ones((5, 2))) for _ in range(vectors)]
    [predict(dataset, samples, np.full((5, 3), 1 / 3)) for _ in range(model)]
    assert choice.usual_strategy(dataset, count) == usual
