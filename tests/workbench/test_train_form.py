import pytest

from trainer.engine.recipe import NAMED, Recipe
from workbench.views.train_form import Training


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"width": "0"}, "width", "greater than or equal to 1"),
        ({"dropout": "2"}, "dropout", "less than or equal to 0.9"),
        ({"loss": "hinge"}, "loss", "Select a valid choice"),
        ({"network": "vgg"}, "network", "network must be one of cnn, resnet9"),
        ({"weights": "pretrained"}, "weights", "come with a timm:NAME network only"),
        ({"tuning": "probe"}, "tuning", "tuning 'probe' needs weights to start from"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(typed, field, words):
    form = Training({"recipe": "plain", "batch": "64", **typed})
    assert not form.is_valid()
    assert words in " ".join(form.errors[field])
    assert form["batch"].value() == "64"


def test_every_field_of_a_recipe_is_offered_once():
    offered = [field.name for _, fields in Training().groups() for field in fields]
    assert sorted(offered) == sorted(Recipe().to_json())


@pytest.mark.parametrize("name", NAMED)
def test_untouched_it_is_the_named_recipe(name):
    form = Training({"recipe": name})
    assert form.is_valid()
    assert form.cleaned_data["chosen"] == name


def test_single_choices_change_the_named_recipe():
    typed = {"recipe": "augmented", "policy": "none", "network": "timm:resnet18", "weights": "pretrained"}
    form = Training({**typed, "mixing": "cutmix", "l1": "0.001"})
    assert form.is_valid()
    chosen = form.cleaned_data["chosen"]
    assert (chosen.policy, chosen.network, chosen.weights) == (None, "timm:resnet18", "pretrained")
    assert (chosen.mixing, chosen.l1, chosen.rebalance) == ("cutmix", 0.001, 1.0)


@pytest.mark.parametrize(
    ("recipe", "batch", "optimizer"),
    [("plain", "32", "adamw"), ("residual", "128", "sgd"), ("bogus", "32", "adamw")],
)
def test_an_empty_field_tells_what_the_chosen_recipe_says(recipe, batch, optimizer):
    form = Training(initial={"recipe": recipe})
    assert f'placeholder="{batch}"' in str(form["batch"])
    assert f"as the recipe says: {optimizer}" in str(form["optimizer"])
    assert not form.is_touched


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("learning_rate", "From 0.000001 to 100."),
        ("min_steps", "From 1 to 1,000,000."),
        ("class_beta", "From 0 to 0.999999."),
        ("rebalance", "From 0 to 1."),
        ("network", "cnn, resnet9, resnet18"),
    ],
)
def test_a_field_tells_its_range_in_plain_numbers(name, words):
    assert words in Training()[name].help_text
