"""The key registry as a file: a list of entries in YAML or JSON. A file that has not changed is not read again."""

import re
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from exporter.errors import ConfigError, FieldError, Steps
from exporter.keys import flat_list
from exporter.keys.identity import KeyEntry
from exporter.model.key_shapes import LONGEST_NAME, could_be_a_key, shown_name
from exporter.model.labels import CLASSES
from exporter.yaml_file import Part, YamlFile, read_date

# A file modified less than this before reading may change again without a new modification time.
_RACY_SECONDS = 2.0
_HASH = re.compile(r"k_[0-9a-f]{16}")


_RAW_KEY = "looks like a raw API key; it would be visible in every metric"


class KeyPart(Part, rename={"class_": "class"}, omit_defaults=True):
    """An entry of the registry. A date without a time means its start; a time without a zone is in UTC."""

    id: str = ""
    hash: str = ""
    name: str = ""
    owner: str = ""
    plan: str = ""
    created: Any = None
    expires: Any = None
    enabled: bool = True
    class_: str = ""

    def __post_init__(self) -> None:
        if not self.id and not self.hash:
            raise ValueError("a key needs an id, a hash (from `gateway-exporter hash`), or both")
        if self.hash and not _HASH.fullmatch(self.hash):
            problem = "must be as `gateway-exporter hash` prints it: k_ and 16 hex digits. Never a raw key"
            raise FieldError("hash", problem)
        if self.class_ and self.class_ not in CLASSES:
            raise FieldError("class", f"must be {' or '.join(CLASSES)}")
        if could_be_a_key(self.id):
            raise FieldError("id", _RAW_KEY)
        if not self.id.isprintable() or len(self.id) > LONGEST_NAME:
            raise FieldError("id", f"must be text that can be printed, of at most {LONGEST_NAME} characters")
        self.name, self.owner = _shown("name", self.name), _shown("owner", self.owner)
        self.plan = _shown("plan", self.plan)
        self.created, self.expires = read_date("created", self.created), read_date("expires", self.expires)

    @property
    def entry(self) -> KeyEntry:
        """The entry as the rest of the exporter uses it."""
        return KeyEntry(**msgspec.structs.asdict(self))


def _shown(field: str, text: str) -> str:
    shown = shown_name(text)
    if text and not shown and could_be_a_key(text):
        raise FieldError(field, _RAW_KEY)
    return shown


_FIELDS = [field.encode_name for field in msgspec.structs.fields(KeyPart)]


def load_keys(path: Path, plans: Collection[str] = ()) -> tuple[KeyEntry, ...]:
    """Read a key registry. If `plans` are given, each key's plan must be one of them. ConfigError names the first
    mistake.
    """
    entries = _last.read(path)
    if plans:
        wrong = next((n for n, entry in enumerate(entries) if entry.plan and entry.plan not in plans), None)
        if wrong is not None:
            problem = f"is not a plan of the config (allowed: {', '.join(sorted(plans))})"
            raise YamlFile(path).error((wrong, "plan"), problem)
    return entries


class _Last:
    """The file that was read last, and its entries. Equal entries of the next file share their memory."""

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._seen: tuple[Path, int, int, int] | None = None
        self._entries: tuple[KeyEntry, ...] = ()

    def read(self, path: Path) -> tuple[KeyEntry, ...]:
        """All entries of a file."""
        with self._reading:
            seen = None
            with suppress(OSError):
                found = path.stat()
                if time.time() - found.st_mtime > _RACY_SECONDS:
                    seen = (path, found.st_mtime_ns, found.st_size, found.st_ino)
            if seen is None or seen != self._seen:
                self._entries = _read(path, {entry.public: entry for entry in self._entries})
                self._seen = seen
            return self._entries


_last = _Last()


def _read(path: Path, known: dict[str, KeyEntry]) -> tuple[KeyEntry, ...]:
    def taken(fields: dict[str, Any]) -> KeyEntry:
        entry = msgspec.convert(fields, KeyPart).entry
        same = known.get(entry.public)
        return same if same == entry else entry

    try:
        entries = flat_list.read(path.read_text(encoding="utf-8"), taken)
    except (OSError, UnicodeDecodeError):
        entries = None
    if entries is not None and _twice(entries) is None:
        return tuple(entries)
    try:
        file = YamlFile(path)
        entries = [] if file.content is None else [part.entry for part in file.convert(list[KeyPart])]
    except ConfigError as error:
        raise error.without_values(_FIELDS) from None
    if twice := _twice(entries):
        at, first = twice
        raise file.error(at, f"duplicate: already used by entry {first + 1}; each key may appear only once")
    return tuple(entries)


def _twice(entries: list[KeyEntry]) -> tuple[Steps, int] | None:
    """The first entry with a name that another has: the field, and the other's place."""
    seen: dict[str, int] = {}
    for n, entry in enumerate(entries):
        for field, name in (("id", entry.id), ("hash", entry.hash)):
            if name and seen.setdefault(name, n) != n:
                return (n, field), seen[name]
    return None


def written(entries: tuple[KeyEntry, ...]) -> bytes:
    """Entries as the content of such a file."""
    parts = [KeyPart(**{name: getattr(entry, name) for name in entry.__struct_fields__}) for entry in entries]
    return msgspec.json.format(msgspec.json.encode(parts))
