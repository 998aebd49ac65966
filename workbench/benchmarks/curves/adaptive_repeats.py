"""Which size of a curve the next training goes to, on public curves."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from trainer.curves import adaptive, instances
from trainer.curves.instances import Instance
from trainer.engine.recipe import Recipe
from workbench.benchmarks.curves import public
from workbench.benchmarks.registry import Verdict, check

FILE = "lcdb11_extrap_benchmark.npz"
EVERY = 40  # of 4,000 curves
N_TEST = 500  # the file does not tell; it sets the noise of sizes that were trained once
COSTS: dict[str, Callable[[int], float]] = {"equal": lambda n: 1.0, "steps": Recipe().steps}
EXPECTED = 0.7  # of curves whose next training goes to N or N/2, at equal costs


@check
def adaptive_repeats(data: Path | None) -> Verdict:
    """100 curves of LCDB 1.1 with one run at each of N/16 to N: the next goes to N or N/2 in at least 70."""
    curves = instances.read(public.folder(data) / FILE, EVERY)
    chosen = {name: Counter(next_size(curve, cost) for curve in curves) for name, cost in COSTS.items()}
    share = (chosen["equal"]["N/1"] + chosen["equal"]["N/2"]) / len(curves)
    table = [f"costs {name}: {told(counts)}" for name, counts in chosen.items()]
    because = f"N or N/2 for {100 * share:.0f} % of {len(curves)} curves at equal costs"
    return Verdict(share >= EXPECTED, because, tuple(table), {"share": share})


def next_size(curve: Instance, cost: Callable[[int], float]) -> str:
    """Return the chosen size as N over a number, or "none"."""
    sizes = [round(n) for n in curve.n]
    once = [errors[:1] for errors in curve.runs]
    found = adaptive.next_size(sizes, once, chance_error=curve.chance_error, n_test=N_TEST, cost=cost)
    return f"N/{round(sizes[-1] / found.n)}" if found else "none"


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())
