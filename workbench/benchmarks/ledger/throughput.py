"""How many jobs a second four processes claim and finish on one SQLite file."""

import tempfile
from pathlib import Path

from workbench.benchmarks.ledger import scratch
from workbench.benchmarks.ledger.scratch import Race
from workbench.benchmarks.registry import Outcome, Side, benchmark

JOBS = 400
PROCESSES = 4
REPEATS = 5


@benchmark(target=2.0)
def throughput() -> Outcome:
    """The peer is the same ledger on the SQLite settings that Django comes with.

    They are a rollback journal, synchronous=FULL and 5 s of patience, where ours are WAL, NORMAL and 20 s.
    It is the database that a Django project has until somebody tunes it, not another queue: of the queues
    that we tried none survives kill -9 on SQLite without a double run.  The gate: four processes claim each
    of the jobs exactly once, and none meets an error.
    """
    with tempfile.TemporaryDirectory(prefix="seedbed-bench-") as folder:
        sides: dict[str, list[list[Race]]] = {"0": [], "1": []}
        for repeat in range(REPEATS):
            for stock in ("01", "10")[repeat % 2]:  # in turn, so that a busy machine hurts both alike
                home = Path(folder, stock)
                home.mkdir(exist_ok=True)
                env = scratch.environment(home, SEEDBED_STOCK_SQLITE=stock)
                scratch.prepare(env, "fill", JOBS)
                sides[stock].append(scratch.race(env, PROCESSES))
    ours = sides["0"]
    return Outcome(
        _side("seedbed", ours),
        _side("stock settings", sides["1"]),
        gate=all(_right(races) for races in ours),
        because=f"{PROCESSES} processes claimed {REPEATS} x {JOBS} jobs: {_told(ours)}",
    )


def _side(name: str, repeats: list[list[Race]]) -> Side:
    walls = tuple(max(r["ended"] for r in races) - min(r["began"] for r in races) for races in repeats)
    figures = {
        "jobs_per_s": JOBS / sorted(walls)[len(walls) // 2],
        "errors": float(sum(r["errors"] for races in repeats for r in races)),
    }
    return Side(name, walls, tuple(sum(r["cpu_s"] for r in races) for races in repeats), figures)


def _right(races: list[Race]) -> bool:
    claims = [claim for race in races for claim in race["claims"]]
    return len(claims) == len(set(claims)) == JOBS and not any(race["errors"] for race in races)


def _told(repeats: list[list[Race]]) -> str:
    claims = [claim for races in repeats for race in races for claim in race["claims"]]
    errors = sum(race["errors"] for races in repeats for race in races)
    return f"{len(claims)} claims, {len(claims) - len(set(claims))} double, {errors} errors"
