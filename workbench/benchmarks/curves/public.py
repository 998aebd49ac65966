"""Where the public curves lie that checks of accuracy need; they are no part of the product."""

from pathlib import Path

from workbench.benchmarks.registry import NoData

_ROOT = Path(__file__).resolve().parents[3]
PLACES = (_ROOT / "shared/data/curves", _ROOT.parent / "shared/data/curves")


def folder(data: Path | None) -> Path:
    """Return the folder of public curves: the one given, or shared/data/curves in or beside the checkout.

    Raises NoData where it is not there.
    """
    for place in (data,) if data else PLACES:
        if place.is_dir():
            return place
    raise NoData(f"there are no public curves at {data or PLACES[0]}; name their folder with --data")
