import platform
import subprocess

import pytest

from trainer.engine import receipt


def git(folder, *words):
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(folder), *name, *words], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path):
    (tmp_path / "code.py").write_text("1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def test_outside_git_the_code_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert receipt.code_version(tmp_path) == "unknown"


def test_without_git_the_code_is_unknown(clone, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert receipt.code_version(clone) == "unknown"


def test_the_commit_is_told_and_so_is_that_files_were_changed(clone):
    clean = receipt.code_version(clone)
    assert len(clean) == 40
    (clone / "code.py").write_text("2\n")
    assert receipt.code_version(clone) == f"{clean}+changes"


def test_only_versions_that_decided_are_told():
    plain = receipt.versions(policy=False, rebalance=False)
    assert plain["python"] == platform.python_version()
    assert not {"albumentations", "timm"} & plain.keys()
    backbone = receipt.versions(policy=False, rebalance=False, backbone=True)
    assert backbone.keys() - plain.keys() == {"timm", "torchvision"}
    both = receipt.versions(policy=True, rebalance=True)
    assert both.items() >= plain.items()
    assert (both["albumentations"], both["imbalanced-learn"]) == ("2.0.8", "0.14.2")


def test_the_meter_counts_from_its_making():
    meter = receipt.Meter()
    sum(range(1_000_000))
    first, second = meter.read(), meter.read()
    assert 0 < first["cpu_s"] <= second["cpu_s"]
    assert first["duration_s"] <= second["duration_s"]
    assert first["peak_mib"] > 10
    assert (first["gpu_s"], "gpu_peak_mib" in first) == (0, False)


def test_held_gpus_are_paid_for_one_by_one():
    read = receipt.Meter().read(gpus=4, gpu_peak_mib=1234.56)
    assert read["gpu_s"] == pytest.approx(4 * read["duration_s"], abs=0.05)
    assert read["gpu_peak_mib"] == 1234.6
