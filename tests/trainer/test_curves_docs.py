"""docs/curves.md is run as it stands: its snippets without Django and torch, its CSV by the backtest."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.curves import backtest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/curves.md").read_text()
BLOCK = "import sys\nfor name in ('django', 'torch', 'sklearn'):\n    sys.modules[name] = None\n"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def run(code):
    ended = subprocess.run(
        [sys.executable, "-c", BLOCK + code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ended.stdout.splitlines()


def test_the_notebook_snippet():
    said = run(blocks("python")[0])
    assert [line.split()[:2] for line in said[:4]] == [
        [n, "labels:"] for n in ("1600", "3200", "6400", "12800")
    ]
    assert re.fullmatch(r"P\(90 % with 3200 labels\) = 0\.\d\d", said[4])
    assert said[5] == "if the last value stays: 88.1%"


def test_the_snippet_of_classes():
    crack, dust = run(blocks("python")[1])
    assert re.fullmatch(r"crack \d\d% with 640 labels", crack)
    assert dust.startswith('dust Class "dust" has 6 test items: too few')


def test_there_are_no_other_snippets():
    assert len(blocks("python")) == 2


def test_the_csv(tmp_path, capsys):
    (table,) = blocks("csv")
    file = tmp_path / "curves.csv"
    file.write_text(table)
    assert backtest.main([str(file)]) == 0
    assert capsys.readouterr().out.startswith(f"{file}: 1 curves, 2 targets\n")


@pytest.mark.parametrize("heading", ["ratio", "n", "MAE", "median", "coverage", "IS90", "RMSLE"])
def test_every_column_is_explained(heading):
    assert re.search(rf"^\| [^|]*\b{heading}\b[^|]* \|", TEXT, re.MULTILINE)
