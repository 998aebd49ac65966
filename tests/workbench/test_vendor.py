"""What browsers load comes from here, unchanged and licensed; pages hold no code and name no other host."""

import base64
import hashlib
import json
import re
from pathlib import Path

import django_htmx
import pytest

ROOM = Path(__file__).resolve().parents[2] / "workbench"
VENDOR = ROOM / "static" / "workbench" / "vendor"
PACKAGES = json.loads((VENDOR / "vendor.json").read_text())
FILES = {name: checksum for package in PACKAGES for name, checksum in package["files"].items()}
TEMPLATES = sorted((ROOM / "templates").rglob("*.html"))
OWN = sorted(file for folder in ("css", "js", "img") for file in (VENDOR.parent / folder).iterdir())
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
INLINE = re.compile(r"""\sstyle=|\son[a-z]+=|hx-on|js:|javascript:|<style|<script(?![^>]*\ssrc=)""", re.I)


def relative(file):
    return str(file.relative_to(ROOM))


def test_nothing_lies_there_unlisted():
    found = {str(file.relative_to(VENDOR)) for file in VENDOR.rglob("*") if file.is_file()}
    assert found == {*FILES, "vendor.json"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_files_are_those_that_were_vendored(name):
    digest = hashlib.sha384((VENDOR / name).read_bytes()).digest()
    assert FILES[name] == f"sha384-{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["package"])
def test_every_package_names_its_version_and_carries_its_licence(package):
    assert package["version"]
    assert package["license"]
    assert any(Path(name).name == "LICENSE" for name in package["files"])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("htmx/htmx.min.js", "htmx-4.min.js"), ("htmx/hx-sse.min.js", "ext/hx-sse-4.min.js")],
)
def test_htmx_is_the_one_of_the_installed_package(ours, theirs):
    installed = Path(django_htmx.__file__).parent / "static" / "django_htmx" / theirs
    assert (VENDOR / ours).read_bytes() == installed.read_bytes()


@pytest.mark.parametrize("file", [*TEMPLATES, *OWN], ids=relative)
def test_no_page_names_another_host(file):
    text = file.read_text().replace(NAMESPACE, "")
    assert not re.findall(r"""https?://[^\s"']+|["'(]//[a-z]""", text)


@pytest.mark.parametrize("file", TEMPLATES, ids=relative)
def test_no_template_holds_code_or_style(file):
    assert not INLINE.findall(file.read_text())


def test_every_icon_that_is_asked_for_is_in_the_sprite():
    sprite = (VENDOR / "icons" / "sprite.svg").read_text()
    there = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    asked = {name for file in TEMPLATES for name in re.findall(r'{% icon "([^"]+)"', file.read_text())}
    assert asked <= there
