"""Settings that deploy/ ships for gateways that no test runs."""

import re
import subprocess
from pathlib import Path

import yaml

from exporter.command_line import command_line
from exporter.formats.spec import presets

# Folders with a page of their own, or with docs/install.md.
_OWN_PAGES = ("systemd", "docker", "debian", "logrotate", "compose", "kubernetes")
ROOT = Path(__file__).parents[2]


def test_the_unit_is_exposed_to_little() -> None:
    """`systemd-analyze security` rates it under 2.0 of 10."""
    unit = ROOT / "deploy" / "systemd" / "gateway-exporter.service"
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=19", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_traefik_keeps_the_headers_that_are_read() -> None:
    """Traefik drops every header that it is not told to keep: it keeps those that the preset reads, and no other."""
    preset = (ROOT / "exporter" / "formats" / "presets" / "traefik.yaml").read_text(encoding="utf-8")
    shipped = yaml.safe_load((ROOT / "deploy" / "traefik" / "gateway-exporter.yaml").read_text(encoding="utf-8"))
    headers = shipped["accessLog"]["fields"]["headers"]
    assert headers["defaultMode"] == "drop"
    assert headers["names"] == dict.fromkeys(re.findall(r"\brequest_([A-Z][\w-]+)", preset), "keep")


def test_the_unit_runs_a_command_that_there_is_and_keeps_its_state() -> None:
    """systemd's unit: `run` with a config, SIGHUP to reload, and the folder that the README's config names."""
    unit = (ROOT / "deploy" / "systemd" / "gateway-exporter.service").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE))
    program, *arguments = settings["ExecStart"].split()
    assert Path(program).name == "gateway-exporter"
    args = command_line().parse_args(arguments)
    assert (args.command, args.config) == ("run", "/etc/gateway-exporter/config.yaml")
    assert settings["ExecReload"] == "/bin/kill -HUP $MAINPID"
    state = f"state: {{path: /var/lib/{settings['StateDirectory']}/state.db}}"
    assert state in unit
    assert state in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_file_stands_in_the_table() -> None:
    """deploy/README.md names each gateway's file, with a preset that there is."""
    readme = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| [^|`]+ \| `([^`]+)` \| `([^`]+)` \|", readme, re.MULTILINE))
    shipped = {str(file.relative_to(ROOT / "deploy")) for file in (ROOT / "deploy").glob("*/*") if file.is_file()}
    shipped = {name for name in shipped if name.split("/")[0] not in _OWN_PAGES}
    assert set(rows) == shipped
    assert set(rows.values()) <= set(presets())
