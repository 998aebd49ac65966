"""What the processes of a test run share."""

import pytest

from tests.side_by_side import NEIGHBORS, STARTED_ONCE, together


def test_no_server_is_started_in_two_processes(request):
    strays = [
        (item.nodeid, fixture)
        for item in request.session.items
        for fixture in STARTED_ONCE.keys() & set(getattr(item, "fixturenames", ()))
        if together(item.nodeid) != STARTED_ONCE[fixture]
    ]
    assert strays == []  # else: name its file in tests/side_by_side.py, or the fixture otherwise


@pytest.mark.parametrize("pattern", [one for files in NEIGHBORS.values() for one in files])
def test_every_neighbor_is_there(pattern, pytestconfig):
    assert list(pytestconfig.rootpath.glob(pattern))


@pytest.mark.parametrize(
    ("nodeid", "scope"),
    [
        ("tests/test_house.py::test_a[x::y]", "tests/test_house.py"),
        ("tests/labeling/test_label_studio_client.py::test_a", "the one Label Studio"),
        ("tests/workbench/test_browser.py::test_a[b]", "the one web process"),
    ],
)
def test_a_file_stays_whole(nodeid, scope):
    assert together(nodeid) == scope
