"""deploy/compose: a valid Compose file, whose parts find each other; nothing is open to other machines."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
FILES = (FOLDER / "compose.yaml", ROOT / "deploy" / "docker" / "compose.yaml")
SCHEMA = json.loads((Path(__file__).parent / "schemas" / "compose-spec.json").read_text(encoding="utf-8"))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


SERVICES: dict[str, dict[str, Any]] = read(FILES[0])["services"]


@pytest.mark.parametrize("path", FILES, ids=["compose", "docker"])
def test_the_files_are_valid(path: Path) -> None:
    """By the specification's own schema, which finds a misspelt field."""
    validator = Draft202012Validator(SCHEMA)
    assert [error.message for error in validator.iter_errors(read(path))] == []
    broken = read(path)
    next(iter(broken["services"].values()))["imagee"] = "x"
    assert [error.message for error in validator.iter_errors(broken)] != []


def test_each_container_has_few_rights_and_ports_of_this_machine_only() -> None:
    """No root that can be written to, no capabilities but what nginx and the writers of files need."""
    for name, service in SERVICES.items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert set(service.get("cap_add", [])) <= {"CHOWN", "SETGID", "SETUID", "DAC_READ_SEARCH"}, name


def test_images_have_tags() -> None:
    """A version, with or without a digest; ours is built."""
    for name, service in SERVICES.items():
        pinned = re.fullmatch(r"[\w./-]+:v?\d[\w.-]*(@sha256:[0-9a-f]{64})?", service["image"])
        assert pinned or (service["image"], service["build"]) == ("gateway-exporter", "../.."), name


def test_what_is_mounted_is_there_and_read_only() -> None:
    """Each file is in the repository, each volume is declared; files of ours are mounted read-only."""
    volumes = set(read(FILES[0])["volumes"])
    for name, service in SERVICES.items():
        for mount in service["volumes"]:
            source, _, *options = mount.split(":")
            if source.startswith("."):
                assert (FOLDER / source).exists(), (name, source)
                assert options == ["ro"], (name, mount)
            else:
                assert source in volumes, (name, source)


def test_addresses_in_configs_are_those_of_services() -> None:
    """Prometheus, Alertmanager, Grafana and the rules name services and the ports that they listen on."""
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in ("prometheus.yml", "grafana.yaml", "config.yaml")]
    named = set(re.findall(r"\b([a-z]+):(\d{4,5})\b", "\n".join(texts))) - {("localhost", "3000")}
    assert named == {
        ("exporter", "10114"),
        ("alertmanager", "9093"),
        ("prometheus", "9090"),
        ("gateway", "8082"),
    }
    assert {name for name, _ in named} <= set(SERVICES)


def test_dashboards_find_the_data_source() -> None:
    """Its uid is the one that dashboards use, and the provider reads the folder that is mounted."""
    source = read(FOLDER / "grafana.yaml")["datasources"][0]
    generated = ROOT / "dashboards" / "generated" / "provisioning"
    ours = read(generated / "datasources" / "gateway-exporter.yaml")["datasources"][0]
    assert (source["uid"], source["type"]) == (ours["uid"], ours["type"])
    provider = read(generated / "dashboards" / "gateway-exporter.yaml")["providers"][0]
    assert f"dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]
