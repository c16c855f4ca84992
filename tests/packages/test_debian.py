"""The Debian package: unpacked into an empty folder, it runs as docs/install.md says, with the unit's command.

It is built as `make deb-package` builds it: a wheel, installed without a network into an empty environment.
"""

import gzip
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from exporter import __version__
from tests.exporter import Exporter
from tests.test_first_start import LINE

ROOT = Path(__file__).parents[2]
COMMANDS = ("run", "demo", "init", "check", "explain", "replay", "hash", "alerts", "dashboards")


@pytest.fixture(scope="session")
def package() -> Path:
    """The package. Its wheels are kept in build/."""
    command = [str(ROOT / "deploy" / "debian" / "build"), str(Path(sys.executable).parent), str(ROOT / "build")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=540, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next((ROOT / "build").glob(f"gateway-exporter_{__version__}_*.deb"))


@pytest.fixture(scope="session")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True, timeout=60)
    return folder


def called(unpacked: Path, *arguments: str) -> str:
    """What its command prints, with the environment of no other."""
    program = str(unpacked / "usr" / "bin" / "gateway-exporter")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_runs_from_init_to_a_scrape(unpacked: Path, tmp_path: Path) -> None:
    """`init`, `check`, the unit's ExecStart with the folder before its paths; state and secret in the service's."""
    etc, state = unpacked / "etc" / "gateway-exporter", unpacked / "var" / "lib" / "gateway-exporter"
    (tmp_path / "access.json").write_text(json.dumps(LINE) + "\n", encoding="utf-8")
    made = called(unpacked, "init", "--state.folder", str(state), str(tmp_path / "access.json"))
    (etc / "config.yaml").write_text(made.replace("start_at: end", "start_at: beginning"), encoding="utf-8")
    assert "good: 1 input" in called(unpacked, "check", str(etc / "config.yaml"))
    unit = (unpacked / "lib" / "systemd" / "system" / "gateway-exporter.service").read_text(encoding="utf-8")
    started = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    command = [f"{unpacked}{word}" if word.startswith("/") else word for word in shlex.split(started[0])]
    assert f"StateDirectory={state.name}\n" in unit
    with Exporter(*command[1:], command=command[:1]) as exporter:
        assert [exporter.get(path).status_code for path in ("/requests", "/requests/main.js")] == [200, 200]
        exporter.eventually('gateway_exporter_lines_total{input="access.json",result="parsed"}', 1)
    assert {"state.db", "key-hash.secret"} <= {path.name for path in state.iterdir()}


def test_it_has_pages_for_every_command(unpacked: Path) -> None:
    """Man page and completion name them; rules and dashboards can be made with what it brings."""
    share = unpacked / "usr" / "share"
    page = gzip.decompress((share / "man" / "man1" / "gateway-exporter.1.gz").read_bytes()).decode()
    bash = share / "bash-completion" / "completions" / "gateway-exporter"
    zsh = share / "zsh" / "vendor-completions" / "_gateway-exporter"
    for command in COMMANDS:
        assert f"gateway\\-exporter {command}\\fR" in page
        assert f"{command}:'" in zsh.read_text(encoding="utf-8")
    assert "GATEWAY_EXPORTER_LOG_LEVEL" in page
    assert set(COMMANDS) <= set(completed(bash, "gateway-exporter", "").split())
    assert completed(bash, "gateway-exporter", "run", "--log.f") == "--log.format"
    assert completed(bash, "gateway-exporter", "run", "--log.format", "") == "text json"
    assert "gateway-overview.json" in called(unpacked, "dashboards", "--out", str(unpacked / "boards"))
    assert "alerts.rules.yml" in called(unpacked, "alerts", "--out", str(unpacked / "rules"))


def completed(bash: Path, *words: str) -> str:
    """What bash completes the last of some words to."""
    script = f'source {bash}; COMP_WORDS=("$@"); COMP_CWORD={len(words) - 1}; _shtab_exporter; echo "${{COMPREPLY[@]}}"'
    command = ["bash", "-c", script, "bash", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_it_names_no_path_of_the_machine_that_built_it(package: Path) -> None:
    """Everything belongs to root, nobody else may write, and the environment's Python is Debian's."""
    listed = subprocess.run(["dpkg-deb", "-c", str(package)], capture_output=True, text=True, check=True, timeout=60)
    for line in listed.stdout.splitlines():
        mode, owner, *_ = line.split()
        assert owner == "root/root"
        assert mode[0] == "l" or mode[8] == "-", line
    assert re.search(r"bin/python3 -> /usr/bin/python3", listed.stdout)


def test_what_is_in_the_environment_is_what_the_lock_file_says(unpacked: Path) -> None:
    """Each package in the version of requirements.txt."""
    asked = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    locked = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in asked}
    found = {
        re.sub(r"[-_.]+", "-", name).lower(): version
        for path in unpacked.glob("opt/gateway-exporter/lib/*/site-packages/*.dist-info")
        for name, version in [path.name.removesuffix(".dist-info").rsplit("-", 1)]
    }
    assert found.pop("gateway-exporter") == __version__
    assert found
    assert {name: locked.get(name) for name in found} == found
    assert os.access(unpacked / "opt" / "gateway-exporter" / "bin" / "gateway-exporter", os.X_OK)
