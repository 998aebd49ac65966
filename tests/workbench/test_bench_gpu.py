"""The survey of a GPU: every part runs small on the CPU; what only CUDA has says so by itself."""

import gzip
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from trainer.engine.device import Device
from workbench.benchmarks import registry
from workbench.benchmarks.gpu import ceilings, gathering, heads, sets, step, survey, together, trainings
from workbench.benchmarks.gpu.ceilings import Ceilings
from workbench.benchmarks.gpu.finding import Finding
from workbench.benchmarks.gpu.grouped import Grouped
from workbench.benchmarks.gpu.heads import Ask, Cloud
from workbench.benchmarks.gpu.step import Step

TOP = Ceilings(tflop_s=100.0, tb_s=1.0)
CPU = Device("cpu", "fp32")
TINY = replace(together.PLAIN, width=2, resolution=8)
ROOT = Path(__file__).resolve().parents[2]


def measured(findings):
    return {one.what: one.measured for one in findings}


@pytest.fixture
def steps():
    return [Step("cpu", TINY, 8, seed) for seed in range(3)]


# --- what must not happen


def test_a_machine_without_a_gpu_gets_one_sentence():
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "gpu"],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    assert done.stdout.startswith("There is no CUDA device here")


def test_the_survey_is_none_of_the_benchmarks():
    assert "gpu" not in {one.name for one in registry.find([])}
    assert [one.name for one in registry.find(["gpu"])] == ["gpu"]


def test_what_is_not_measured_says_why():
    told = Finding("a graph", "ms", None, note="no such device").told()
    assert told == "a graph: not measured, no such device"


def test_a_pickle_with_code_is_refused(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(pickle.dumps({b"data": os.getcwd}))
    with pytest.raises(pickle.UnpicklingError, match="has no place in a file of pictures"):
        sets.cifar(tmp_path)


def test_a_part_that_fails_is_told_and_the_others_go_on():
    def failing():
        yield Finding("before", "ms", 1.0)
        raise RuntimeError("out of memory\nand much more")

    told = []
    survey.conduct([failing, lambda: [Finding("after", "ms", 2.0)]], told.append)
    assert told == [
        "before: measured 1 ms",
        "This part failed: RuntimeError: out of memory",
        "after: measured 2 ms",
    ]


def test_sets_that_are_not_there_are_none(tmp_path):
    assert sets.fashion(tmp_path) is None
    assert sets.cifar(tmp_path) is None


def test_a_set_that_is_not_there_is_told(tmp_path):
    told = []
    survey.conduct([survey.parts(CPU, TOP, tmp_path)[-1]], told.append)
    assert told == [f"{name}: not measured, --data DIR does not hold it" for name in survey.RUNS]


# --- what must happen


def test_a_finding_tells_what_was_predicted():
    assert Finding("a step", "ms", 2.0, 1.5, "alone").told() == "a step: predicted 1.5, measured 2 ms (alone)"
    assert Finding("a step", "ms", 2.0).told() == "a step: measured 2 ms"


def test_ceilings_small():
    found = ceilings.measure("cpu", size=64, copied=2**16)
    assert min(found) > 0
    assert [one.predicted for one in ceilings.findings(found)] == [790.0, 4.3]


def test_a_floor_adds_products_and_memory():
    assert TOP.floor_s(1e14, 2e12) == pytest.approx(3.0)


def test_the_work_of_airbench_is_the_published_one():
    assert step.flop(step.AIRBENCH) * 50_000 * 8 / 1e15 == pytest.approx(0.29, abs=0.01)


def test_steps_small():
    found = measured(step.findings("cpu", TOP, recipe=TINY, batches=(4, 8)))
    assert [*found][1:4] == ["step of 8, eager", "step of 4, graph", "step of 8, graph"]
    assert found["step of 8, eager"] > 0
    assert found["step of 8, graph"] is None


def test_a_step_learns():
    one = Step("cpu", replace(TINY, width=8, learning_rate=0.1), 8)
    first, *_, last = [float(one()) for _ in range(20)]
    assert last < first / 2


def test_together_small():
    found = list(together.findings("cpu", TOP, recipe=TINY, models=2, batch=4))
    ways = [one.what.rpartition(", ")[2] for one in found]
    assert ways == ["in turn", "streams", "graph", "vmap", "grouped"]
    assert [one.measured is None for one in found] == [False, True, True, False, False]


@pytest.mark.parametrize("way", [together.vmapped, together.grouped])
def test_models_together_take_the_steps_that_each_takes_alone(steps, way):
    call = way(steps)
    together_losses = torch.stack([call() for _ in range(3)])
    alone = torch.stack([torch.stack([one() for one in steps]) for _ in range(3)])
    torch.testing.assert_close(together_losses, alone, rtol=0.03, atol=0.03)  # bf16


def test_grouped_networks_say_what_each_says_alone(steps):
    models = [one.model.eval() for one in steps]
    images = torch.stack([one.images for one in steps])
    expected = torch.stack([model(one.images) for model, one in zip(models, steps, strict=True)])
    torch.testing.assert_close(Grouped(models).eval()(images), expected)


def test_gathering_small():
    (found,) = gathering.findings("cpu", TOP, pictures=20, batch=8)
    assert found.measured > 0
    assert found.predicted == 1000.0


def test_ridge_heads_are_scikit_learns():
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(40, 6)), rng.normal(size=(40, 3))
    orders = np.stack([rng.permutation(40) for _ in range(2)])
    found = heads.ridge(*(torch.from_numpy(each) for each in (x, targets, orders)), [10, 40], 0.5)
    rows = orders[1][:10]
    expected = Ridge(alpha=0.5, fit_intercept=False).fit(x[rows], targets[rows]).coef_.T
    assert found.shape == (2, 2, 6, 3)
    np.testing.assert_allclose(found[1, 0], expected, atol=1e-10)
    np.testing.assert_allclose(found[0, 1], found[1, 1], atol=1e-10)


@pytest.mark.parametrize("candidates", [2, 16, 1000])
def test_speculative_picks_are_the_plain_ones(candidates):
    x = torch.randn(300, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert heads.cover(x, 60, candidates) == heads.plain_cover(x, 60)


def test_heads_small():
    ask = Ask(Cloud(200, 4), Cloud(100, 4), picks=10, candidates=8, compared=Cloud(200, 4))
    found = heads.findings("cpu", TOP, ask)
    assert found[0].what == "8 x 5 ridge heads on 200 x 4"
    assert (found[2].measured, found[2].predicted) == (10, 10)


def test_a_curve_from_a_few_trainings():
    recipe = replace(trainings.CIFAR, width=2, resolution=8, batch=8)
    (found,) = trainings.curve(trainings.noise(48, 8), TOP, recipe, CPU, halved=(0, 1))
    assert found.what == "8 x 5 trainings up to 48 pictures, one after the other"
    assert found.note.startswith("from 4 trainings")


def test_trainings_small(tmp_path):
    pictures = trainings.noise(40, 8)
    recipe = replace(trainings.FASHION, width=2, resolution=8, batch=8, min_steps=4)
    both = sets.Set(pictures, pictures)
    seconds, accuracy = trainings.repeated("Noise", both, recipe, CPU, runs=2, goal=(3.0, 0.9))
    assert (seconds.predicted, accuracy.predicted) == (3.0, 90.0)
    assert seconds.measured > 0
    assert 0 <= accuracy.measured <= 100


def test_fashion_is_read_from_its_files(tmp_path):
    pixels = np.arange(2 * 28 * 28).astype(np.uint8)
    for part in ("train", "t10k"):
        (tmp_path / sets.IMAGES.format(part)).write_bytes(gzip.compress(bytes(16) + pixels.tobytes()))
        (tmp_path / sets.LABELS.format(part)).write_bytes(gzip.compress(bytes(8) + bytes([3, 9])))
    found = sets.fashion(tmp_path)
    assert found.known.labels.tolist() == [3, 9]
    assert found.unseen.pixels.shape == (2, 28, 28, 3)
    assert found.unseen.pixels[1, 0, 5].tolist() == [(784 + 5) % 256] * 3


def test_the_real_fashion_mnist_is_whole(shared_data):
    found = sets.fashion(shared_data)
    assert np.bincount(found.known.labels).tolist() == [6000] * 10
    assert (found.unseen.pixels.shape, found.unseen.pixels.dtype) == ((10_000, 28, 28, 3), np.uint8)


def test_cifar_is_read_from_its_files(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    data = np.arange(2 * 3072).astype(np.uint8).reshape(2, 3072)
    for name in [*sets.BATCHES, "test_batch"]:
        (folder / name).write_bytes(pickle.dumps({b"data": data, b"labels": [1, 8]}))
    found = sets.cifar(tmp_path)
    assert found.known.pixels.shape == (10, 32, 32, 3)
    assert found.unseen.labels.tolist() == [1, 8]
    assert found.unseen.pixels[1, 2, 3].tolist() == [data[1, c * 1024 + 2 * 32 + 3] for c in range(3)]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_every_way_runs_on_a_gpu():
    name = "cuda:0"
    found = [*step.findings(name, TOP, recipe=TINY, batches=(8,)), *together.findings(name, TOP, recipe=TINY)]
    assert min(one.measured for one in found) > 0
