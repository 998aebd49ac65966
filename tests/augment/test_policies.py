import json

import numpy as np
import pytest

from augment import policies, policy_specs
from augment.policy_specs import PolicySpec, Transform
from tests import toys

PIXELS, _ = toys.shape_pixels(12, 32, np.random.default_rng(0))
KEYS = [f"key-{i}" for i in range(12)]
every_policy = pytest.mark.parametrize("spec", policy_specs.NAMED.values(), ids=policy_specs.NAMED)


def apply(spec, rows=slice(None), seed=5, copy=0):
    return policies.apply(spec, PIXELS[rows], KEYS[rows], seed=seed, copy=copy)


def test_an_unknown_policy_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="one of gentle, photo, got 'wild'"):
        policy_specs.spec("wild")


@pytest.mark.parametrize(
    ("name", "args", "word"),
    [
        ("HorizontalFlip", {"pp": 0.3}, "pp"),
        ("GaussNoise", {"var_limit": [1, 2]}, "var_limit"),
        ("HorizontalFlip", {"p": 3}, "p"),
        ("NoSuchChange", {}, "NoSuchChange"),
    ],
)
def test_what_albumentations_only_warns_of_is_an_error(name, args, word):
    with pytest.raises(policies.InvalidPolicy, match=word):
        policies.build(PolicySpec("bad", "", (Transform(name, args),)))


def test_the_policy_for_characters_never_mirrors_and_never_turns_far():
    assert {t.name for t in policy_specs.GENTLE.transforms}.isdisjoint(
        {"HorizontalFlip", "VerticalFlip", "D4", "Transpose", "RandomRotate90"}
    )
    assert max(map(abs, policy_specs.GENTLE.transforms[0].args["rotate"])) <= 15


@every_policy
def test_neither_order_nor_company_changes_a_picture(spec):
    whole = apply(spec)
    assert np.array_equal(apply(spec, slice(None, None, -1))[::-1], whole)
    assert np.array_equal(apply(spec, slice(7, 8))[0], whole[7])


@every_policy
def test_seed_key_and_copy_each_matter(spec):
    other_key = policies.apply(spec, PIXELS[:1], ["another"], seed=5, copy=0)
    versions = [apply(spec)[0], apply(spec, seed=6)[0], apply(spec, copy=1)[0], other_key[0]]
    assert len({version.tobytes() for version in versions}) == 4


@every_policy
def test_pictures_keep_their_shape_and_type_and_mostly_change(spec):
    changed = apply(spec)
    assert (changed.shape, changed.dtype) == (PIXELS.shape, np.uint8)
    assert (changed != PIXELS).any((1, 2, 3)).sum() > 6


@every_policy
def test_originals_are_left_alone(spec):
    before = PIXELS.copy()
    apply(spec)
    assert np.array_equal(PIXELS, before)


@every_policy
def test_a_spec_survives_json(spec):
    kept = json.loads(json.dumps(spec.to_json()))
    again = PolicySpec(kept["name"], "", tuple(Transform(**t) for t in kept["transforms"]))
    assert np.array_equal(apply(again), apply(spec))


def test_derived_seeds_are_fixed_for_ever():
    assert policies.derived_seed(1, "a", 2) == 0xC80FEB77


def test_versions_are_told():
    assert policies.versions()["albumentations"] == "2.0.8"
