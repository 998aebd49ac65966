"""The labeling config of an image classification project, and the checks of what we send under it.

Label Studio checks little: unknown labels pass, and rows that it dislikes are dropped with a 201.
"""

from collections.abc import Sequence
from xml.etree import ElementTree

from labeling.labels import MAX_LENGTH

CONTROL = "label"  # the <Choices> tag: "from_name" in a result
PICTURE = "image"  # the <Image> tag, and the key of the address in a task's data
ITEM = "seedbed_item"  # the key of the picture's content key in a task's data
ROUND = "seedbed_round"  # the key of the round it was sent in; ITEM and ROUND together are our own id
# Label Studio's own order for keys that it gives out: the letters left out are its tools.
HOTKEYS = "123456789" + "0qwetasdfgzxcvbyiopjklnm"


class ConfigError(ValueError):
    """What we were about to send would be misread; the message says why."""


def labeling_config(classes: Sequence[str]) -> str:
    """Return the XML: one picture, one choice among the classes, a key for each of the first 33."""
    check_classes(classes)
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", name=PICTURE, value=f"${PICTURE}", zoom="true")
    choices = ElementTree.SubElement(
        view, "Choices", name=CONTROL, toName=PICTURE, choice="single", showInLine="true", required="true"
    )
    for number, name in enumerate(classes):
        choice = ElementTree.SubElement(choices, "Choice", value=name)
        if "$" in name:  # "$5" would be read as a field of the task: show a look-alike, answer with the name
            choice.attrib.update(value=name.replace("$", "\N{FULLWIDTH DOLLAR SIGN}"), alias=name)
        if number < len(HOTKEYS):
            choice.set("hotkey", HOTKEYS[number])
    return ElementTree.tostring(view, encoding="unicode")


def check_classes(classes: Sequence[str]) -> None:
    """Raise ConfigError unless the names fit their column, survive XML and can be told apart."""
    if len(classes) < 2:
        raise ConfigError(f"A labeling project needs at least two classes, got {len(classes)}.")
    if len(set(classes)) < len(classes):
        raise ConfigError("Two classes have the same name.")
    for name in classes:
        if not name or name != " ".join(name.split()) or not name.isprintable():
            raise ConfigError(
                f"The class name {name!r} is empty or holds spaces or signs that cannot be seen."
            )
        if len(name) > MAX_LENGTH:
            raise ConfigError(f"The class name {name[:20]}… is longer than {MAX_LENGTH} letters.")


def prediction(classes: Sequence[str], label: str, score: float, model_version: str) -> dict[str, object]:
    """Return a prediction in Label Studio's shape.

    `score` lies in [0, 1]; the lowest is labeled first.  Label "" gives a rank and proposes nothing.
    """
    if label and label not in classes:
        raise ConfigError(f"{label!r} is no class of this dataset, so it cannot be proposed.")
    if not 0 <= score <= 1:
        raise ConfigError(f"A score must lie in [0, 1], got {score}.")
    if not model_version:
        raise ConfigError("A prediction needs a model version: without one the order would be random.")
    return {"model_version": model_version, "score": float(score), "result": result(label) if label else []}


def result(label: str) -> list[dict[str, object]]:
    """Return the body of a prediction or an annotation that names one class."""
    value = {"choices": [label]}
    return [{"from_name": CONTROL, "to_name": PICTURE, "type": "choices", "value": value}]


def choices_of(body: Sequence[object]) -> tuple[str, ...]:
    """Return the classes that an annotation's body names under our control, if any."""
    ours = [r for r in body if isinstance(r, dict) and r.get("from_name") == CONTROL]
    values = [r["value"] for r in ours if isinstance(r.get("value"), dict)]
    return tuple(str(name) for value in values for name in value.get("choices") or [])


def origin_of(body: Sequence[object]) -> str:
    """Return how the editor says that an annotation's choice came about, "" where it does not say."""
    ours = [r for r in body if isinstance(r, dict) and r.get("from_name") == CONTROL]
    return str(ours[0].get("origin") or "") if ours else ""
