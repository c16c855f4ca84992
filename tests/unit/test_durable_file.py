"""Small files that last: whenever the machine stops, each is there as a whole, the old or the new one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.keys.identity import KeyEntry
from exporter.keys.registry import Registry, kept
from exporter.keys.secret import own_secret
from exporter.request_log.outbox.place import Place, load, save


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is synced, and the names that files get, in order."""
    seen: list[tuple[str, str]] = []
    sync, replace, link = os.fsync, os.replace, os.link

    def synced(descriptor: int) -> None:
        seen.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        sync(descriptor)

    def named(change: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def noted(old: Path, new: Path) -> None:
            seen.append(("name", Path(new).name))
            change(old, new)

        return noted

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", named(replace))
    monkeypatch.setattr(os, "link", named(link))
    return seen


def test_the_place_of_the_outbox_outlives_a_power_cut(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    """The name is on the disk, too, before more is sent: otherwise rows could come twice."""
    save(tmp_path, Place(cursor=7))
    assert steps == [("sync", "outbox.json.new"), ("name", "outbox.json"), ("sync", tmp_path.name)]


def test_a_secret_outlives_a_power_cut(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    """With another secret all keys would have other names, and the counters start again."""
    secret = own_secret(tmp_path / "secret")
    assert steps == [("sync", f"secret.{os.getpid()}"), ("name", "secret"), ("sync", tmp_path.name)]
    assert own_secret(tmp_path / "secret") == secret
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_the_copy_of_the_registry_outlives_a_power_cut(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    """It is what an exporter knows keys by while the gateway's admin API is not there."""
    entries = (KeyEntry(name="acme", hash="k_0123456789abcdef"),)

    class Api:
        def patience(self, _: int) -> float:
            return 60.0

        def read(self) -> tuple[KeyEntry, ...]:
            return entries

    Registry(Api(), (), lambda *_: None, tmp_path / "keys.yaml").poll_once()
    assert steps == [("sync", "keys.yaml.new"), ("name", "keys.yaml"), ("sync", tmp_path.name)]
    assert kept(tmp_path / "keys.yaml")[0] == entries


def test_what_a_killed_process_left_is_no_hindrance(tmp_path: Path) -> None:
    """Nor is a link that somebody put in its place: what it points to stays as it is."""
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    (tmp_path / "outbox.json.new").symlink_to(other)
    save(tmp_path, Place(cursor=7))
    assert load(tmp_path).cursor == 7
    assert other.read_bytes() == b"precious"
