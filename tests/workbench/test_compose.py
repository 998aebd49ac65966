"""docker-compose.yml, as far as it can be proven without an engine: schema, variables, commands, health."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from workbench import bootstrap

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
LONG_RUNNING_SERVERS = ["db", "web", "label-studio-db", "label-studio"]


def test_it_fits_the_compose_schema():
    check = Path(sys.prefix) / "bin/check-jsonschema"
    subprocess.run(
        [check, "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"], cwd=ROOT, check=True
    )


def test_the_promised_services_are_there():
    assert {"web", "worker", "gpu-worker", "tick", "db", "label-studio", "label-studio-db"} <= set(SERVICES)
    assert SERVICES["gpu-worker"]["profiles"] == ["gpu"]


@pytest.mark.parametrize("name", LONG_RUNNING_SERVERS)
def test_servers_tell_their_health(name):
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_ports_are_bound_to_loopback(name):
    assert [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")] == []


def test_every_variable_is_explained():
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    explained = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert used - explained == set()


@pytest.mark.parametrize("name", sorted(n for n in SERVICES if "manage.py" in SERVICES[n].get("command", [])))
def test_every_command_exists(name):
    assert SERVICES[name]["command"][2] in get_commands()


def test_label_studio_is_the_version_that_was_tried():
    version = bootstrap.LABEL_STUDIO.split("==")[1]
    assert f"pip install {bootstrap.LABEL_STUDIO}" in (ROOT / "Dockerfile").read_text()
    assert SERVICES["label-studio"]["image"].endswith(f":{version}")
