"""docs/decisions.md is run as it stands, in one process, without Django and torch."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/decisions.md").read_text()
BLOCK = "import sys\nfor name in ('django', 'torch', 'sklearn'):\n    sys.modules[name] = None\n"
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def lines():
    code = BLOCK + "\n".join(BLOCKS)
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return ended.stdout.splitlines()


def test_every_snippet_is_looked_at(lines):
    assert (len(BLOCKS), len(lines)) == (5, 9)


def test_labels_to_a_target(lines):
    number = r"[\d,]+"
    assert re.fullmatch(
        rf"{number} more labels \(80 %: {number} to {number}\), "
        rf"about {number} dollars and [\d.]+ hours, for 90 %\.",
        lines[0],
    )
    assert lines[1].startswith("Buy ")
    assert lines[2].startswith("within ")


def test_which_class_to_buy(lines):
    targeted, plain = (eval(part + ")") for part in lines[3].split(")")[:2])
    assert sum(targeted) == sum(plain) == 200
    assert targeted[0] > plain[0]
    assert lines[5].startswith("Targeted +")


def test_what_a_trick_is_worth(lines):
    assert re.fullmatch(r"Worth [\d.]+x the labels \(90 %: [\d.]+ to [\d.]+\)\.", lines[6])


def test_which_training_next(lines):
    assert lines[7] in ("100", "200", "400", "800", "1600")


def test_a_test_on_picked_items(lines):
    assert lines[8] == "0.464"  # (1 + 6/7) / 4
