import os
from pathlib import Path

import pytest

from labeling import folders


def reasons(folder: Path) -> dict[str, str]:
    return dict(folders.find_files(folder).refused)


def names(folder: Path) -> list[str]:
    return [name for name, _ in folders.find_files(folder).files]


def test_nothing_outside_the_folder_is_reached(tmp_path):
    secret, folder = tmp_path / "secret.png", tmp_path / "in"
    secret.touch()
    folder.mkdir()
    (folder / "out.png").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path)
    (folder / "beside.png").symlink_to("../in-2/a.png")
    (tmp_path / "in-2").mkdir()
    (tmp_path / "in-2" / "a.png").touch()
    assert names(folder) == []
    assert set(reasons(folder)) == {"out.png", "up", "beside.png"}
    assert set(reasons(folder).values()) == {"A link that leads out of the folder."}


def test_links_in_a_ring_end(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "again").symlink_to("..")
    assert names(tmp_path) == []
    assert set(reasons(tmp_path)) == {"a", "b", "cats/again"}


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda p: p.symlink_to("nowhere"), "No such file"),
        (os.mkfifo, "Neither a file nor a folder"),
        (lambda p: p.symlink_to("x/../"), "No such file"),
    ],
)
def test_what_is_no_file_is_listed(tmp_path, make, reason):
    make(tmp_path / "odd")
    assert reason in reasons(tmp_path)["odd"]


def test_hidden_files_and_folders_are_listed_once_and_not_opened(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.png").touch()
    (tmp_path / ".DS_Store").touch()
    assert names(tmp_path) == []
    assert set(reasons(tmp_path)) == {".git", ".DS_Store"}


def test_what_may_not_be_read_is_listed_and_the_walk_goes_on(closed_to_us):
    assert names(closed_to_us) == ["closed.png", "open.png"]
    assert reasons(closed_to_us) == {"inner": "The folder cannot be read: Permission denied."}


@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_a_folder_that_is_none_is_listed(tmp_path, kind):
    (tmp_path / "a file").touch()
    assert "cannot be read" in reasons(tmp_path / kind)["."]


def test_files_come_in_order_of_their_names_with_links_inside(tmp_path):
    for name in ("b/2.png", "b/10.png", "a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.png").symlink_to("b/2.png")
    assert names(tmp_path) == ["a.png", "b/10.png", "b/2.png", "link.png"]


def test_a_link_to_the_folder_itself_may_be_given(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").touch()
    (tmp_path / "way").symlink_to("in")
    assert names(tmp_path / "way") == ["a.png"]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"caf\xe9.png", r"caf\xe9.png"),
        ("貓 🐈.png".encode(), "貓 🐈.png"),
        (b"two\nlines.png", "two\nlines.png"),
        (b"x" * 251 + b".png", "x" * 251 + ".png"),
        (b" -rf .png", " -rf .png"),
    ],
)
def test_odd_names_are_kept_as_well_as_can_be_shown(tmp_path, raw, name):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + raw))).touch()
    found = folders.find_files(tmp_path)
    assert [shown for shown, _ in found.files] == [name]
    assert found.files[0][1].is_file()
    assert name.encode()


def test_paths_that_grow_too_long_are_listed(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):  # 20 x 250 letters: more than the 4,096 of one path
        os.mkdir("d" * 250, dir_fd=here)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert "too long" in " ".join(reasons(tmp_path).values())
