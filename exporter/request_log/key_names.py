"""Names and owners of keys, as they are registered now: rows have the key's public name only, and what the log said."""

import sqlite3
from collections.abc import Mapping

from msgspec import Struct

from exporter.keys.identity import KeyEntry


class KeyNames(Struct):
    """The key registry's entries, by public name."""

    entries: Mapping[str, KeyEntry] = {}

    def name(self, key: str | None, logged: str | None) -> str:
        """The key's name: the registry's; of an unregistered key, the log's; "" if it has none."""
        entry = self.entries.get(key or "")
        return (entry.name if entry else logged) or ""

    def owner(self, key: str | None, logged: str | None) -> str:
        """The key's owner, as its name."""
        entry = self.entries.get(key or "")
        return (entry.owner if entry else logged) or ""

    def join(self, db: sqlite3.Connection) -> None:
        """Make both known to SQL, as `name_of` and `owner_of`."""
        db.create_function("name_of", 2, self.name, deterministic=True)
        db.create_function("owner_of", 2, self.owner, deterministic=True)
