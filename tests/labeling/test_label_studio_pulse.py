"""Quick questions to Label Studio, and to what only looks like one."""

import subprocess
import sys
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from labeling.label_studio import pulse
from labeling.label_studio.shapes import Counts, NewTask

pytestmark = pytest.mark.label_studio


@pytest.fixture
def other_server(tmp_path):
    """A web server that is no Label Studio: it serves an empty folder."""

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *args):
            pass

    (tmp_path / "health").write_text("fine")
    with HTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_nobody_there():
    assert not pulse.alive("http://127.0.0.1:9")
    with pytest.raises(pulse.NoPulse, match=r"No Label Studio answers at 127\.0\.0\.1:9"):
        pulse.whoami("http://127.0.0.1:9", "key")


def test_somebody_else_there(other_server):
    assert not pulse.alive(other_server)
    with pytest.raises(pulse.NoPulse, match="answered 404"):
        pulse.newest_change(other_server, "key", 1)


def test_the_key_decides_who_we_are(label_studio):
    assert pulse.whoami(label_studio.url, label_studio.keys.token) == "seedbed@localhost"
    assert pulse.whoami(label_studio.url, "0" * 40) is None
    assert pulse.whoami(label_studio.url, "a.b.c") is None


def test_alive_and_its_version(label_studio):
    assert pulse.alive(label_studio.url)
    assert pulse.alive(label_studio.url + "/")
    assert pulse.version(label_studio.url, label_studio.keys.token) == "1.23.2"


def test_counts_and_newest_change_follow_the_work(label_studio, studio, people):
    ask = label_studio.url, label_studio.keys.token
    project = studio.create_project("Pulse tests", ["cat", "dog"], 1, None)
    assert pulse.newest_change(*ask, project) is None
    assert pulse.counts(*ask, project) == Counts(0, 0, 0)
    studio.push(project, [NewTask(f"key{n}", "1", "/x.png") for n in range(3)])
    moments = [pulse.newest_change(*ask, project)]
    people["ann1"].submit(people["ann1"].next_task(project), "cat")
    moments.append(pulse.newest_change(*ask, project))
    people["ann1"].skip(people["ann1"].next_task(project))
    moments.append(pulse.newest_change(*ask, project))
    assert moments == sorted(set(moments))
    assert pulse.counts(*ask, project) == studio.counts(project) == Counts(3, 1, 1)
    studio.delete_project(project)
    assert pulse.counts(*ask, project) is None


def test_it_costs_no_sdk():
    code = "import sys, labeling.label_studio.pulse; print({'label_studio_sdk', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
