"""`manage.py bench [NAME ...]`: runs ours and a named peer in turn, and says how they compare."""

import json
import os
import platform
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench.benchmarks import registry
from workbench.benchmarks.registry import Benchmark, Outcome, Survey


class Command(BaseCommand):
    help = "Measures our speed claims; exits with 1 where a result is not right, however fast it came."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="default: all but gpu")
        parser.add_argument("--data", type=Path, metavar="DIR", help="for gpu: Fashion-MNIST and CIFAR-10")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")

    def handle(self, *, names: list[str], json: Path | None, data: Path | None, **options: object) -> None:
        try:
            chosen = registry.find(names)
        except KeyError as unknown:
            raise CommandError(
                f"There is no benchmark {unknown}; there are: {', '.join(_known())}."
            ) from None
        for one in chosen:
            if isinstance(one, Survey):
                one.conduct(self._tell, data)
        outcomes = [(one, self._run(one)) for one in chosen if isinstance(one, Benchmark)]
        if json is not None:
            _write(json, outcomes)
        sys.exit(0 if all(outcome.gate for _, outcome in outcomes) else 1)

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _run(self, one: Benchmark) -> Outcome:
        outcome = one.measure()
        low, high = outcome.spread
        gate = "gate held" if outcome.gate else "GATE FAILED"
        self.stdout.write(
            f"{one.name}  ratio {outcome.ratio:.2f} ({low:.2f}-{high:.2f}, n={len(outcome.ours.wall_s)}"
            f"{_beside(outcome)})"
            f"  target {one.target:g}{'' if outcome.ratio >= one.target else ' MISSED'}"
            f"  {gate}: {outcome.because}"
        )
        return outcome


def _beside(outcome: Outcome) -> str:
    """Say where processor time was counted, and what the clock on the wall said meanwhile."""
    return f", CPU; wall {statistics.median(outcome.ratios('wall')):.2f}" if outcome.counts == "cpu" else ""


def _known() -> list[str]:
    return [*(one.name for one in registry.find([])), *registry.SURVEYS]


def _write(file: Path, outcomes: list[tuple[Benchmark, Outcome]]) -> None:
    machine = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    results = [one.report(outcome) for one, outcome in outcomes]
    file.write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")
