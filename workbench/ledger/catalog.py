"""Which functions a job may name: those of the modules in the setting JOB_MODULES, and no others."""

import inspect
from collections.abc import Callable
from importlib import import_module

from django.conf import settings

Work = Callable[..., dict[str, object] | None]  # (report, **params) -> what to keep as the job's result


class UnknownWork(Exception):
    """No job function has this name."""


def check(work: str) -> tuple[str, str]:
    """Split a dotted path into module and name; raises UnknownWork where the module holds no jobs."""
    module, _, name = work.rpartition(".")
    if module not in settings.JOB_MODULES or name.startswith("_"):
        raise UnknownWork(f"{work!r} is no job; jobs live in {', '.join(settings.JOB_MODULES)}")
    return module, name


def find(work: str) -> Work:
    module, name = check(work)
    found = getattr(import_module(module), name, None)
    # the module's imports are no jobs
    if not inspect.isfunction(found) or found.__module__ != module:
        raise UnknownWork(f"{module} has no job function {name!r}")
    return found
