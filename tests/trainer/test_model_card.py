"""Cards that say what was recorded, show any name as it is, and hold a program that runs."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from labeling import images
from trainer.engine import exports, metrics, model_card
from trainer.engine.model_card import Card
from trainer.engine.networks import build as networks
from trainer.engine.recipe import Recipe
from trainer.engine.scoring import Scorer

CLASSES = ("cat", "<script>|dog", "emu")
LABELS = np.repeat([0, 1, 2], [40, 10, 30])
EXPORT = {"opset": 17, "pictures": 80, "max_difference": 2.3e-6}


def report():
    probs = np.eye(3)[np.where(np.arange(80) < 6, 1, LABELS)] * 0.8 + 0.2 / 3
    return json.loads(json.dumps(metrics.evaluate(probs, LABELS, np.random.default_rng(0)).to_json()))


def card(**changes):
    facts = Card(
        dataset="Pets & [more](http://x)",
        classes=CLASSES,
        note="Mostly cats.",
        number=3,
        state="current",
        made="23 November 2026",
        promoted="It was promoted by hand by ada on 23 November 2026: better.",
        verdict="Shown better than version 2: +3.0 points.",
        recipe_name="plain",
        recipe=Recipe(policy="gentle", rebalance=0.5).to_json(),
        seed=7,
        labels={
            "train": {"emu": 90, "cat": 100, "<script>|dog": 11},
            "test": {"cat": 40, "<script>|dog": 10, "emu": 30},
            "origins": {"import": 1, "people": 150, "simulated": 50},
        },
        metrics=report(),
        warnings=("Validation has 12 pictures.",),
        fingerprint="f" * 64,
        weights="e" * 64,
        receipt={
            "device": "cpu",
            "torch": "2.13.0",
            "cpu_s": 12.5,
            "command": "python3 manage.py train '```'",
        },
        export=EXPORT,
        file_name="pets-v3",
    )
    return replace(facts, **changes)


def section(text, title):
    return re.search(rf"^## {title}\n\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]


# --- what must not happen


def test_names_stay_names():
    text = model_card.write(card())
    outside = re.sub(r"(`{3,}).*?\1", "", text, flags=re.S)
    assert not re.search(r"(?<!\\)[<\[]", outside)
    assert r"\<script\>\|dog" in outside


def test_nothing_gets_out_of_a_block_of_code():
    assert "````sh\npython3 manage.py train '```'\n````" in model_card.write(card())


def test_a_card_without_an_export_promises_no_program():
    assert section(model_card.write(card(export={})), "How to run it").strip() == (
        "It was not exported to ONNX yet."
    )


def test_what_was_not_measured_is_a_dash():
    measured = report()
    measured["classes"][1]["precision"] = None
    rows = section(model_card.write(card(metrics=measured)), "Per class").splitlines()
    assert next(row for row in rows if "dog" in row).endswith(f"| {model_card.NOTHING} |")


# --- what it says


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Model details", "The gate said: Shown better than version 2: +3.0 points."),
        ("Intended use", "one of its 3 classes, also for a picture that shows none of them"),
        ("Training data", "- 150 labels people gave in Label Studio."),
        ("Training data", "- 50 labels simulated annotators gave"),
        ("Training data", "Rare classes were drawn again, strength 0.5."),
        ("Evaluation data", "80 labeled pictures of the frozen test split"),
        ("Metrics", "| Accuracy | 92.5 % (84.6 to 96.5) | 80 |"),
        ("Confusion", "| cat | 34 | 6 | 0 |"),
        ("Limits", r"Learned from fewer than 20 labels: \<script\>\|dog."),
        ("Limits", r"Its most frequent mistake: 6 of 40 cat taken for \<script\>\|dog."),
        ("Limits", "Part of its labels are simulated"),
        ("Limits", "Validation has 12 pictures."),
        ("Receipt", "| torch | 2.13.0 |"),
        ("Receipt", "policy gentle"),
    ],
)
def test_facts_stand_in_their_section(title, said):
    assert said in section(model_card.write(card()), title)


def test_classes_come_in_their_own_order():
    table = section(model_card.write(card()), "Training data").split("| --- | --- |\n")[1]
    assert [line.split(" | ")[0] for line in table.split("\n")[:3]] == [
        "| cat",
        r"| \<script\>\|dog",
        "| emu",
    ]


def test_the_program_of_the_card_says_what_the_model_says(tmp_path):
    recipe = Recipe(width=4, resolution=16)
    model = networks.build(recipe, 3, torch.Generator().manual_seed(0))
    noise = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    file = tmp_path / "pets-v3.onnx"
    exports.export(file, model, recipe, CLASSES, weights="w", pictures=noise)
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(
        tmp_path / "p.png"
    )
    program = re.search(r"```python\n(.*?)\n```", model_card.write(card()), re.S)[1]
    assert len(program.splitlines()) <= 10
    argv = [sys.executable, "-c", program, "p.png"]
    said = subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
    probs = Scorer(file).probs(images.decode(tmp_path / "p.png", 16)[None])[0]
    name, _, value = said.rpartition(" ")
    assert name == CLASSES[probs.argmax()]
    assert float(value) == pytest.approx(probs.max(), abs=1e-6)
