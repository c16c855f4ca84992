"""Gauges about keys: the registry's entries, names that gateways log, last use. Cold path.

Registered keys are on the families' sheets. Series are for unregistered keys, and for keys that were used.
"""

from collections.abc import Iterable
from functools import partial

from exporter.clock import AHEAD, Clock
from exporter.keys.identity import KeyEntry
from exporter.metrics.series import Series
from exporter.metrics.store import Store
from exporter.metrics.templates import number, sample
from exporter.model import catalog
from exporter.model.catalog import Family
from exporter.model.input_labels import escaped
from exporter.model.labels import UNKNOWN
from exporter.model.record import AccessRecord

_INFO = catalog.KEY_INFO
_ENABLED = catalog.KEY_ENABLED
_LAST_USED = catalog.KEY_LAST_USED_TIMESTAMP_SECONDS
_DATES = {
    catalog.KEY_CREATED_TIMESTAMP_SECONDS: "created",
    catalog.KEY_EXPIRES_TIMESTAMP_SECONDS: "expires",
}


class Keys:
    """The `gateway_key_*` families."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._registry: dict[str, KeyEntry] = {}
        # What the log says about unregistered keys.
        self._said: dict[str, tuple[str, ...]] = {}
        store.sheet(_INFO, self._info)
        store.sheet(_ENABLED, self._enabled)
        for family in _DATES:
            store.sheet(family, partial(self._date, family))
        self._unused = store.sheet(_LAST_USED, self._never)
        clock.add(self._go_back)

    def update(self, registry: dict[str, KeyEntry]) -> None:
        """Show the registry as it is now, without the entries it no longer has."""
        before, self._registry = self._registry, registry
        registered = self._store.registered
        registered.update(registry)
        for key, entry in registry.items():
            if key in before and before[key] != entry:
                registered.renew(key)
        for key in self._said.keys() & registry.keys():
            self._store.drop(_INFO, key, *self._said.pop(key))

    def __contains__(self, key: str) -> bool:
        return key in self._registry

    def __len__(self) -> int:
        return len(self._registry)

    def describe(self, record: AccessRecord) -> None:
        """Put the registry's name and owner of a record's key into the record."""
        entry = self._registry.get(record.key)
        if entry:
            record.key_name, record.key_owner = entry.name, entry.owner

    def class_of(self, key: str) -> str:
        """The class of a key in the registry, "" if it has none."""
        entry = self._registry.get(key)
        return entry.class_ if entry else ""

    def seen(self, label: str, record: AccessRecord) -> Series | None:
        """Show a key that was used, with its name from the log. Returns its last-used gauge."""
        if not label or label == UNKNOWN:
            return None
        self.name(label, record)
        if label not in self._registry:
            return self._stranger(_LAST_USED, label)
        if not self._used(label):
            self._unused.renew(label)
        return self._store.own(_LAST_USED, label)

    def name(self, label: str, record: AccessRecord) -> None:
        """Show the log's name and owner of a key, unless the key is registered."""
        if label and label != UNKNOWN and label not in self._registry:
            self._say(label, record.key_name or label, record.key_owner, "", record.class_)

    def rename(self, old: str, new: str) -> None:
        """Move the last use of a key that is now registered under another name."""
        if self._used(old):
            last = self._store.own(_LAST_USED, new)
            last.value = max(last.value, self._store.own(_LAST_USED, old).value)

    def forget(self, keys: Iterable[str]) -> None:
        """Forget what the log says about keys that have lost their place."""
        for key in keys:
            self._said.pop(key, None)

    def snapshot(self) -> dict[str, tuple[str, ...]]:
        """What the log says about unregistered keys, for `restore` after a restart."""
        return self._said

    def restore(self, remembered: dict[str, list[str]]) -> None:
        """Continue from what `snapshot` returned."""
        for key, about in remembered.items():
            if key not in self._registry:
                self._say(key, *about)
        for values, last in self._store.gauges(_LAST_USED).items():
            if not last.value:
                self._store.drop(_LAST_USED, *values)
                self._unused.clear()

    def _say(self, key: str, *about: str) -> None:
        old = self._said.get(key)
        if old != about:
            if old:
                self._store.drop(_INFO, key, *old)
            self._said[key] = about
            self._stranger(_INFO, key, *about).value = 1

    def _stranger(self, family: Family, *values: str) -> Series:
        """A gauge of an unregistered key. Over the family's limit, all such keys share one."""
        served = self._store.get(family)
        if served and served.merges(values):
            self._store.add(catalog.OVERFLOW, family.name)
        return self._store.series(family, *values)

    def _used(self, key: str) -> bool:
        served = self._store.get(_LAST_USED)
        return served is not None and (key,) in served.series

    def _go_back(self, now: float) -> float:
        """Set last uses that are ahead of the clock to now. Returns the latest of them, 0 if there is none."""
        ahead = [last for last in self._store.gauges(_LAST_USED).values() if last.value > now + AHEAD]
        latest = max((last.value for last in ahead), default=0.0)
        for last in ahead:
            last.value = now
        return latest

    # --- sheets

    def _info(self, key: str) -> str:
        entry = self._registry[key]
        values = (key, entry.name or key, entry.owner, entry.plan, entry.class_ or "business")
        return sample(_INFO.name, _INFO.labels, values, 1)

    def _enabled(self, key: str) -> str:
        return _line(_ENABLED, key, int(self._registry[key].enabled))

    def _date(self, family: Family, key: str) -> str:
        date = getattr(self._registry[key], _DATES[family])
        return _line(family, key, date.timestamp()) if date else ""

    def _never(self, key: str) -> str:
        return "" if self._used(key) else _line(_LAST_USED, key, 0)


def _line(family: Family, key: str, value: float) -> str:
    return f'{family.name}{{key="{escaped(key)}"}} {number(value).decode()}\n'
