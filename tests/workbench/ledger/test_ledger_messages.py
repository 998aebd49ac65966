"""What passes from a child to its worker fits the JSON columns of both databases."""

import json

import numpy as np
import pytest

from workbench.ledger import messages


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        ("a\0b", "ab"),
        ("a\udcffb", "a?b"),
        ("größe", "größe"),
        ((1, 2), [1, 2]),
        ({1: {"x\0": [np.float32(0.5), np.int64(3), np.bool_(True)]}}, {"1": {"x": [0.5, 3, True]}}),
        (np.float64("nan"), None),
        (None, None),
    ],
)
def test_storable(given, kept):
    assert messages.storable(given) == kept


def test_one_message_is_one_line():
    line = messages.encode(result={"text": "two\nlines"})
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"result": {"text": "two\nlines"}}


def test_what_json_does_not_know_is_refused():
    with pytest.raises(TypeError):
        messages.encode(result=object())
