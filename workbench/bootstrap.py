"""Makes .venv and .venv-label-studio on a machine that has neither (standard library only).

Label Studio pins Django's neighbors hard, so it lives in an environment of its own.  What fails ends in one
sentence: a missing Label Studio only costs labeling, so there the product goes on without it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LABEL_STUDIO_VENV = ROOT / ".venv-label-studio"
REQUIREMENTS = ROOT / "requirements.txt"
LABEL_STUDIO = "label-studio==1.23.2"  # the launcher inside it was tried against exactly this one
TORCH = "torch==2.13.0"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
NEEDS_LABEL_STUDIO = {"demo", "up", "test"}
GB = 1e9
SIZE_GB = {
    "cpu": 2.2,
    "cuda": 7.0,
    "label-studio": 0.9,
}  # cpu and label-studio measured as installed; cuda reckoned from torch's CUDA build


class CannotInstall(Exception):
    """A sentence for a person: what is missing and what to do."""


def enter(argv: list[str]) -> None:
    """Return inside .venv; elsewhere make it where needed and run the same command in it."""
    if os.environ.get("SEEDBED_NO_BOOTSTRAP") == "1" or Path(sys.prefix).resolve() == VENV.resolve():
        return
    try:
        with _one_at_a_time():
            _ensure(VENV, _digest(), _install_own)
            if NEEDS_LABEL_STUDIO & set(argv[1:2]) and not os.environ.get("LABEL_STUDIO_URL"):
                _ensure_label_studio()
    except CannotInstall as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on where it was.")
    python = str(VENV / "bin/python")
    os.execv(python, [python, *argv])


def _ensure_label_studio() -> None:
    try:
        _ensure(LABEL_STUDIO_VENV, LABEL_STUDIO, _install_label_studio)
    except CannotInstall as problem:
        print(
            f"{problem}\nSeedbed starts without Label Studio; labeling waits until it is there.", flush=True
        )


def _digest() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def _ensure(venv: Path, wanted: str, install: Callable[[Path], None]) -> None:
    """Make venv unless its stamp says that it holds just what is wanted."""
    stamp = venv / ".seedbed-stamp"
    if stamp.exists() and stamp.read_text() == wanted and (venv / "bin/python").exists():
        return
    install(venv)
    stamp.write_text(wanted)


def _install_own(venv: Path) -> None:
    cuda = has_nvidia_driver()
    _announce(venv, SIZE_GB["cuda" if cuda else "cpu"], "torch for your GPU" if cuda else "torch for the CPU")
    _make(venv)
    if not cuda:
        _install_cpu_torch(venv)
    _pip(venv, "-r", str(REQUIREMENTS))


def _install_cpu_torch(venv: Path) -> None:
    """Prefer torch's CPU wheel; without it the next step takes the general one, which brings CUDA."""
    wheel = f"{TORCH}+cpu"
    for source in ((), ("--extra-index-url", TORCH_CPU_INDEX)):
        try:
            return _pip(venv, *source, wheel, patience=("--retries", "1", "--timeout", "15"))
        except CannotInstall as problem:
            reason = problem
    print(f"  {reason}\n  Taking the general torch: about {SIZE_GB['cuda']:.1f} GB.", flush=True)
    return _check_disk(venv, SIZE_GB["cuda"])


def _install_label_studio(venv: Path) -> None:
    _announce(venv, SIZE_GB["label-studio"], "Label Studio, in an environment of its own")
    _make(venv)
    _pip(venv, LABEL_STUDIO)


def has_nvidia_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def _announce(venv: Path, size_gb: float, what: str) -> None:
    tool = "uv" if shutil.which("uv") else "pip"
    print(
        f"Installing into {venv.name}: about {size_gb:.1f} GB ({what}), with {tool}; a few minutes.",
        flush=True,
    )
    _check_disk(venv, size_gb)


def _check_disk(venv: Path, size_gb: float) -> None:
    free = shutil.disk_usage(venv.parent).free / GB
    if free < size_gb * 1.2:  # the downloads lie beside what is installed
        raise CannotInstall(
            f"{venv.parent} has {free:.1f} GB free, but {venv.name} needs about {size_gb * 1.2:.1f} GB. "
            "Make room and run the same command again."
        )


def _make(venv: Path) -> None:
    if shutil.which("uv"):
        _run(["uv", "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(venv)], venv.name)
        return
    try:
        import ensurepip  # noqa: F401  # Debian packs it apart from Python; venv needs it
    except ImportError:
        raise CannotInstall(
            "This Python has no venv module: `sudo apt install python3-venv` (Debian, Ubuntu), or install uv."
        ) from None
    _run([sys.executable, "-m", "venv", str(venv)], venv.name)


def _pip(venv: Path, *what: str, patience: tuple[str, ...] = ()) -> None:
    if shutil.which("uv"):
        command = ["uv", "pip", "install", "--quiet", "--python", str(venv / "bin/python"), *_uv_sources()]
        command.append("--compile-bytecode")  # pip does it unasked; without, each start costs 2 CPU-s more
        if "--extra-index-url" in what:
            command += [
                "--index-strategy",
                "unsafe-best-match",
            ]  # uv else stops at the first index that knows it
    else:
        command = [str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += patience
    _run([*command, *what], venv.name)


def _uv_sources() -> Iterator[str]:
    """uv reads no pip settings: hand on where packages come from."""
    for variable, flag in (
        ("PIP_INDEX_URL", "--default-index"),
        ("PIP_EXTRA_INDEX_URL", "--index"),
        ("PIP_FIND_LINKS", "--find-links"),
    ):
        for value in os.environ.get(variable, "").split():
            yield from (flag, value)


def _run(command: list[str], name: str) -> None:
    """Run an installer with a running clock; its output goes to a file, its failure into a sentence."""
    log = ROOT / "var/logs/install.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        with log.open("w") as out:
            child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=_clean(os.environ))
            while child.poll() is None:
                time.sleep(0.2)
                _tick(name, time.monotonic() - began)
    except OSError as problem:
        raise CannotInstall(f"{name} could not be made: {problem}.") from None
    _clear_tick()
    if child.returncode:
        raise CannotInstall(_explain(name, log.read_text(errors="replace"), log))


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """PYTHONPATH and a surrounding environment would leak other packages into ours."""
    return {k: v for k, v in environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}


def _tick(name: str, seconds: float) -> None:
    if sys.stdout.isatty():
        print(f"\r  {name}: {seconds:4.0f} s ", end="", flush=True)


def _clear_tick() -> None:
    if sys.stdout.isatty():
        print("\r" + " " * 40 + "\r", end="", flush=True)


OFFLINE = "the package index cannot be reached. Check the network or HTTPS_PROXY, then run it again"
SIGNS = (  # what an installer prints -> what it means; the first that fits counts
    ("No space left on device", "the disk is full. Make room and run the same command again"),
    ("Permission denied", "this user may not write there. Check who owns the folder"),
    ("NewConnectionError", OFFLINE),
    ("NameResolutionError", OFFLINE),
    ("Failed to fetch", OFFLINE),
    ("error sending request", OFFLINE),
    ("(from versions: none)", OFFLINE),  # an index that answers knows some version of every package
    ("No matching distribution", "the package index does not offer what is pinned for this machine"),
    ("no version of", "the package index does not offer what is pinned for this machine"),
)


def _explain(name: str, output: str, log: Path) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    meaning = next(
        (text for sign, text in SIGNS if sign in output), lines[-1] if lines else "no reason given"
    )
    return f"{name} could not be installed: {meaning}. (The installer's words: {log})"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two commands at once must not install into the same folder."""
    lock = ROOT / "var/bootstrap.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
