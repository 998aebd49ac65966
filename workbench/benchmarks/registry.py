"""The one home of claims: each benchmark or check is one decorated function in a file of its own.

The file's place below this folder is the benchmark's name (`ledger/throughput.py` is `ledger.throughput`).
The function runs ours and a named peer in turn, checks that ours is right, and returns an Outcome; its
docstring says who the peer is and what is fair or unfair about it:

    @benchmark(target=2.0)
    def decoding() -> Outcome:
        ours, peer = in_turn(("simplejpeg", fast), ("Pillow", slow), repeats=5)
        return Outcome(ours, peer, gate=np.array_equal(...), because="equal pixels", counts="cpu")

A check claims no speed but that figures keep their bounds; it has no peer and no ratio, only a gate:

    @check
    def bands(data: Path | None) -> Verdict:
        return Verdict(gate=..., because="coverage 0.91 of 0.90", table=("ratio  coverage", ...))

A survey is no claim: it measures what it finds and tells it line by line, and only where it is asked for:

    @survey
    def gpu(tell: Tell, data: Path | None) -> None: ...
"""

import inspect
import pkgutil
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Literal

HERE = "workbench.benchmarks"


@dataclass(frozen=True)
class Side:
    """What one side took; one entry a repeat, and both sides' entries belong together."""

    name: str
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]  # of all its processes
    figures: dict[str, float] = field(default_factory=dict)  # further facts worth keeping


@dataclass(frozen=True)
class Outcome:
    ours: Side
    peer: Side
    gate: bool  # whether ours did the right thing; without it no speed counts
    because: str  # what the gate saw, for a person
    counts: Literal["wall", "cpu"] = "wall"  # on a busy machine processor time repeats better

    @property
    def ratio(self) -> float:
        """How many times faster ours is than the peer: the median of the pairs."""
        return statistics.median(self.ratios(self.counts))

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest ratio of one pair."""
        ratios = self.ratios(self.counts)
        return min(ratios), max(ratios)

    def ratios(self, counts: Literal["wall", "cpu"]) -> list[float]:
        """Return peer / ours of each pair, in wall time or in processor time."""
        sides = [side.wall_s if counts == "wall" else side.cpu_s for side in (self.ours, self.peer)]
        return [peer / ours for ours, peer in zip(*sides, strict=True)]


@dataclass(frozen=True)
class Benchmark:
    name: str
    target: float  # the ratio that we claim
    says: str
    measure: Callable[[], Outcome]

    def report(self, outcome: Outcome) -> dict[str, object]:
        """All figures, for a JSON file."""
        return {
            "name": self.name,
            "says": self.says,
            "ratio": outcome.ratio,
            "wall_ratio": statistics.median(outcome.ratios("wall")),
            "spread": outcome.spread,
            "n": len(outcome.ours.wall_s),
            "target": self.target,
            "reached": outcome.ratio >= self.target,
            **asdict(outcome),
        }


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    gate: bool  # whether every bound held
    because: str  # what the gate saw, for a person
    table: tuple[str, ...] = ()  # lines to print below
    figures: dict[str, float] = field(default_factory=dict)


class NoData(Exception):
    """A check's data are not there; the message says which and where they were looked for."""


@dataclass(frozen=True)
class Check:
    name: str
    says: str
    conduct: Callable[[Path | None], Verdict]  # given a folder of data; may raise NoData

    def report(self, verdict: Verdict) -> dict[str, object]:
        """All figures, for a JSON file."""
        return {"name": self.name, "says": self.says, **asdict(verdict)}


Tell = Callable[[str], object]


@dataclass(frozen=True)
class Survey:
    name: str
    says: str
    conduct: Callable[[Tell, Path | None], None]  # where to tell each line, and a folder of data


REGISTERED: dict[str, Benchmark | Check] = {}
SURVEYS: dict[str, Survey] = {}


def benchmark(*, target: float) -> Callable[[Callable[[], Outcome]], Callable[[], Outcome]]:
    """Make the function below the benchmark of its file."""

    def register(measure: Callable[[], Outcome]) -> Callable[[], Outcome]:
        name = measure.__module__.removeprefix(f"{HERE}.")
        REGISTERED[name] = Benchmark(name, target, inspect.getdoc(measure) or "", measure)
        return measure

    return register


def check(conduct: Callable[[Path | None], Verdict]) -> Callable[[Path | None], Verdict]:
    """Make the function below the check of its file."""
    name = conduct.__module__.removeprefix(f"{HERE}.")
    REGISTERED[name] = Check(name, inspect.getdoc(conduct) or "", conduct)
    return conduct


def survey(conduct: Callable[[Tell, Path | None], None]) -> Callable[[Tell, Path | None], None]:
    """Make the function below the survey of its file; `gpu/survey.py` is `gpu`."""
    name = conduct.__module__.removeprefix(f"{HERE}.").removesuffix(".survey")
    SURVEYS[name] = Survey(name, inspect.getdoc(conduct) or "", conduct)
    return conduct


def find(names: list[str]) -> list[Benchmark | Check | Survey]:
    """Return the named ones, or all benchmarks and checks; raises KeyError with an unknown name.

    Only what is asked for is imported: a benchmark may need libraries that take long to load.
    """
    for name in names or _files():
        _load(f"{HERE}.{name}")
        _load(f"{HERE}.{name}.survey")
    if not names:
        return sorted(REGISTERED.values(), key=lambda one: one.name)
    return [SURVEYS[name] if name in SURVEYS else REGISTERED[name] for name in names]


def _load(module: str) -> None:
    """Import the module, which need not be there; what it imports in turn must."""
    try:
        import_module(module)
    except ModuleNotFoundError as missing:
        if not module.startswith(str(missing.name)):
            raise


def _files() -> Iterator[str]:
    for found in pkgutil.walk_packages([str(Path(__file__).parent)], f"{HERE}."):
        if not found.ispkg and "settings" not in found.name:
            yield found.name.removeprefix(f"{HERE}.")


def in_turn(
    ours: tuple[str, Callable[[], object]], peer: tuple[str, Callable[[], object]], repeats: int
) -> tuple[Side, Side]:
    """Time both sides `repeats` times, one after the other, so that a busy machine hurts both alike."""
    times: dict[str, list[tuple[float, float]]] = {ours[0]: [], peer[0]: []}
    for repeat in range(repeats):
        for name, work in (ours, peer) if repeat % 2 == 0 else (peer, ours):
            times[name].append(_timed(work))
    return _side(ours[0], times[ours[0]]), _side(peer[0], times[peer[0]])


def _side(name: str, times: list[tuple[float, float]]) -> Side:
    return Side(name, tuple(wall for wall, _ in times), tuple(cpu for _, cpu in times))


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), _cpu_s()
    work()
    return time.perf_counter() - wall, _cpu_s() - cpu


def _cpu_s() -> float:
    """Processor time of this process and of the children that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)
