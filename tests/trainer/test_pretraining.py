import pytest

from trainer.engine.pretraining import Plan
from trainer.engine.recipe import InvalidRecipe, Recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, r"epochs must be an integer in \[1, 10000\], got 0"),
        ({"batch": 8.5}, "batch must be an integer"),
        ({"batch": True}, "batch must be an integer"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        ({"network": "resnet"}, "network must be one of"),
        ({"width": 0}, "width must lie in"),
        ({"resolution": 4}, "resolution must lie in"),
        ({"momentum": 0.9}, "unknown field momentum"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(values, message):
    with pytest.raises(InvalidRecipe, match=message):
        Plan.from_json(values)


def test_a_plan_survives_json():
    plan = Plan(network="timm:resnet10t", epochs=7, learning_rate=1e-3)
    assert Plan.from_json(plan.to_json()) == plan


def test_a_plan_builds_the_network_that_a_training_starts_from():
    recipe = Plan(network="cnn", width=12, resolution=48).recipe
    assert (recipe.network, recipe.width, recipe.resolution) == ("cnn", 12, 48)
    assert recipe == Recipe.from_json(recipe.to_json())
