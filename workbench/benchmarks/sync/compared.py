"""What comparing everything costs us where the counts differ and one annotation in a hundred changed."""

from workbench.benchmarks.registry import Outcome, benchmark
from workbench.benchmarks.sync import sides


@benchmark(target=50.0)
def compared() -> Outcome:
    """The peer takes everything again by update_or_create; see sync.full.  Ours has no cursor here."""
    return sides.outcome("all")
