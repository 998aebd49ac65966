"""A model version's card in Markdown: what it is, what it learned from, how it was measured, how to run it.

Sections after Mitchell et al. 2019, "Model cards for model reporting".  Every sentence follows from facts
that were recorded; what nobody measured is said not to be known.  Light: the standard library only.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NOTHING = "\N{EN DASH}"  # where a figure was not measured
FEW_LABELS = 20  # of a class: below it, what the model learned of it hangs on single pictures
FEW_TESTED = 30  # of a class: below it, an interval of its recall is wider than 30 points
SCORES = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "macro_f1": "Macro F1"}
LOSSES = {
    "nll": "Negative log-likelihood",
    "ece": "Expected calibration error, 15 bins",
    "brier": "Brier score",
}
ORIGINS = {
    "import": "came with the pictures",
    "people": "people gave in Label Studio",
    "simulated": "simulated annotators gave: programs with a stated error rate",
}


@dataclass(frozen=True)
class Card:
    """The facts.  Dictionaries are as the records hold them."""

    dataset: str
    classes: tuple[str, ...]
    note: str  # on the dataset
    number: int
    state: str
    made: str  # day
    promoted: str  # how it became the current version; "" if it never did
    verdict: str  # the gate's latest, a sentence; "" if there is none
    recipe_name: str
    recipe: Mapping[str, Any]
    seed: int
    labels: Mapping[str, Any]  # trainer.services.runs.record_plan
    metrics: Mapping[str, Any]  # trainer.engine.metrics.Report.to_json
    warnings: tuple[str, ...]  # of the training
    fingerprint: str  # of the data
    weights: str  # SHA-256
    receipt: Mapping[str, Any]
    export: Mapping[str, Any]  # trainer.engine.exports.Exported; empty: none
    file_name: str  # of the downloads, without suffix


def write(card: Card) -> str:
    """Return the card as Markdown that holds no HTML, whatever names people chose."""
    parts = [
        f"# {_plain(card.dataset)}, model version {card.number}",
        _details(card),
        _use(card),
        _training_data(card),
        _test_data(card),
        _metrics(card),
        _classes(card),
        _confusion(card),
        _calibration(card),
        _limits(card),
        _receipt(card),
        _how_to_run(card),
    ]
    return "\n\n".join(parts) + "\n"


def _details(card: Card) -> str:
    recipe = card.recipe
    lines = [
        f"- Classifies pictures into {len(card.classes)} classes: {_listed(card.classes)}.",
        f"- Network {_plain(recipe['network'])}, width {recipe['width']}, on pictures squeezed to"
        f" {recipe['resolution']} x {recipe['resolution']} pixels.",
        f"- Made on {card.made} by Seedbed with the recipe “{_plain(card.recipe_name)}”, seed {card.seed}.",
        f"- State: {card.state}. {_plain(card.promoted)}".rstrip(),
    ]
    if card.verdict:
        lines.append(f"- The gate said: {_plain(card.verdict)}")
    return _section("Model details", lines)


def _use(card: Card) -> str:
    return _section(
        "Intended use",
        [
            f"- Pictures of the kind that the dataset “{_plain(card.dataset)}” holds, one class each.",
            f"- It always answers with one of its {len(card.classes)} classes, also for a picture that"
            " shows none of them.",
            "- Other cameras, places or times were not tested: a gap between such pictures and these is not"
            " known.",
        ],
    )


def _training_data(card: Card) -> str:
    counts = card.labels.get("train", {})
    origins = card.labels.get("origins", {})
    lines = [f"{sum(counts.values()):,} labeled pictures; fingerprint of the data `{card.fingerprint}`."]
    lines += [_plain(card.note)] if card.note else []
    lines += [f"- {n:,} labels {ORIGINS[origin]}." for origin, n in origins.items() if n]
    if card.recipe.get("policy"):
        lines.append(f"- Changed copies: augmentation policy {_plain(card.recipe['policy'])}.")
    if card.recipe.get("rebalance") is not None:
        lines.append(f"- Rare classes were drawn again, strength {card.recipe['rebalance']:g}.")
    return _section("Training data", [*lines, "", *_count_table(card, counts)])


def _test_data(card: Card) -> str:
    counts = card.labels.get("test", {})
    lines = [
        f"{card.metrics['n']:,} labeled pictures of the frozen test split: none was trained on, and of"
        " near-equal pictures all stand on one side.",
    ]
    return _section("Evaluation data", [*lines, "", *_count_table(card, counts)])


def _count_table(card: Card, counts: Mapping[str, int]) -> list[str]:
    return _table(("Class", "Labels"), ((_plain(name), f"{counts.get(name, 0):,}") for name in card.classes))


def _metrics(card: Card) -> str:
    n = f"{card.metrics['n']:,}"
    rows = [(words, _percent(card.metrics[name]), n) for name, words in SCORES.items()]
    return _section("Metrics", _table(("Metric", "Value with its 95 % interval", "n"), rows))


def _classes(card: Card) -> str:
    rows = [
        (_plain(name), f"{one['n']:,}", _percent(one["recall"]), _percent(one["precision"]))
        for name, one in zip(card.classes, card.metrics["classes"], strict=True)
    ]
    head = ("Class", "Test pictures", "Recall (95 %)", "Precision (95 %)")
    return _section("Per class", _table(head, rows))


def _confusion(card: Card) -> str:
    names = [_plain(name) for name in card.classes]
    rows = [
        (name, *(f"{n:,}" for n in row)) for name, row in zip(names, card.metrics["confusion"], strict=True)
    ]
    table = _table(("Truth", *names), rows)
    return _section("Confusion", ["Rows are the truth, columns what the model said.", "", *table])


def _calibration(card: Card) -> str:
    rows = [(words, _number(card.metrics[name])) for name, words in LOSSES.items()]
    table = _table(("Of its probabilities; down is good", "Value with its 95 % interval"), rows)
    return _section("Calibration", table)


def _limits(card: Card) -> str:
    names, scores = card.classes, card.metrics["classes"]
    learned = card.labels.get("train", {})
    few = [name for name in names if learned and learned.get(name, 0) < FEW_LABELS]
    thin = [name for name, one in zip(names, scores, strict=True) if one["n"] < FEW_TESTED]
    lines = []
    if few:
        lines.append(f"- Learned from fewer than {FEW_LABELS} labels: {_listed(few)}.")
    if thin:
        lines.append(
            f"- Tested on fewer than {FEW_TESTED} pictures, so their recall is rough: {_listed(thin)}."
        )
    lines += _most_confused(card)
    if card.labels.get("origins", {}).get("simulated"):
        lines.append("- Part of its labels are simulated: its figures say nothing about those of people.")
    lines += [f"- {_plain(warning)}" for warning in card.warnings]
    lines.append("- The intervals tell the luck of the test pictures, not that of the training's seed.")
    return _section("Limits", lines)


def _most_confused(card: Card) -> list[str]:
    pairs = [
        (n, truth, said)
        for truth, row in enumerate(card.metrics["confusion"])
        for said, n in enumerate(row)
        if truth != said
    ]
    worst, truth, said = max(pairs, default=(0, 0, 0))
    if not worst:
        return []
    names, total = card.classes, sum(card.metrics["confusion"][truth])
    return [
        f"- Its most frequent mistake: {worst:,} of {total:,} {_plain(names[truth])} taken for"
        f" {_plain(names[said])}."
    ]


def _receipt(card: Card) -> str:
    facts = {
        "Data fingerprint": card.fingerprint,
        "Weights, SHA-256": card.weights,
        "Seed": card.seed,
        **{name: value for name, value in card.receipt.items() if name not in ("command", "weights")},
    }
    table = _table(("", ""), ((_plain(name), _plain(str(value))) for name, value in facts.items()))
    recipe = ", ".join(f"{name} {value}" for name, value in card.recipe.items() if value is not None)
    command = card.receipt.get("command", "")
    again = ["", "Run it again:", "", *_code("sh", command)] if command else []
    return _section("Receipt", [*table, "", f"Recipe: {_plain(recipe)}.", *again])


def _how_to_run(card: Card) -> str:
    if not card.export:
        return _section("How to run it", ["It was not exported to ONNX yet."])
    made = card.export
    checked = (
        f"Input `pixels`: uint8 (B, R, R, 3), RGB; output `logits`: float32 (B, K); opset {made['opset']}."
        f" Normalization travels inside. Checked against torch on {made['pictures']:,} pictures: logits"
        f" differ by {made['max_difference']:.1g} at most. Seedbed decodes large JPEGs at a fraction of their"
        " size, so its probabilities may differ a little from these."
    )
    return _section("How to run it", [checked, "", *_code("python", snippet(card.file_name))])


def snippet(file_name: str) -> str:
    """Return a program that classifies one picture with the ONNX file; it needs onnxruntime and Pillow."""
    return f"""import json, sys
import numpy as np, onnxruntime
from PIL import Image, ImageOps
session = onnxruntime.InferenceSession("{file_name}.onnx")
notes = session.get_modelmeta().custom_metadata_map
side = int(notes["resolution"])
picture = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGB").resize((side, side), Image.BILINEAR)
logits = session.run(["logits"], {{"pixels": np.asarray(picture, dtype=np.uint8)[None]}})[0][0]
probs = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
print(json.loads(notes["classes"])[probs.argmax()], float(probs.max()))"""


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"## {title}", "", *lines])


def _code(language: str, text: str) -> list[str]:
    """A fence longer than any in the text: nothing gets out of it."""
    ticks = "`" * max(3, *(len(found) + 1 for found in re.findall("`+", text)), 3)
    return [f"{ticks}{language}", text, ticks]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_plain, names))


def _percent(found: Mapping[str, float] | None) -> str:
    if found is None:
        return NOTHING
    return f"{100 * found['value']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


def _number(found: Any) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def _plain(text: object) -> str:
    """Return text that Markdown shows as it is: no HTML, no table cell, no link, no new line."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", line)
