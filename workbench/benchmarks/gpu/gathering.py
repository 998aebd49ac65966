"""How fast resident pictures come moved and mirrored."""

import torch

from augment.batch_specs import SHIFT_FLIP
from augment.supply import Supply
from workbench.benchmarks.gpu.ceilings import Ceilings
from workbench.benchmarks.gpu.finding import Finding, seconds

PICTURES, SIDE, BATCH = 50_000, 32, 2000


def findings(
    device: str, ceilings: Ceilings, *, pictures: int = PICTURES, batch: int = BATCH
) -> list[Finding]:
    """Return the bytes read and written a second, the draws on the CPU counted; predicted: a mere copy."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (pictures, SIDE, SIDE, 3), dtype=torch.uint8, generator=generator)
    supply = Supply(images.to(device), SHIFT_FLIP)
    rows = torch.randint(pictures, (batch,), generator=generator).to(device)
    took = seconds(device, lambda: supply.batch(rows, generator), calls=20)
    note = f"{batch / took / 1e6:.3g} million pictures a second"
    moved = 2 * batch * images[0].numel()
    return [
        Finding("pictures moved and mirrored", "GB/s", moved / took / 1e9, 1e3 * ceilings.tb_s, note),
    ]
