"""The first command on a bare machine: what is missing ends in one sentence, never in a traceback."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import bootstrap

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9/simple"  # the discard port: nothing listens


@pytest.fixture
def bare(tmp_path):
    """A clone without environments: just what the bootstrap reads."""
    (tmp_path / "workbench").mkdir()
    for name in ("manage.py", "requirements.txt", "workbench/__init__.py", "workbench/bootstrap.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def check_sentence(folder: Path, words: str, *prelude: str, **env: str) -> None:
    """Run `manage.py demo` in folder: exit code 1, the words, no traceback."""
    code = "\n".join([*prelude, "import runpy, sys", "sys.argv = ['manage.py', 'demo']"])
    code += "\nsys.path.insert(0, '.')\nrunpy.run_path('manage.py', run_name='__main__')"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "SEEDBED_"))}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**clean, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0", **env},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stdout + ran.stderr
    assert words in ran.stderr


def test_no_network_is_a_sentence(bare):
    check_sentence(
        bare,
        "the package index cannot be reached",
        "import shutil; shutil.which = lambda name: None",
        PIP_INDEX_URL=NOWHERE,
    )


def test_a_wrong_python_is_a_sentence(bare):
    check_sentence(
        bare,
        "needs Python 3.11, 3.12 or 3.13; this is",
        "import sys; sys.version_info = (3, 9, 2, 'final', 0)",
    )


def test_another_system_is_a_sentence(bare):
    check_sentence(bare, "Use WSL2 or `docker compose up`", "import sys; sys.platform = 'darwin'")


def test_a_missing_venv_module_is_a_sentence(bare):
    check_sentence(
        bare,
        "apt install python3-venv",
        "import shutil, sys",
        "shutil.which = lambda name: None",
        "sys.modules['ensurepip'] = None",
    )


def test_a_full_disk_is_a_sentence(bare):
    check_sentence(
        bare,
        "GB free, but .venv needs about",
        "import shutil",
        "shutil.disk_usage = lambda path: type('Usage', (), {'free': 10**9})",
    )


def test_a_finished_environment_is_not_made_again(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").touch()
    (tmp_path / ".seedbed-stamp").write_text("wanted")
    made: list[Path] = []
    bootstrap._ensure(tmp_path, "wanted", made.append)
    assert made == []
    bootstrap._ensure(tmp_path, "newer", made.append)
    assert made == [tmp_path]
    assert (tmp_path / ".seedbed-stamp").read_text() == "newer"


def test_an_interrupted_install_is_not_stamped(tmp_path):
    def fails(venv: Path) -> None:
        raise bootstrap.CannotInstall("no network")

    with pytest.raises(bootstrap.CannotInstall):
        bootstrap._ensure(tmp_path, "wanted", fails)
    assert not (tmp_path / ".seedbed-stamp").exists()


def test_old_pythons_can_read_the_entry():
    source = (ROOT / "manage.py").read_text()
    compile(source, "manage.py", "exec", flags=0, dont_inherit=True)
    assert 'f"' not in source
    assert ":=" not in source


def test_every_pin_is_exact():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line.split(";")[0].strip() for line in lines if line and not line.startswith("#")]
    assert pins
    assert [pin for pin in pins if pin.count("==") != 1] == []


def test_torch_is_named_alike_everywhere():
    assert bootstrap.TORCH in (ROOT / "requirements.txt").read_text().splitlines()
