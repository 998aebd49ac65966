"""A trained model's word on pictures."""

from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray

from labeling.progress import Progress, Report, silent
from trainer.engine.device import Device
from trainer.engine.material import Decoded
from trainer.engine.networks.build import Classifier


@torch.inference_mode()
def predict(
    model: Classifier,
    pixels: Decoded,
    device: Device,
    *,
    rows: NDArray[np.int64] | None = None,
    batch: int = 512,
    report: Report = silent,
) -> NDArray[np.float32]:
    """Return (N, K) probabilities that sum to 1, of uint8 pixels (N, R, R, 3) or of these rows of them."""
    model.eval()
    rows = np.arange(len(pixels)) if rows is None else rows
    parts = [torch.zeros(0, model.head.out_features)]
    for start in range(0, len(rows), batch):
        report(Progress("predicting", start, len(rows)))
        images = torch.from_numpy(pixels[rows[start : start + batch]]).to(device.name)
        with autocast(device):
            logits = model(images)
        parts.append(logits.double().softmax(1).float().cpu())
    return torch.cat(parts).numpy()


def autocast(device: Device) -> torch.autocast | nullcontext[None]:
    """Return the context in which convolutions and products are computed in the device's precision."""
    if not device.bf16:
        return nullcontext()
    return torch.autocast(device.name.split(":")[0], torch.bfloat16)
