"""Callers: who sent a request, by the key and the labels that the config declares. Cold path."""

from typing import Any

from exporter.counting.admission import Verdict
from exporter.counting.cell import Caller
from exporter.counting.context import Context
from exporter.formats.row_reader import RowReader
from exporter.model import catalog
from exporter.model.record import AccessRecord
from exporter.requests.enrich import Enricher


class Callers:
    """The callers of one input. `of_key` finds the caller of a row's raw values, if no later success may change it."""

    def __init__(self, name: str, reader: RowReader, enricher: Enricher, context: Context) -> None:
        self._name = name
        self._reader = reader
        self._enricher = enricher
        self._context = context
        self.all: dict[Any, Caller] = {}
        self.of_key: dict[Any, Caller] = {}

    def __len__(self) -> int:
        """The number of callers, or of raw values that lead to one, whichever is larger."""
        return max(len(self.all), len(self.of_key))

    def forget(self) -> None:
        """Forget all callers."""
        self.all = {}
        self.of_key = {}

    def resolve(self, caller_key: Any, path_key: str, proven: bool) -> tuple[Caller, bool]:
        """The caller; whether it may change with a later success. `path_key` is the key in the path. `proven` if the
        request's success shows that its key is valid.
        """
        keys = self._context.keys
        fields = self._reader.caller_group.read(caller_key)
        key = fields.get("key") or path_key
        verdict = self._context.admissions.judge("key", key, proven)
        label = verdict.value
        about = AccessRecord(class_=self._enricher.class_of(key))
        if label == key:
            about.key_name, about.key_owner = (
                self._enricher.name(fields.get(name, "")) for name in ("key_name", "key_owner")
            )
        declared = self._declared(fields, proven)
        verdicts = [("key", verdict), *declared]
        caller = self._caller(
            (label, about.class_, *(verdict.value for _, verdict in declared)),
            about,
            unknown=bool(key) and (key not in keys if len(keys) else label != key),
            overflows=tuple(label for label, verdict in verdicts if verdict.overflow),
            user=self._context.limits.user(label, key),
        )
        open_ = any(verdict.open for _, verdict in verdicts)
        if not open_:
            self.of_key[caller_key, path_key] = caller
        return caller, open_

    def _declared(self, fields: dict[str, Any], proven: bool) -> list[tuple[str, Verdict]]:
        """The declared labels, with the verdicts on their values."""
        judge, shown = self._context.admissions.judge, self._enricher.label
        return [
            (label, judge(label, shown(fields.get(field, "")), proven)) for label, field in self._context.labels.items()
        ]

    def _caller(
        self, values: tuple[str, ...], about: AccessRecord, unknown: bool, overflows: tuple[str, ...], user: str
    ) -> Caller:
        at = (values, about.key_name, about.key_owner, unknown, overflows, user)
        caller = self.all.get(at)
        if caller is None:
            counter = catalog.UNKNOWN_KEY_REQUESTS
            counters = (self._context.store.series(counter, self._name),) if unknown else ()
            last_used = self._context.keys.seen(values[0], about)
            caller = self.all[at] = Caller(values, about, counters, overflows, last_used, user)
        return caller
