"""A trained model as ONNX, pixels in and logits out: checked against torch before the file has its name."""

import hashlib
import io
import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from trainer.engine import disk
from trainer.engine.material import Pixels
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import Recipe
from trainer.engine.scoring import INPUT, OUTPUT, Scorer

OPSET = 17  # 2022: every runtime still in use reads it
CLOSE = 1e-4  # logits that differ by less are the same: fp32 sums in another order
NEAR = 1e-2  # ... or by less than this, if no picture's class changes
RANDOM = 16  # noise pictures that are compared besides the real ones
LOT = 64


class NotExportable(Exception):
    """The network cannot be written as ONNX, or does something else there; the message is for a person."""


@dataclass(frozen=True)
class Exported:
    """An ONNX file that was written, and how far it agreed with torch before."""

    sha256: str
    size_bytes: int
    opset: int
    pictures: int  # compared, noise included
    max_difference: float  # of any logit
    same_class: float  # share of the pictures

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def export(
    path: Path, model: Classifier, recipe: Recipe, classes: Sequence[str], *, weights: str, pictures: Pixels
) -> Exported:
    """Write the model as ONNX, once it says the same as torch of `pictures` (N, R, R, 3) and of noise.

    Input "pixels" is uint8 (B, R, R, 3) with any B; the model normalizes them itself.  Output "logits" is
    float32 (B, K).  The file's metadata hold classes, recipe, resolution, and `weights`, the SHA-256 of the
    weights file.  Raises NotExportable, and NoRoom where the disk is full; then no file has the name.
    """
    model = model.to("cpu").eval()
    notes = {
        "classes": json.dumps(list(classes)),
        "recipe": json.dumps(recipe.to_json()),
        "resolution": str(recipe.resolution),
        "weights": weights,
    }
    data = _translate(model, recipe.resolution, notes)
    difference, same = _compare(model, Scorer(data), _with_noise(pictures, recipe.resolution))
    if not (difference <= CLOSE or (difference <= NEAR and same == 1)):
        raise NotExportable(
            f"The exported {recipe.network} says something else than torch: logits differ by up to"
            f" {difference:.2g}, and {100 * same:.1f} % of the pictures keep their class."
        )
    disk.write(path, data)
    compared = len(pictures) + RANDOM
    return Exported(hashlib.sha256(data).hexdigest(), len(data), OPSET, compared, difference, same)


def _translate(model: Classifier, resolution: int, notes: dict[str, str]) -> bytes:
    out = io.BytesIO()
    example = torch.zeros((2, resolution, resolution, 3), dtype=torch.uint8)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter's age, and of constants that it folds in
            torch.onnx.export(
                model,
                (example,),
                out,  # type: ignore[arg-type]  # its documentation allows a buffer
                dynamo=False,  # the newer exporter needs onnxscript
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
            )
    except Exception as trouble:  # of any kind: whatever the exporter cannot translate
        raise NotExportable(f"This network cannot be written as ONNX: {trouble}") from trouble
    graph = onnx.load_model_from_string(out.getvalue())
    onnx.helper.set_model_props(graph, notes)
    onnx.checker.check_model(graph, full_check=True)
    return bytes(graph.SerializeToString())


@torch.inference_mode()
def _compare(model: Classifier, scorer: Scorer, pictures: Pixels) -> tuple[float, float]:
    """Return the largest difference of any logit, and the share of pictures of the same class."""
    differences, same = [], []
    for start in range(0, len(pictures), LOT):
        part = pictures[start : start + LOT]
        ours = model(torch.from_numpy(part)).numpy()
        theirs = scorer.logits(part)
        differences.append(float(np.abs(ours - theirs).max()))
        same.append(ours.argmax(1) == theirs.argmax(1))
    return max(differences), float(np.concatenate(same).mean())


def _with_noise(pictures: Pixels, resolution: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).integers(0, 256, (RANDOM, resolution, resolution, 3), dtype=np.uint8)
    return np.concatenate([np.asarray(pictures, dtype=np.uint8), noise])
