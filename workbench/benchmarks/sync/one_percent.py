"""What the next exchange costs us where one annotation in a hundred changed."""

from workbench.benchmarks.registry import Outcome, benchmark
from workbench.benchmarks.sync import sides


@benchmark(target=300.0)
def one_percent() -> Outcome:
    """The peer takes everything again by update_or_create, as who keeps no cursor must; see sync.full.

    Ours takes what the server says has changed since the cursor, the overlap of a minute included.  Where the
    counts on both sides differ ours compares everything, too: that is `sync.compared`.
    """
    return sides.outcome("one_percent")
