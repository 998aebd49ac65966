"""`manage.py test`: format, lint, types, house, migrations, then the whole suite in two processes.

Arguments go to pytest.
"""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand

BIN = Path(sys.prefix) / "bin"
CHECKS: dict[str, list[str | Path]] = {
    "format": [BIN / "ruff", "format", "--check", "--quiet", "."],
    "lint": [BIN / "ruff", "check", "--quiet", "."],
    "types": [BIN / "mypy", "--no-error-summary"],
    "imports": [BIN / "lint-imports", "--no-logo"],
    "django": [sys.executable, "manage.py", "check", "--fail-level", "WARNING"],
    "migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
}
# Two processes; `-n 0` among the arguments makes it one.  See tests/side_by_side.py.
SIDE_BY_SIDE = ["-n", "2", "--dist", "loadfile", "--max-worker-restart", "0"]
POSTGRES = "postgres://postgres@127.0.0.1:5432/test"


class Command(BaseCommand):
    help = (
        "Run every check and the test suite. --postgres runs the database-bound tests on PostgreSQL instead."
    )
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Take the arguments as they are: all but --postgres belong to pytest."""
        arguments = argv[2:]
        if "--postgres" in arguments:
            arguments.remove("--postgres")
            sys.exit(self.on_postgres(arguments))
        failed = [name for name, command in CHECKS.items() if not self.passes(name, command)]
        code = self.pytest(arguments)
        if failed:
            self.stdout.write(f"failed checks: {', '.join(failed)}")
        sys.exit(code or int(bool(failed)))

    def passes(self, name: str, command: list[str | Path]) -> bool:
        self.stdout.write(f"-- {name}")
        self.stdout.flush()
        return subprocess.run(command, cwd=settings.BASE_DIR).returncode == 0

    def pytest(self, arguments: list[str], **env: str) -> int:
        command = [sys.executable, "-m", "pytest", *SIDE_BY_SIDE, *arguments]
        return subprocess.run(command, cwd=settings.BASE_DIR, env={**os.environ, **env}).returncode

    def on_postgres(self, arguments: list[str]) -> int:
        url = os.environ.get("TEST_DATABASE_URL", POSTGRES)
        problem = unreachable(url)
        if problem:
            where = urlsplit(url)
            self.stdout.write(
                f"The tests on PostgreSQL were skipped: {where.hostname}{where.path} is silent ({problem})."
            )
            return int(bool(os.environ.get("CI")))
        return self.pytest(["-m", "database", *arguments], DATABASE_URL=url)


def unreachable(url: str) -> str:
    """Why no PostgreSQL answers at url, or "" when one does."""
    import psycopg  # only this branch needs it

    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as problem:
        return str(problem).splitlines()[0]
    return ""
