"""Linear heads for a whole learning curve, and points that cover a cloud: at the speed of products."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from labeling.strategies import kcenter
from labeling.strategies.kcenter import Block
from workbench.benchmarks.gpu.ceilings import Ceilings
from workbench.benchmarks.gpu.finding import Finding, seconds

PENALTY = 1.0
CLASSES, SIZES, SEEDS = 10, 8, 5
LOT = 131_072  # rows measured at a time: against 1,000 picks, 0.5 GiB of distances


class Cloud(NamedTuple):
    rows: int
    features: int


class Ask(NamedTuple):
    """How large it is measured."""

    heads: Cloud = Cloud(60_000, 512)
    cover: Cloud = Cloud(1_000_000, 512)
    picks: int = 1000
    candidates: int = 4096
    compared: Cloud = Cloud(20_000, 64)  # that a plain search on the CPU picks the same


def ridge(x: Tensor, targets: Tensor, orders: Tensor, sizes: Sequence[int], penalty: float) -> Tensor:
    """Return the ridge heads (S, Z, D, K) of the first `sizes` (Z,) rows of each order (S, N).

    They minimize |x W - targets|^2 + penalty |W|^2; x is (N, D), targets (N, K).  Each row enters one product
    of each order: a larger size adds to the smaller one's sums.
    """
    squares, sums = [], []
    for order in orders:
        square, total = x.new_zeros(x.shape[1], x.shape[1]), x.new_zeros(x.shape[1], targets.shape[1])
        for start, stop in zip([0, *sizes], sizes, strict=False):
            fresh = x[order[start:stop]]
            square, total = square + fresh.T @ fresh, total + fresh.T @ targets[order[start:stop]]
            squares.append(square)
            sums.append(total)
    eye = penalty * torch.eye(x.shape[1], device=x.device, dtype=x.dtype)
    factors = torch.linalg.cholesky(torch.stack(squares) + eye)
    heads = torch.cholesky_solve(torch.stack(sums), factors)
    return heads.view(len(orders), len(sizes), x.shape[1], -1)


class Points:
    """Rows x (N, D) on a device; the first is a pick already.  See labeling.strategies.kcenter."""

    def __init__(self, x: Tensor) -> None:
        self.x, self.norms = x, x.square().sum(1)
        self.nearest = _squares(x, self.norms, [0]).amin(1)

    def farthest(self, most: int) -> Block:
        far, rows = self.nearest.topk(min(most, len(self.x)))
        rows, order = rows.sort()
        among = _squares(self.x[rows], self.norms[rows], list(range(len(rows))))
        return Block(rows, far[order], among, float(far[-1]))

    def approach(self, rows: Tensor) -> None:
        for start in range(0, len(self.x), LOT):
            part = slice(start, start + LOT)
            products = self.x[part] @ self.x[rows].T
            to_chosen = self.norms[part, None] + self.norms[rows] - 2 * products
            self.nearest[part] = torch.minimum(self.nearest[part], to_chosen.clamp(min=0).amin(1))

    def nearer(self, one: Tensor, other: Tensor) -> Tensor:
        return torch.minimum(one, other)


def cover(x: Tensor, count: int, candidates: int) -> list[int]:
    """Return `count` rows of x (N, D), each the farthest from those before it; row 0 comes first."""
    return [0, *kcenter.cover(Points(x), count - 1, candidates)]


def plain_cover(x: Tensor, count: int) -> list[int]:
    """Return the same picks one by one, each against all rows."""
    norms = x.square().sum(1)
    picks, nearest = [0], _squares(x, norms, [0])[:, 0]
    while len(picks) < count:
        picks.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, _squares(x, norms, picks[-1:])[:, 0])
    return picks


def findings(device: str, ceilings: Ceilings, ask: Ask | None = None) -> list[Finding]:
    """Return the seconds for all heads and for all picks, and how many picks are the plain ones."""
    ask = ask or Ask()
    generator = torch.Generator(device).manual_seed(0)
    return [
        _heads(device, ask.heads, generator),
        _cover(device, ceilings, ask, generator),
        _agreement(device, ask, generator),
    ]


def _heads(device: str, cloud: Cloud, generator: torch.Generator) -> Finding:
    x = torch.randn(*cloud, device=device, generator=generator)
    labels = torch.randint(CLASSES, (cloud.rows,), device=device, generator=generator)
    targets = torch.nn.functional.one_hot(labels, CLASSES).float()
    orders = torch.stack(
        [torch.randperm(cloud.rows, device=device, generator=generator) for _ in range(SEEDS)]
    )
    sizes = [cloud.rows >> halved for halved in reversed(range(SIZES))]
    took = seconds(device, lambda: ridge(x, targets, orders, sizes, PENALTY), repeats=3)
    what = f"{SIZES} x {SEEDS} ridge heads on {cloud.rows:,} x {cloud.features}"
    return Finding(what, "s", took, 0.3, "predicted for an H200; goal 0.5")


def _cover(device: str, ceilings: Ceilings, ask: Ask, generator: torch.Generator) -> Finding:
    x = torch.randn(*ask.cover, device=device, generator=generator)
    took = seconds(device, lambda: cover(x, ask.picks, ask.candidates), repeats=3)
    floor = ceilings.floor_s(2.0 * ask.cover.rows * ask.cover.features * ask.picks, 0)
    what = f"{ask.picks:,} of {ask.cover.rows:,} x {ask.cover.features} that cover the others"
    return Finding(what, "s", took, floor, "fp32; predicted: its products in bf16 alone; goal 0.5")


def _agreement(device: str, ask: Ask, generator: torch.Generator) -> Finding:
    x = torch.randn(*ask.compared, device=device, generator=generator)
    count = min(ask.picks, ask.compared.rows // 10)
    ours, plain = cover(x, count, ask.candidates), plain_cover(x.cpu(), count)
    same = sum(one == other for one, other in zip(ours, plain, strict=True))
    return Finding("picks that a plain search on the CPU makes too", f"of {count}", same, count)


def _squares(x: Tensor, norms: Tensor, picks: list[int]) -> Tensor:
    """Return the squared distances (N, P) of all rows to these rows."""
    return (norms[:, None] + norms[picks] - 2 * x @ x[picks].T).clamp(min=0)
