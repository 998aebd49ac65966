import numpy as np
import pytest

from trainer.curves.thinning import thinned


@pytest.mark.parametrize(
    "n",
    [[64, 128, 256, 512, 1024], [100, 800], [500, 1000, 1500, 2000, 2500, 3000, 3500, 4000], [5], []],
)
def test_what_is_not_thick_stays(n):
    sizes, runs = thinned(n, [[0.1, 0.2]] * len(n))
    assert sizes.tolist() == n
    assert runs == [[0.1, 0.2]] * len(n)


def test_thick_points_become_one_run_a_half_octave():
    n = np.arange(101, 401)
    sizes, runs = thinned(n, [[error] for error in 1 / n])
    # 401 / 2^(k/2) from above: 400 down to 283, 282 to 201, 200 to 142, 141 to 101
    assert sizes == pytest.approx([np.exp(np.log(n[(n > a) & (n <= b)]).mean()) for a, b in BINS])
    assert [run[0] for run in runs] == pytest.approx([(1 / n[(n > a) & (n <= b)]).mean() for a, b in BINS])


BINS = [(100, 141), (141, 200), (200, 282), (282, 400)]


def test_runs_of_a_size_are_averaged_first():
    sizes, runs = thinned(np.arange(100, 200), [[0.1, 0.3]] * 100)
    assert len(sizes) == 2
    assert [len(run) for run in runs] == [1, 1]
    assert runs[0] == pytest.approx([0.2])
