"""`manage.py bench [NAME ...]`: how fast ours is beside a named peer, and whether figures keep bounds."""

import json
import os
import platform
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench.benchmarks import registry
from workbench.benchmarks.registry import Benchmark, Check, NoData, Outcome, Survey, Verdict


class Command(BaseCommand):
    help = "Measures our claims; exits with 1 where a result is not right, however fast it came."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="default: all but gpu")
        parser.add_argument(
            "--data", type=Path, metavar="DIR", help="public data: images for gpu, curves for curves"
        )
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
        reports = [self._run(one) for one in chosen if isinstance(one, Benchmark)]
        reports += self._checked([one for one in chosen if isinstance(one, Check)], data)
        if json is not None:
            _write(json, reports)
        sys.exit(0 if all(report["gate"] for report in reports) else 1)

    def _checked(self, checks: list[Check], data: Path | None) -> list[dict[str, object]]:
        """Conduct the checks whose data are there, and say of the others that they were not."""
        reports = []
        for one in checks:
            try:
                verdict = one.conduct(data)
            except NoData as absent:
                self._tell(f"{one.name}  NOT CHECKED: {absent}")
                continue
            self._tell(f"{one.name}  {_gate(verdict)}: {verdict.because}")
            for line in verdict.table:
                self._tell(f"  {line}")
            reports.append(one.report(verdict))
        return reports

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _run(self, one: Benchmark) -> dict[str, object]:
        outcome = one.measure()
        low, high = outcome.spread
        self.stdout.write(
            f"{one.name}  ratio {outcome.ratio:.2f} ({low:.2f}-{high:.2f}, n={len(outcome.ours.wall_s)}"
            f"{_beside(outcome)})"
            f"  target {one.target:g}{'' if outcome.ratio >= one.target else ' MISSED'}"
            f"  {_gate(outcome)}: {outcome.because}"
        )
        return one.report(outcome)


def _gate(found: Outcome | Verdict) -> str:
    return "gate held" if found.gate else "GATE FAILED"


def _beside(outcome: Outcome) -> str:
    """Say where processor time was counted, and what the clock on the wall said meanwhile."""
    return f", CPU; wall {statistics.median(outcome.ratios('wall')):.2f}" if outcome.counts == "cpu" else ""


def _known() -> list[str]:
    return [*(one.name for one in registry.find([])), *registry.SURVEYS]


def _write(file: Path, results: list[dict[str, object]]) -> None:
    machine = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    file.write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")
