"""One training shared by several processes of one machine, one a GPU, started by torchrun.

The parcel goes through a folder: no port is opened for it, and the processes meet in a file.
Run as `python -m trainer.engine.distributed FOLDER` by torchrun only.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import distributed

from labeling.progress import Progress, Report, silent
from trainer.engine import loop
from trainer.engine.checkpoints import Checkpoint
from trainer.engine.course import Aids, Step, Trained
from trainer.engine.device import Device
from trainer.engine.fits import Fits, Halved
from trainer.engine.material import Examples, Material
from trainer.engine.networks import build as networks
from trainer.engine.recipe import Recipe
from trainer.engine.stopping import Score
from trainer.engine.world import World

PARCEL, RESULT = "parcel.npz", "result.pt"
MEETING, AGENTS, HALVED, ERROR = "meeting", "agents", "halved", "error"  # of one round
GRACE_S = 10.0


class ProcessesFailed(Exception):
    """The processes ended without a result; the message holds the last line that they said."""


def train(
    material: Material,
    recipe: Recipe,
    n_classes: int,
    *,
    seed: int,
    device: Device,
    processes: int,
    report: Report = silent,
    aids: Aids | None = None,
) -> Trained:
    """Train as loop.train does, on `processes` devices of the kind of `device`.

    Equals one process at the same batch up to the order of additions (1e-5 a weight, shown on the CPU); batch
    statistics are shared on CUDA only, dropout masks and class-weighted means are each process's own.
    A batch that does not fit one of them is halved for all, and the training begins again, from its
    checkpoint where there is one.
    Raises what the training raised as ProcessesFailed, and whatever report raises after ending all of them.
    """
    aids = aids or Aids()
    with tempfile.TemporaryDirectory(prefix="seedbed-train-") as place:
        folder = Path(place)
        facts = {
            "recipe": recipe.to_json(),
            "n_classes": n_classes,
            "seed": seed,
            "device": asdict(device),
            "checkpoint": str(aids.checkpoint.file) if aids.checkpoint else "",
            "fits": str(aids.fits.file or folder / "fits.json"),
            "weights": str(aids.weights or ""),
        }
        _pack(folder, material, aids.validation, facts)
        while not _see_through(folder, processes, report):
            pass  # each round cuts the batches in half; fits.halved ends it at single pictures
        return _unpack(folder, recipe, n_classes)


def _pack(folder: Path, material: Material, validation: Examples | None, facts: dict[str, object]) -> None:
    held_out = validation or Examples(material.bank[0][:0], material.labels[:0], ())
    np.savez(
        folder / PARCEL,
        bank=material.bank,
        labels=material.labels,
        rows=material.rows,
        enriched=material.enriched,
        pixels=held_out.pixels,
        truth=held_out.labels,
        facts=json.dumps(facts),
    )


def _see_through(folder: Path, processes: int, report: Report) -> bool:
    """Run torchrun until it ends and tell its progress; False where a batch had to be halved.

    Where report raises, it is ended with all its processes.
    """
    for left_over in (MEETING, AGENTS, HALVED, ERROR):
        (folder / left_over).unlink(missing_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=1", f"--nproc-per-node={processes}"]
    command += ["--rdzv-backend=c10d", "--rdzv-conf=store_type=file", f"--rdzv-endpoint={folder / AGENTS}"]
    command += ["-m", "trainer.engine.distributed", str(folder)]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    said = ""
    try:
        for line in child.stdout or ():
            if line.startswith("{"):
                report(Progress(**json.loads(line)))
            elif line.strip():
                said = line.strip()
                print(said, flush=True)
    finally:
        _end(child)
    if (folder / HALVED).exists():
        return False
    if child.returncode or not (folder / RESULT).exists():
        why = folder / ERROR
        raise ProcessesFailed(why.read_text() if why.exists() else f"The processes ended: {said}")
    return True


def _end(child: subprocess.Popen[str]) -> None:
    """See that all processes are gone: torchrun hands SIGTERM on to its workers."""
    for number, patience_s in ((0, 0.5), (signal.SIGTERM, GRACE_S), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience_s)
            break
    if child.stdout is not None:
        child.stdout.close()


def _unpack(folder: Path, recipe: Recipe, n_classes: int) -> Trained:
    found = torch.load(folder / RESULT, map_location="cpu", weights_only=True)
    model = networks.build(recipe, n_classes, torch.Generator())
    model.load_state_dict(found["model"])
    return Trained(
        model.eval(),
        tuple(Step(*step) for step in found["history"]),
        Score(*found["best"]) if found["best"] else None,
        found["watched"],
        tuple(found["snapshots"]),
        tuple(found["warnings"]),
        found["began"],
    )


def _work(folder: Path) -> None:
    """Be one of the processes: train with the others, and leave the result if this is the first."""
    with np.load(folder / PARCEL) as kept:
        material = Material(kept["bank"], kept["labels"], kept["rows"], bool(kept["enriched"]))
        pixels, truth = kept["pixels"], kept["truth"]
        facts = json.loads(str(kept["facts"]))
    world = World(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    device = _own_device(Device(**facts["device"]))
    backend = "nccl" if device.name.startswith("cuda") else "gloo"
    distributed.init_process_group(
        backend, init_method=f"file://{folder / MEETING}", rank=world.rank, world_size=world.size
    )
    held_out = Examples(pixels, truth, tuple(map(str, range(len(truth))))) if len(truth) else None
    kept_at = Checkpoint(Path(facts["checkpoint"])) if facts["checkpoint"] else None
    fits = Fits(Path(facts["fits"]))
    trained = loop.train(
        material,
        Recipe.from_json(facts["recipe"]),
        facts["n_classes"],
        seed=facts["seed"],
        device=device,
        report=_say if world.rank == 0 else silent,
        aids=Aids(held_out, kept_at, fits, world, Path(facts["weights"]) if facts["weights"] else None),
    )
    if world.rank == 0:
        _leave(folder, trained)
    distributed.destroy_process_group()


def _own_device(device: Device) -> Device:
    """Return this process's device: the GPU of its number among the processes of this machine."""
    torch.set_num_threads(1)
    if not device.name.startswith("cuda"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        return device
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    return Device(f"cuda:{os.environ['LOCAL_RANK']}", device.precision)


def _leave(folder: Path, trained: Trained) -> None:
    found = {
        "model": trained.model.state_dict(),
        "history": [tuple(step) for step in trained.history],
        "best": tuple(trained.best) if trained.best else None,
        "watched": trained.watched,
        "snapshots": list(trained.snapshots),
        "warnings": list(trained.warnings),
        "began": dict(trained.began),
    }
    torch.save(found, folder / "draft")
    (folder / "draft").replace(folder / RESULT)


def _say(progress: Progress) -> None:
    print(json.dumps(asdict(progress)), flush=True)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    try:
        _work(place)
    except Halved:
        (place / HALVED).touch()
        raise
    except Exception as error:
        (place / ERROR).write_text(str(error))
        raise
