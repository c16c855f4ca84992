"""What is known of keys, as gauges: the registry's entries, names that gateways log, last use. Cold path."""

from collections.abc import Iterable

from exporter.identity import KeyEntry
from exporter.labels import UNKNOWN
from exporter.record import AccessRecord
from exporter.series import Series, Store

_LAST_USED = "gateway_key_last_used_timestamp_seconds"
# What only the registry tells.
_OF_REGISTRY = (
    "gateway_key_enabled",
    "gateway_key_created_timestamp_seconds",
    "gateway_key_expires_timestamp_seconds",
)


class Keys:
    """The `gateway_key_*` families."""

    def __init__(self, store: Store, registry: dict[str, KeyEntry]) -> None:
        self._store = store
        self._registry: dict[str, KeyEntry] = {}
        self._shown: dict[str, tuple[str, ...]] = {}
        self.update(registry)

    def update(self, registry: dict[str, KeyEntry]) -> None:
        """Show the registry as it is now. What is gone from it is not shown any more."""
        for key in self._registry.keys() - registry.keys():
            self._store.drop("gateway_key_info", key, *self._shown.pop(key))
            if not self._store.series(_LAST_USED, key).value:
                self._store.drop(_LAST_USED, key)
        for key in self._registry:
            for name in _OF_REGISTRY:
                self._store.drop(name, key)
        self._registry = registry
        for key, entry in registry.items():
            self._show(key, entry.name or key, entry.owner, entry.plan, entry.class_ or "business")
            self._store.set("gateway_key_enabled", key, to=int(entry.enabled))
            self._store.series(_LAST_USED, key)
            for name, date in (("created", entry.created), ("expires", entry.expires)):
                if date:
                    self._store.set(f"gateway_key_{name}_timestamp_seconds", key, to=date.timestamp())

    def __contains__(self, key: str) -> bool:
        return key in self._registry

    def __len__(self) -> int:
        return len(self._registry)

    def describe(self, record: AccessRecord) -> None:
        """Put what the registry calls a record's key into the record."""
        entry = self._registry.get(record.key)
        if entry:
            record.key_name, record.key_owner = entry.name, entry.owner

    def class_of(self, key: str) -> str:
        """The class the registry gives a key, "" if none."""
        entry = self._registry.get(key)
        return entry.class_ if entry else ""

    def seen(self, label: str, record: AccessRecord) -> Series | None:
        """A key was used: show what the log says of it, unless the registry knows better. Its last-use gauge."""
        if not label or label == UNKNOWN:
            return None
        if label not in self._registry:
            self._show(label, record.key_name or label, record.key_owner, "", record.class_)
        return self._store.series(_LAST_USED, label)

    def forget(self, keys: Iterable[str]) -> None:
        """Keys have lost their place, and are not shown any more."""
        for key in keys:
            self._shown.pop(key, None)

    def remembered(self) -> dict[str, tuple[str, ...]]:
        """What the log has said of keys that are not registered: to be found again after a restart."""
        return {key: about for key, about in self._shown.items() if key not in self._registry}

    def restore(self, remembered: dict[str, list[str]]) -> None:
        """What `remembered` gave."""
        for key, about in remembered.items():
            if key not in self._registry:
                self._show(key, *about)

    def _show(self, key: str, *about: str) -> None:
        old = self._shown.get(key)
        if old != about:
            if old:
                self._store.drop("gateway_key_info", key, *old)
            self._shown[key] = about
            self._store.set("gateway_key_info", key, *about, to=1)
