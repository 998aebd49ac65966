"""The labeling config, and what must not be sent under it."""

from xml.etree import ElementTree

import pytest

from labeling.label_studio import config

ODD = ["a & b", 'the "big" one', "<i>it</i>", "Ünïcode 猫", "it's", "100 %", "$5 note", "$image", "ends in $"]


def choices(classes):
    return ElementTree.fromstring(config.labeling_config(classes)).findall(".//Choice")


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([], "at least two"),
        (["one"], "at least two"),
        (["a", "a"], "same name"),
        (["a", ""], "cannot be seen"),
        (["a", " b"], "cannot be seen"),
        (["a", "b\nc"], "cannot be seen"),
        (["a", "b  c"], "cannot be seen"),
        (["a", "b\x00"], "cannot be seen"),
        (["a", "b" * 101], "longer than 100"),
    ],
)
def test_classes_that_would_be_misread_are_refused(classes, said):
    with pytest.raises(config.ConfigError, match=said):
        config.labeling_config(classes)


@pytest.mark.parametrize(
    ("label", "score", "version", "said"),
    [
        ("zebra", 0.5, "m1", "'zebra' is no class"),
        ("cat", -0.01, "m1", r"\[0, 1\], got -0.01"),
        ("cat", 1.01, "m1", "got 1.01"),
        ("cat", float("nan"), "m1", "got nan"),
        ("cat", 0.5, "", "model version"),
    ],
)
def test_predictions_that_label_studio_would_take_or_drop_in_silence_are_refused(label, score, version, said):
    with pytest.raises(config.ConfigError, match=said):
        config.prediction(["cat", "dog"], label, score, version)


def test_names_survive_xml():
    assert [c.get("alias") or c.get("value") for c in choices(ODD)] == ODD


def test_a_dollar_is_not_shown_as_a_field_of_the_task():
    assert not [c.get("value") for c in choices(ODD) if "$" in c.get("value")]


def test_keys_are_digits_first_then_letters_each_once():
    keys = [c.get("hotkey") for c in choices([f"class {n}" for n in range(40)])]
    assert keys[:12] == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "q", "w"]
    assert keys[33:] == [None] * 7
    assert len(set(keys[:33])) == 33


def test_a_prediction_without_label_gives_a_rank_alone():
    assert config.prediction(["cat", "dog"], "", 0.25, "m1") == {
        "model_version": "m1",
        "score": 0.25,
        "result": [],
    }


def test_what_is_sent_is_read_back():
    assert config.choices_of(config.result("cat")) == ("cat",)


@pytest.mark.parametrize(
    "body",
    [
        [],
        [{"from_name": "other", "value": {"choices": ["cat"]}}],
        [{"from_name": "label", "value": None}],
        [{"from_name": "label", "value": {"choices": None}}],
        ["text"],
    ],
)
def test_other_results_name_no_class(body):
    assert config.choices_of(body) == ()
