"""The contract of all strategies, then what is each one's own."""

import numpy as np
import pytest

from labeling import selection
from labeling.strategies import badge, book, clusters, kcenter, seeding, typical
from labeling.strategies.book import Candidates, Mix
from labeling.strategies.pool import Pool

NONE = np.empty((0, 4), dtype=np.float32)
ALL = pytest.mark.parametrize("name", book.NAMES)
VECTORS = pytest.mark.parametrize("name", sorted(book.PICKERS))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def world(n: int = 60, seed: int = 0, spoken_for: int = 3, blind: int = 0) -> Candidates:
    """Candidates with 4 numbers and 3 classes; the last `blind` have neither vector nor opinion."""
    draw = rng(seed)
    vectors = draw.normal(size=(n + spoken_for, 4)).astype(np.float32)
    probs = draw.dirichlet(np.ones(3), n)
    if blind:
        vectors[n - blind : n], probs[n - blind :] = np.nan, np.nan
    return Candidates(probs, vectors[:n], vectors[n:])


# --- what must not happen


@ALL
@pytest.mark.parametrize("count", [1, 7, 60, 99])
@pytest.mark.parametrize("blind", [0, 20, 59, 60])
def test_no_row_comes_twice_and_as_many_come_as_there_are(name, count, blind):
    rows = book.choose(name, world(blind=blind), count, 0.2, rng(count)).rows.tolist()
    assert len(set(rows)) == len(rows) == min(count, 60)
    assert set(rows) <= set(range(60))


@ALL
@pytest.mark.parametrize("share", [0.0, 0.15, 0.5])
def test_the_random_share_is_never_thinner_than_asked(name, share):
    audit = book.choose(name, world(), 21, share, rng()).audit
    assert audit.sum() >= share * 21


@pytest.mark.parametrize("name", [one for one in book.NAMES if one != "random"])
def test_the_random_share_is_no_larger_either(name):
    assert book.choose(name, world(), 20, 0.2, rng()).audit.sum() == 4


@pytest.mark.parametrize("name", [one for one in book.NAMES if one != "random"])
def test_what_cannot_be_judged_comes_last_and_is_told(name):
    chosen = book.choose(name, world(blind=30), 50, 0.2, rng(1))
    rows, known = chosen.rows[~chosen.audit], chosen.known[~chosen.audit]
    assert known.tolist() == (rows < 30).tolist()
    assert (np.diff(known.astype(int)) <= 0).all()
    assert 0 < known.sum() < len(known)


@VECTORS
def test_equal_pictures_are_chosen_all_the_same(name):
    same = Candidates(np.full((30, 3), 1 / 3), np.ones((30, 4), np.float32), NONE)
    assert len(set(book.choose(name, same, 30, 0.2, rng()).rows.tolist())) == 30


@VECTORS
def test_one_candidate_is_enough(name):
    assert book.choose(name, world(1), 5, 0.0, rng()).rows.tolist() == [0]


@VECTORS
def test_nothing_needs_to_be_labeled_before(name):
    assert len(book.choose(name, world(spoken_for=0), 10, 0.0, rng()).rows) == 10


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match=r"strategy must be one of random, margin, .*, got 'best'"):
        book.choose("best", world(), 5, 0.2, rng())


@pytest.mark.parametrize("name", ["random", *sorted(book.PICKERS)])
def test_numbers_per_class_are_refused_where_no_order_serves_them(name):
    mix = Mix(np.array([2, 2, 1]), world().probs)
    with pytest.raises(ValueError, match=f"numbers per class go with margin, .* only, got {name}"):
        book.choose(name, world(), 5, 0.2, rng(), mix)


# --- what must happen


@ALL
def test_the_same_seed_chooses_the_same(name):
    first, second = (book.choose(name, world(), 20, 0.2, rng(5)) for _ in range(2))
    assert first.rows.tolist() == second.rows.tolist()
    assert first.audit.tolist() == second.audit.tolist()


@ALL
def test_the_random_share_is_a_fair_sample(name):
    drawn, few = np.zeros(12), world(12)
    for seed in range(600):
        chosen = book.choose(name, few, 5, 0.2, rng(seed))
        drawn[chosen.rows[chosen.audit][:1]] += 1
    # one of 12 a draw: 50 each, deviation 6.8
    assert np.abs(drawn - 50).max() < 30


@pytest.mark.parametrize("name", ["margin", "entropy", "least_confidence", "k_center"])
def test_the_order_of_the_candidates_does_not_matter(name):
    given, order = world(), rng(9).permutation(60)
    turned = Candidates(given.probs[order], given.vectors[order], given.spoken_for)
    plain = book.choose(name, given, 15, 0.0, rng()).rows
    assert order[book.choose(name, turned, 15, 0.0, rng()).rows].tolist() == plain.tolist()


@pytest.mark.parametrize("name", sorted(book.DOUBTS))
def test_numbers_per_class_are_served_by_every_doubt(name):
    given = world()
    rows = book.choose(name, given, 9, 0.0, rng(), Mix(np.array([3, 3, 3]), given.probs)).rows
    assert np.bincount(given.probs[rows].argmax(1)).tolist() == [3, 3, 3]


@pytest.mark.parametrize("name", [*sorted(book.DOUBTS), "cluster_margin"])
def test_by_doubt_the_most_doubtful_is_labeled_first(name):
    chosen = book.choose(name, world(), 20, 0.2, rng())
    assert (np.diff(chosen.doubt[~chosen.audit]) <= 0).all()


# --- doubts


def test_doubts_are_those_of_their_definitions():
    probs = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert selection.entropy(probs) == pytest.approx([1.5 * np.log(2) / np.log(3), 0, 1])
    assert selection.least_confidence(probs) == pytest.approx([0.75, 0, 1])


@pytest.mark.parametrize("name", sorted(book.DOUBTS))
def test_a_doubt_knows_no_order_of_classes_and_stays_in_range(name):
    probs = rng(3).dirichlet(np.full(5, 0.3), 200)
    doubt = book.DOUBTS[name](probs)
    assert ((doubt >= 0) & (doubt <= 1)).all()
    assert book.DOUBTS[name](probs[:, ::-1]) == pytest.approx(doubt)
    assert np.isnan(book.DOUBTS[name](np.full((1, 5), np.nan))).all()


# --- k-center


def plain_cover(x, centers, count):
    """Every pick against all rows, in double precision."""
    x, picks = x.astype(np.float64), []
    nearest = np.min([((x - one) ** 2).sum(1) for one in centers.astype(np.float64)], axis=0)
    for _ in range(count):
        picks.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((x - x[picks[-1]]) ** 2).sum(1))
    return picks


@pytest.mark.parametrize("candidates", [1, 2, 5, 40, 1000, 5000])
@pytest.mark.parametrize("offset", [0, 100])
def test_rounds_pick_what_the_plain_search_picks(candidates, offset):
    x = (rng(1).normal(size=(3000, 16)) + offset).astype(np.float32)
    cloud = kcenter.Points(x[20:], x[:20])
    assert kcenter.cover(cloud, 200, candidates) == plain_cover(x[20:], x[:20], 200)


def test_equal_distances_go_to_the_first_row():
    corners = np.array([[0, 0], [1, 1], [-1, -1], [1, -1], [-1, 1]], np.float32)
    assert kcenter.cover(kcenter.Points(corners, corners[:1]), 4, 2) == [1, 2, 3, 4]


def test_a_cover_begins_in_the_middle_where_nothing_is_labeled():
    line = np.arange(11, dtype=np.float32)[:, None]
    assert kcenter.pick(Pool(line, line[:, :0], line[:0]), 3, rng()).rows.tolist() == [5, 0, 10]


def test_a_cover_keeps_away_from_what_is_labeled():
    line = np.arange(11, dtype=np.float32)[:, None]
    assert kcenter.pick(Pool(line, line[:, :0], line[:3]), 2, rng()).rows.tolist() == [10, 6]


# --- draws in proportion to squared distances


def chances(between, first, count):
    """The law of k-means++: the chance of each ordered continuation after `first`."""
    n, found = len(between), {(first,): 1.0}
    for _ in range(count):
        following = {}
        for drawn, chance in found.items():
            far = between[list(drawn)].min(0)
            following |= {(*drawn, row): chance * far[row] / far.sum() for row in range(n) if far[row] > 0}
        found = following
    return found


def gradients(probs, vectors):
    slopes = probs - np.eye(probs.shape[1])[probs.argmax(1)]
    return np.einsum("nk,nd->nkd", slopes, vectors).reshape(len(probs), -1)


@pytest.mark.parametrize("told", [1, 2, 64])
def test_badge_draws_by_the_law_of_k_means_plus_plus(told, monkeypatch):
    """Chi-square of 20,000 draws of three after the first, all orders apart, against exact chances."""
    monkeypatch.setattr(seeding, "TOLD", told)
    given = world(7)
    made = gradients(given.probs, given.vectors.astype(np.float64))
    between = ((made[:, None] - made[None]) ** 2).sum(2)
    first = int((made**2).sum(1).argmax())
    law = chances(between, first, 3)
    pool, seen, draw = Pool(given.vectors, given.probs, NONE), dict.fromkeys(law, 0), rng(4)
    for _ in range(20_000):
        seen[tuple(badge.pick(pool, 4, draw).rows.tolist())] += 1
    expected = np.array(list(law.values())) * 20_000
    often = expected >= 5
    seldom = expected[~often].sum()
    chi = ((np.array(list(seen.values()))[often] - expected[often]) ** 2 / expected[often]).sum()
    # 120 orders at most: with f degrees of freedom chi-square exceeds f + 4.5 sqrt(2 f) once in 20,000 times
    free = often.sum() - (seldom < 5)
    assert chi < free + 4.5 * np.sqrt(2 * free)
    assert sum(law.values()) == pytest.approx(1)


def test_gradients_as_factors_are_as_far_apart_as_whole():
    given = world(40)
    made = gradients(given.probs, given.vectors.astype(np.float64))
    space, rows = badge.Gradients(given.probs, given.vectors), np.array([3, 8, 30])
    whole = ((made[:, None] - made[rows][None]) ** 2).sum(2)
    assert space.nearest(rows) == pytest.approx(whole.min(1), abs=1e-5)
    assert space.between(11, rows) == pytest.approx(whole[11], abs=1e-5)


def test_badge_begins_with_the_longest_gradient():
    given = world(40)
    longest = (gradients(given.probs, given.vectors) ** 2).sum(1).argmax()
    assert badge.pick(Pool(given.vectors, given.probs, NONE), 5, rng()).rows[0] == longest


def test_draws_leave_out_what_lies_on_a_drawn_one_until_nothing_else_is_left():
    x = np.repeat(np.arange(4, dtype=np.float32), 5)[:, None]
    rows = seeding.draw(seeding.Euclid(x), 0, 9, rng())
    assert sorted(x[rows[:4], 0].tolist()) == [0, 1, 2, 3]
    assert len(set(rows.tolist())) == 9


# --- groups


def clouds(sizes, seed=0, apart=20.0):
    draw = rng(seed)
    centers = apart * np.eye(len(sizes), 6)
    label = np.repeat(np.arange(len(sizes)), sizes)
    return (centers[label] + draw.normal(size=(len(label), 6)) * 0.5).astype(np.float32), label


def test_planted_groups_are_found():
    x, label = clouds((50, 200, 30, 90))
    group = clusters.grouped(x, 4, rng())
    assert len(set(zip(group.tolist(), label.tolist(), strict=True))) == 4


def test_groups_of_many_are_learned_from_a_part():
    x, label = clouds((2000, 3000))
    group = clusters.grouped(x, 2, rng())
    assert len(set(zip(group.tolist(), label.tolist(), strict=True))) == 2


def test_typical_pictures_come_from_the_largest_groups_without_labels():
    x, label = clouds((50, 200, 30, 90))
    pool = Pool(x, np.empty((len(x), 0)), x[label == 1][:3])
    picks = typical.pick(pool, 3, rng(2))
    assert label[picks.rows].tolist() == [3, 0, 2]
    # six groups are made of the four clouds, so some hold part of one
    assert (picks.groups <= [90, 50, 30]).all()
    assert (np.diff(picks.groups) <= 0).all()


def test_the_typical_one_is_the_densest():
    x, _ = clouds((300,))
    (row,) = typical.pick(Pool(x, np.empty((300, 0)), x[:0]), 1, rng()).rows
    assert ((x - x.mean(0)) ** 2).sum(1)[row] < np.quantile(((x - x.mean(0)) ** 2).sum(1), 0.1)


def test_lone_pictures_come_after_groups():
    x, label = clouds((40, 1, 35))
    picks = typical.pick(Pool(x, np.empty((76, 0)), x[:0]), 3, rng(1))
    assert label[picks.rows[:2]].tolist() == [0, 2]


def test_cluster_margin_takes_one_of_each_group_before_the_second_of_any():
    x, label = clouds((100, 20, 10))
    doubt = np.where(label == 0, 0.5, 0.4)
    probs = np.stack([(1 + (1 - doubt)) / 2, doubt / 2], axis=1)
    given = Candidates(probs, x, x[:0])
    chosen = book.choose("cluster_margin", given, 3, 0.0, rng())
    assert set(label[chosen.rows].tolist()) == {0}  # the shortlist holds ten times as many, all of the first
    doubt[:80], doubt[80:] = 0.1, 0.5
    probs = np.stack([(1 + (1 - doubt)) / 2, doubt / 2], axis=1)
    chosen = book.choose("cluster_margin", Candidates(probs, x, x[:0]), 5, 0.0, rng())
    assert set(label[chosen.rows].tolist()) == {0, 1, 2}
