"""A test that hangs fails where it hangs and its fixtures clean up; beyond Python's reach its process ends.

The second half is pytest's own, see faulthandler_timeout in pyproject.toml.
"""

import signal
from collections.abc import Iterator

import pytest

LIMIT_S = 300  # the longest takes 40 s on an idle machine


def limited(item: pytest.Item) -> Iterator[None]:
    def give_up(number: int, frame: object) -> None:
        pytest.fail(f"It did not end within {LIMIT_S} s.")  # no Exception: code under test cannot swallow it

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT_S)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


pytest_runtest_setup = pytest.hookimpl(wrapper=True)(limited)
pytest_runtest_call = pytest.hookimpl(wrapper=True)(limited)
pytest_runtest_teardown = pytest.hookimpl(wrapper=True)(limited)
