"""Many smooth minima at once, by L-BFGS: each problem has its own steps, all share one evaluation."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

MEMORY = 10  # pairs; 20 saved 4 of 55 evaluations and cost as much
DESCENT = 1e-4  # Armijo's share of the promised descent
ROUNDING = 2e-6  # of the value: below, single precision shows no descent
SHORTEST = 2.0**-20  # of a step: what descends nowhere gives up

Evaluate = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # points (P, F), live (P,) -> values, slopes
Precondition = Callable[[Tensor, Tensor], Tensor]  # slopes (P, F), live (P,) -> (P, F)


class Minima(NamedTuple):
    points: Tensor  # (P, F)
    reached: Tensor  # (P,) whether the slope got small enough
    evaluations: int


def minimize(
    evaluate: Evaluate,
    begin: Tensor,
    idle: Tensor,
    *,
    precondition: Precondition,
    flat: Callable[[Tensor], Tensor],
    most: int,
    tell: Callable[[int, int], None],
) -> Minima:
    """Return the minima of P problems, from `begin` (P, F); those that are idle (P,) stay there.

    precondition multiplies slopes by a fixed positive matrix, near the inverse curvature; flat(slopes) says
    (P,) which are small enough; tell(evaluations, found) hears of each evaluation.  What is not live is not
    asked for.  A step that does not descend is halved, while the other problems go on.
    Source: Nocedal & Wright 2006, "Numerical Optimization", algorithm 7.4.
    """
    points, live = begin, ~idle
    values, slopes = evaluate(points, live)
    ways, lengths = -precondition(slopes, live), torch.ones(len(begin))
    pairs: list[_Pair] = []
    for evaluation in range(1, most):
        live = ~(idle | flat(slopes)) & (lengths > SHORTEST)
        tell(evaluation, int((~live).sum()))
        if not live.any():
            break
        steps = (lengths * live)[:, None] * ways
        new_values, new_slopes = evaluate(points + steps, live)
        promised = DESCENT * lengths * torch.linalg.vecdot(slopes, ways)
        good = live & (new_values <= values + promised + ROUNDING * values.abs())
        turned = (new_slopes - slopes) * good[:, None]
        pairs = [*pairs[1 - MEMORY :], _Pair.of(steps * good[:, None], turned)]
        points, slopes = points + pairs[-1].steps, slopes + turned
        values = torch.where(good, new_values, values)
        ways = torch.where(good[:, None], _way(slopes, pairs, precondition, live), ways)
        lengths = torch.where(good, 1.0, lengths / 2)
    return Minima(points, flat(slopes), evaluation)


class _Pair(NamedTuple):
    """A step and how it turned the slope; where there was none, its weight is zero."""

    steps: Tensor  # (P, F)
    turned: Tensor  # (P, F)
    weight: Tensor  # (P,)

    @classmethod
    def of(cls, steps: Tensor, turned: Tensor) -> "_Pair":
        along = torch.linalg.vecdot(steps, turned)
        return cls(steps, turned, torch.where(along > 0, 1 / along.clamp(min=1e-30), 0.0))


def _way(slopes: Tensor, pairs: list[_Pair], precondition: Precondition, live: Tensor) -> Tensor:
    """Return where to go: down the slopes, bent by what the last steps told of the curvature."""
    way, amounts = -slopes, []
    for pair in reversed(pairs):
        amounts.append(pair.weight * torch.linalg.vecdot(pair.steps, way))
        way = way - amounts[-1][:, None] * pair.turned
    way = precondition(way, live)
    for pair, amount in zip(pairs, reversed(amounts), strict=True):
        way = way + (amount - pair.weight * torch.linalg.vecdot(pair.turned, way))[:, None] * pair.steps
    return way
