"""The two ceilings of a device, from which all else is predicted: products and memory."""

from typing import NamedTuple

import torch

from workbench.benchmarks.gpu.finding import Finding, seconds

SIZE, COPIED = 8192, 2**31  # rows of a square matrix; bytes
H200 = (790.0, 4.3)  # TFLOP/s and TB/s that such a card was seen to reach


class Ceilings(NamedTuple):
    tflop_s: float  # bf16 products
    tb_s: float  # read and written

    def floor_s(self, flop: float, moved: float) -> float:
        """Return the least time for so many operations and bytes moved, where neither hides the other."""
        return flop / (self.tflop_s * 1e12) + moved / (self.tb_s * 1e12)


def measure(device: str, *, size: int = SIZE, copied: int = COPIED) -> Ceilings:
    """Multiply two bf16 matrices (size, size), copy `copied` bytes."""
    one, other = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    product_s = seconds(device, lambda: one @ other, calls=5)
    source = torch.zeros(copied, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy_s = seconds(device, lambda: target.copy_(source), calls=5)
    return Ceilings(2 * size**3 / product_s / 1e12, 2 * copied / copy_s / 1e12)


def findings(found: Ceilings) -> list[Finding]:
    """Return both beside what an H200 reaches."""
    said = "predicted for an H200"
    return [
        Finding("bf16 product", "TFLOP/s", found.tflop_s, H200[0], said),
        Finding("copy, read and written", "TB/s", found.tb_s, H200[1], said),
    ]
