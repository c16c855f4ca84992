"""Files that hold secrets: made for their owner only, and a note where they are not."""

import os
import stat
from pathlib import Path

import pytest

from exporter.commands.select_input import with_secret
from exporter.config.load import load
from exporter.errors import StateError
from exporter.keys.secret import own_secret
from exporter.state.database import State
from tests.beside import Beside
from tests.command import call


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_the_folder_of_the_state_is_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    """So is the state file; one that is there keeps its mode."""
    before = os.umask(umask)
    try:
        State(tmp_path / "new" / "state.db").close()
        own_secret(tmp_path / "secrets" / "key-hash.secret")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "new/state.db", "secrets")]
    assert modes == [0o700, 0o600, 0o700]
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    there.chmod(0o755)
    State(there / "state.db").close()
    assert stat.S_IMODE(there.stat().st_mode) == 0o755


def test_a_lock_follows_no_link(tmp_path: Path) -> None:
    """Who may write beside the state can't have another file of its owner cut or overwritten."""
    target = tmp_path / "target"
    target.write_text("precious" * 10, encoding="utf-8")
    (tmp_path / "state.db.lock").symlink_to(target)
    with pytest.raises(StateError, match=r"state\.db\.lock can't be written: it is a symbolic link$"):
        State(tmp_path / "state.db")
    assert target.read_text("utf-8") == "precious" * 10


def test_check_tells_of_secrets_that_others_can_read(tmp_path: Path) -> None:
    """With the field that names the file, and what to do."""
    beside = Beside(tmp_path)
    beside.write("")
    (tmp_path / "token").write_text("t", encoding="utf-8")
    keys = {"url": "http://127.0.0.1:1/", "fields": {"id": "id"}, "token_file": "token"}
    (tmp_path / "password").write_text("p", encoding="utf-8")
    prometheus = {"url": "http://127.0.0.1:1", "username": "u", "password_file": "password"}
    beside.configure(keys=keys, usage={"prometheus": prometheus})
    files = {"identity.secret_file": "secret", "usage.prometheus.password_file": "password", "keys.token_file": "token"}
    for name in files.values():
        (tmp_path / name).chmod(0o644)
    check = ("check", "--offline", str(beside.config))
    notes = [line.partition(": ")[2] for line in call(*check).stderr.splitlines()]
    assert notes == [
        f"{field}: {tmp_path / name} can be read by every user (mode 644); use chmod 600"
        for field, name in files.items()
    ]
    for name in files.values():
        (tmp_path / name).chmod(0o600)
    assert call(*check).stderr == ""


def test_a_secret_that_is_missing_beside_a_state_is_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As after a restore of the state alone: every hashed name becomes another one. The first start has none."""
    config = tmp_path / "config.yaml"
    config.write_text("inputs: [{path: a.log, format: caddy}]\nstate: {path: state.db}\n", encoding="utf-8")
    for state in (False, True):
        if state:
            State(tmp_path / "state.db").close()
            (tmp_path / "key-hash.secret").unlink()
        with_secret(load(config))
        assert caplog.text.count("hashed names of keys are others from now on") == state
    with_secret(load(config))
    assert len(caplog.records) == 1
