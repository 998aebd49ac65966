"""`manage.py bench [NAME ...]`: runs ours and a named peer in turn, and says how they compare."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench.benchmarks import registry
from workbench.benchmarks.registry import Benchmark, Outcome


class Command(BaseCommand):
    help = "Measures our speed claims; exits with 1 where a result is not right, however fast it came."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")

    def handle(self, *, names: list[str], json: Path | None, **options: object) -> None:
        try:
            chosen = registry.find(names)
        except KeyError as unknown:
            raise CommandError(
                f"There is no benchmark {unknown}; there are: {', '.join(_known())}."
            ) from None
        outcomes = [(one, self._run(one)) for one in chosen]
        if json is not None:
            _write(json, outcomes)
        sys.exit(0 if all(outcome.gate for _, outcome in outcomes) else 1)

    def _run(self, one: Benchmark) -> Outcome:
        outcome = one.measure()
        low, high = outcome.spread
        gate = "gate held" if outcome.gate else "GATE FAILED"
        self.stdout.write(
            f"{one.name}  ratio {outcome.ratio:.2f} ({low:.2f}-{high:.2f}, n={len(outcome.ours.wall_s)})"
            f"  target {one.target:g}{'' if outcome.ratio >= one.target else ' MISSED'}"
            f"  {gate}: {outcome.because}"
        )
        return outcome


def _known() -> list[str]:
    return [one.name for one in registry.find([])]


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
