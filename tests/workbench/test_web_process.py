"""The web process as it is started for people: light, quick to stop, without the libraries of the trainer."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.workbench import web_server

ROOT = Path(__file__).resolve().parents[2]
MOST_MB = 160  # it grew from 118 to 130 MB when the pages of curves came; torch alone would be 300
HEAVY = {"torch", "torchvision", "sklearn", "scipy", "cv2", "albumentations", "imblearn", "pandas"} | {
    "label_studio_sdk",
    "simplejpeg",
    "onnx",
    "onnxruntime",
    "safetensors",
}
PAGES = ["/datasets/", "/datasets/1/", "/datasets/1/samples", "/datasets/1/train", "/jobs/", "/runs/1/"]
PAGES += ["/curves/1/", "/datasets/2/policies/gentle", "/api/datasets/1", "/api/runs/1", "/admin/"]
PAGES += ["/datasets/2/models", "/api/datasets/2/models", "/versions/1/card"]
LOOK_AROUND = """
import json, sys
import workbench.asgi
from django.contrib.auth.models import User
from django.test import Client
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.get(username="root"), backend="django.contrib.auth.backends.ModelBackend")
codes = [client.get(page).status_code for page in json.loads(sys.argv[1])]
print(json.dumps({"codes": codes, "modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""


@pytest.fixture(scope="module")
def browser(served):
    with web_server.signed_in(served.url, "root") as client:
        yield client


def resident_mb(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def test_no_heavy_library_is_ever_loaded(served):
    argv = [sys.executable, "-c", LOOK_AROUND, json.dumps(PAGES)]
    said = subprocess.run(argv, cwd=ROOT, env=served.env, check=True, capture_output=True, text=True)
    told = json.loads(said.stdout)
    assert told["codes"] == [200] * len(PAGES)
    assert not HEAVY & set(told["modules"])


def test_it_stays_small(served, browser):
    codes = [browser.get(page).status_code for page in PAGES]
    assert codes == [200] * len(PAGES)
    assert resident_mb(served.pid) <= MOST_MB


@pytest.mark.parametrize("page", PAGES)
def test_pages_answer_under_the_real_server(page, browser):
    answer = browser.get(page)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_models_are_sent_by_the_real_server(browser):
    weights = browser.get("/versions/2/weights")
    assert (weights.content, weights.headers["Content-Length"]) == (b"weights of 2", "12")
    assert weights.headers["Content-Disposition"] == 'attachment; filename="animals-v2.safetensors"'
    table = browser.get("/versions/2/predictions")
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert table.text.splitlines()[0] == "sha256,name,label,predicted,p <b>cat</b>,p dog,p emu"


@pytest.mark.parametrize("name", ["css/seedbed.css", "vendor/echarts/echarts.min.js", "js/live.js"])
def test_static_files_come_without_a_build_step(name, browser):
    assert browser.get(f"/static/workbench/{name}").status_code == 200


def test_pages_answer_while_many_watch(served, browser):
    with ThreadPoolExecutor(10) as pool:
        watching = [pool.submit(first_event, served.url, dict(browser.cookies)) for _ in range(10)]
        answer = browser.get("/datasets/")
        events = [watch.result() for watch in watching]
    assert answer.status_code == 200
    assert all(event.startswith("data: ") for event in events)


def first_event(url, cookies):
    with (
        httpx.Client(base_url=url, cookies=cookies, timeout=30) as watcher,
        watcher.stream("GET", "/jobs/live") as stream,
    ):
        assert stream.headers["Content-Type"] == "text/event-stream"
        lines = stream.iter_lines()
        first = next(lines)
        lines.close()
        return first
