"""The key registry as a file: a list of entries, in YAML or JSON."""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from exporter.errors import FieldError, unknown
from exporter.identity import KeyEntry
from exporter.labels import CLASSES
from exporter.yamlfile import Part, YamlFile

_HASH = re.compile(r"k_[0-9a-f]{16}")


class KeyPart(Part, rename={"class_": "class"}, omit_defaults=True):
    """An entry of the registry. A day is its beginning, a time without a zone is UTC."""

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
            raise FieldError("class", unknown("class", self.class_, CLASSES))
        self.created, self.expires = read_date("created", self.created), read_date("expires", self.expires)

    @property
    def entry(self) -> KeyEntry:
        """What the stages take."""
        return KeyEntry(**{name: getattr(self, name) for name in self.__struct_fields__})


def load_keys(path: Path, plans: Collection[str] = ()) -> tuple[KeyEntry, ...]:
    """Read a key registry. Where there are `plans`, a key's is one of them. ConfigError names the first mistake."""
    file = YamlFile(path)
    if file.content is None:
        return ()
    parts = file.convert(list[KeyPart])
    seen: dict[str, int] = {}
    for n, part in enumerate(parts):
        for name in {part.id, part.hash} - {""}:
            if name in seen:
                field = "id" if name == part.id else "hash"
                raise file.error((n, field), f"{name!r} is entry {seen[name]} too; a key stands once")
            seen[name] = n
        if part.plan and plans and part.plan not in plans:
            raise file.error((n, "plan"), unknown("plan", part.plan, plans))
    return tuple(part.entry for part in parts)


def written(entries: tuple[KeyEntry, ...]) -> bytes:
    """Entries as such a file."""
    parts = [KeyPart(**{name: getattr(entry, name) for name in entry.__struct_fields__}) for entry in entries]
    return msgspec.json.format(msgspec.json.encode(parts))


def read_date(name: str, value: Any) -> datetime | None:
    """A date of a file that people write; FieldError where it is none. A day is its beginning, in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise FieldError(name, f"{value!r} is no date; write 2026-12-31 or 2026-12-31T18:00:00Z") from None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise FieldError(name, f"{value!r} is no date; write 2026-12-31 or 2026-12-31T18:00:00Z")
