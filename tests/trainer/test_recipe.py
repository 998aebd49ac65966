import json

import pytest

from trainer.engine import recipe, recipe_fields
from trainer.engine.recipe import NAMED, InvalidRecipe, Recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rat": 0.1}, "unknown field learning_rat; known are batch, class_beta"),
        ({"network": "vgg"}, "network must be one of cnn, resnet9, resnet18, .* or timm:NAME, got 'vgg'"),
        ({"network": "timm:"}, "network must be one of"),
        ({"width": 0}, r"width must lie in \[1, 512\], got 0"),
        ({"width": 8.0}, "width must be an integer, got 8.0"),
        ({"batch": True}, "batch must be an integer, got True"),
        ({"learning_rate": "fast"}, "learning_rate must be a number, got 'fast'"),
        ({"learning_rate": float("nan")}, "learning_rate must lie in"),
        ({"rebalance": 1.5}, r"rebalance must lie in \[0, 1\], got 1.5"),
        ({"policy": 3}, "policy must be one of gentle, photo, shift, .* or null, got 3"),
        ({"policy": "wild"}, "policy must be one of gentle, photo, shift, .* or null, got 'wild'"),
        ({"mixing": "blend"}, "mixing must be one of mixup, cutmix or null, got 'blend'"),
        ({"weights": ""}, "weights must be a word or a file's path or null, got ''"),
        ({"weights": "pretrained"}, "weights 'pretrained' come with a timm:NAME network only, got 'cnn'"),
        ({"tuning": "probe"}, "tuning 'probe' needs weights to start from"),
        ({"network": ["cnn"]}, "network must be one of cnn, resnet9"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused_by_name(values, message):
    with pytest.raises(InvalidRecipe, match=message):
        Recipe.from_json(values)


@pytest.mark.parametrize("named", NAMED.values(), ids=NAMED)
def test_json_and_back(named):
    assert Recipe.from_json(json.loads(json.dumps(named.to_json()))) == named


def test_left_out_fields_take_their_defaults():
    assert Recipe.from_json({"width": 16}) == Recipe(width=16)


def test_every_field_is_checked():
    own = {"network", "weights", "rebalance"}
    checked = set(recipe.CHOICES) | set(recipe.RANGES) | set(recipe.OPTIONAL) | own
    assert checked == set(Recipe().to_json())


def test_every_field_is_explained_once():
    names = [field.name for fields in recipe_fields.GROUPS.values() for field in fields]
    assert sorted(names) == sorted(Recipe().to_json())
    assert all(field.help.endswith(".") for fields in recipe_fields.GROUPS.values() for field in fields)


def test_what_a_field_needs_is_a_choice_of_another_field():
    known = {**recipe.CHOICES, **recipe.OPTIONAL}
    named = [(need.name, value) for need in recipe_fields.ONLY_WITH.values() for value in need.values]
    assert set(recipe_fields.ONLY_WITH) <= set(recipe_fields.LABELS)
    assert [pair for pair in named if pair[1] not in known[pair[0]]] == []


def test_every_named_recipe_is_described_and_its_policy_known():
    assert set(recipe.DESCRIPTIONS) == set(NAMED)
    assert {r.policy for r in NAMED.values()} <= {None, *recipe.OPTIONAL["policy"]}


def test_plain_and_augmented_differ_in_their_data_alone():
    same = NAMED["augmented"].to_json() | {"policy": None, "rebalance": None}
    assert same == NAMED["plain"].to_json()
    assert [r.changes_data for r in NAMED.values()] == [False, True, True, True]


@pytest.mark.parametrize(("n", "steps"), [(2, 100), (25, 100), (100, 200), (400, 400), (1600, 800)])
def test_four_times_the_labels_are_twice_the_steps(n, steps):
    assert Recipe(steps_per_root=20.0, min_steps=100).steps(n) == steps
