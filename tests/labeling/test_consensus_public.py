"""Consensus on public labels that are not ours; the READMEs beside them name their sources."""

import csv

import numpy as np
import pytest

from labeling import agreement
from labeling.consensus import dawid_skene, measures, table
from labeling.consensus.table import NOTHING


@pytest.fixture
def bluebirds(shared_data):
    """What 39 people said of 108 pictures (N, A), and the truth (N,)."""
    folder = shared_data / "multi-annotator" / "bluebirds"
    with (folder / "truth.csv").open() as file:
        truth = {row["item"]: int(row["label"]) for row in csv.DictReader(file)}
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    items, people = list(truth), sorted({row["worker"] for row in rows})
    said = np.full((len(items), len(people)), NOTHING, dtype=np.int16)
    for row in rows:
        said[items.index(row["item"]), people.index(row["worker"])] = int(row["label"])
    return said, np.array(list(truth.values()))


@pytest.fixture
def cifar10n(shared_data):
    """Three people's labels of the 50,000 training pictures of CIFAR-10 (N, 3), and the truth (N,)."""
    with np.load(shared_data / "curves" / "cifar10n" / "cifar10n_labels.npz") as kept:
        said = np.stack([kept[f"random_label{number}"] for number in (1, 2, 3)], axis=1)
        return said.astype(np.int16), kept["clean_label"].astype(np.int64)


def majority(said, seed=0):
    rows = enumerate(said.tolist())
    return np.array([int(agreement.majority(list(map(str, row)), f"{seed}:{i}").label) for i, row in rows])


def test_bluebirds_are_better_told_by_who_is_good_than_by_the_majority(bluebirds):
    said, truth = bluebirds
    weighed = dawid_skene.fit(said, 2, pooled=dawid_skene.few(said)).weighed
    assert not dawid_skene.few(said).any()
    assert (majority(said) == truth).mean() == pytest.approx(0.759, abs=5e-4)
    assert (weighed.labels == truth).mean() >= 0.88
    own = np.where(said == NOTHING, np.nan, said == truth[:, None])
    assert np.corrcoef(weighed.quality, np.nanmean(own, axis=0))[0, 1] > 0.9


def test_cifar10n_people_err_as_often_as_published(cifar10n):
    said, truth = cifar10n
    errors = 100 * (said != truth[:, None]).mean(axis=0)
    assert errors == pytest.approx([17.234, 18.122, 17.640], abs=1e-9)


def test_cifar10n_majority_errs_as_often_as_published_over_ties(cifar10n):
    said, truth = cifar10n
    counts = table.counts(said, 10)
    most = counts == counts.max(axis=1, keepdims=True)
    right = most[np.arange(len(truth)), truth] / most.sum(axis=1)
    assert 100 * (1 - right.mean()) == pytest.approx(8.82, abs=5e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_cifar10n_majority_with_our_ties_is_near_what_is_expected(cifar10n, seed):
    said, truth = cifar10n
    assert 100 * (majority(said, seed) != truth).mean() == pytest.approx(8.82, abs=0.2)


def test_cifar10n_pooled_dawid_skene(cifar10n):
    said, truth = cifar10n
    labels = dawid_skene.fit(said, 10, pooled=np.ones(3, dtype=bool)).weighed.labels
    assert 100 * (labels != truth).mean() == pytest.approx(7.96, abs=0.05)


def test_cifar10n_agreement_is_that_of_the_plain_measure(cifar10n):
    said, _ = cifar10n
    found = measures.agreement(said, 10, np.random.default_rng(0)).overall
    plain = agreement.measure(said[:5000].tolist())
    assert (found.percent.n, found.fleiss.n) == (50_000, 50_000)
    some = measures.agreement(said[:5000], 10, np.random.default_rng(0)).overall
    assert (some.percent.value, some.alpha.value) == pytest.approx((plain.pairwise, plain.alpha))
