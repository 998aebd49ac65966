"""A process that fills a ledger, or empties it beside others that do the same.

`python -m workbench.benchmarks.ledger.racer fill COUNT` migrates the database and queues COUNT jobs.
`... racer hang FILE` queues one job that hangs in its first attempt and leaves its effect in FILE.
`... racer empty NAME` says "ready", waits for a line on stdin, claims and finishes jobs without doing them
until none is left, and prints what it did as JSON.
"""

import json
import sys
import time

import django
from django.core.management import call_command
from django.db import OperationalError, transaction
from django.utils import timezone

django.setup()

from workbench.ledger.dispatch import submit  # noqa: E402  # models need the setup
from workbench.ledger.models import Job  # noqa: E402


def fill(count: int) -> None:
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        Job.objects.all().delete()
        for number in range(count):
            submit("workbench.jobs.refresh_advice", f"job {number}")


def empty(name: str) -> dict[str, object]:
    claims, errors = [], 0
    Job.objects.exists()  # connected before the race begins
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.monotonic(), time.process_time()
    while True:
        try:
            claimed = _one(name)
        except OperationalError:  # "database is locked", as stock settings have it
            errors += 1
            continue
        if claimed is None:
            break
        claims += [claimed] if claimed else []
    return {
        "claims": claims,
        "errors": errors,
        "began": began,
        "ended": time.monotonic(),
        "cpu_s": time.process_time() - cpu,
    }


def _one(name: str) -> str | None:
    """Claim and finish one job: its id, "" when another was faster, None when none is left."""
    job = Job.objects.ready(["cpu"], timezone.now()).first()
    if job is None:
        return None
    token = job.claim(name, timezone.now())
    if token is None:
        return ""
    job.finish(token, None, timezone.now())
    return str(job.pk)


if __name__ == "__main__":
    verb, argument = sys.argv[1:]
    if verb == "fill":
        fill(int(argument))
    elif verb == "hang":
        submit("workbench.benchmarks.ledger.jobs.hang_once", argument, file=argument)
    else:
        print(json.dumps(empty(argument)), flush=True)
