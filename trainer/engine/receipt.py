"""What a training was made by, so that it can be made again and paid for.

Light: versions are read from what is installed, nothing is imported for them.
"""

import platform
import resource
import subprocess
import time
from importlib import metadata
from pathlib import Path

ALWAYS = ("torch", "numpy", "pillow", "simplejpeg")
FOR_BACKBONES = ("timm", "torchvision")
FOR_POLICIES = ("albumentations", "opencv-python-headless")
FOR_REBALANCING = ("imbalanced-learn", "scikit-learn")


class Meter:
    """Measures this process from its making on."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def read(self, gpus: int = 0, gpu_peak_mib: float = 0.0) -> dict[str, float]:
        """Return duration_s, cpu_s, gpu_s and peak_mib, the largest memory that the process ever held.

        gpu_s is the time for which GPUs were held, times their number; where there are any, gpu_peak_mib
        tells the largest memory on one of them.
        """
        duration = time.perf_counter() - self._wall
        return {
            "duration_s": round(duration, 2),
            "cpu_s": round(time.process_time() - self._cpu, 2),
            "gpu_s": round(gpus * duration, 2),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            **({"gpu_peak_mib": round(gpu_peak_mib, 1)} if gpus else {}),
        }


def versions(*, policy: bool, rebalance: bool, backbone: bool = False) -> dict[str, str]:
    """Return the versions of Python and of the libraries that decided about the result."""
    names = ALWAYS + FOR_POLICIES * policy + FOR_REBALANCING * rebalance + FOR_BACKBONES * backbone
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in names}


def code_version(root: Path) -> str:
    """Return the git commit of the code in `root`, marked if files were changed; "unknown" outside git."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):  # an installation need not be a clone, nor have git
        return "unknown"


def _git(root: Path, *words: str) -> str:
    said = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=10
    )
    return said.stdout.strip()
