"""Points that lie thick on one another are not independent: they are averaged in bins of half an octave."""

from collections.abc import Sequence

import numpy as np

from trainer.curves.families import Floats

BINS_PER_OCTAVE = 2
THICK = 2.0  # sizes per bin on average, above which a curve is thinned


def thinned(n: Sequence[float] | Floats, runs: Sequence[Sequence[float]]) -> tuple[Floats, list[list[float]]]:
    """Return the sizes (K,) and the errors of their runs, averaged where sizes are thick, else as they are.

    Checkpoints of one training err together: taken one by one their band is far too narrow.  Bins are counted
    down from the largest size; each becomes one run at the geometric mean of its sizes.
    """
    sizes = np.asarray(n, float)
    if (
        len(sizes) <= THICK
        or sizes[0] <= 0
        or (np.diff(sizes) <= 0).any()
        or not all(len(one) for one in runs)
    ):
        return sizes, [list(errors) for errors in runs]  # too few, or no curve: fit.summarize will say so
    octaves = np.log2(sizes[-1] / sizes[0])
    if len(sizes) <= THICK * (octaves * BINS_PER_OCTAVE + 1):
        return sizes, [list(errors) for errors in runs]
    means = np.array([np.mean(errors) for errors in runs])
    place = np.floor(np.log2(sizes[-1] / sizes) * BINS_PER_OCTAVE)
    bins = [place == number for number in np.unique(place)[::-1]]
    middles = np.array([np.exp(np.log(sizes[rows]).mean()) for rows in bins])
    return middles, [[float(means[rows].mean())] for rows in bins]
