"""Rows → OTLP's messages, by OpenTelemetry's own classes. Source: opentelemetry-proto, logs/v1/logs.proto.

A record is two messages one behind the other, which protobuf reads as one: what all requests of a kind share, encoded
once, and a row's own values. These are put into a record that is used again, as making a new one takes five times as
long. So only the outer frames are written here (`_framed`).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import (
    SEVERITY_NUMBER_ERROR,
    SEVERITY_NUMBER_INFO,
    SEVERITY_NUMBER_WARN,
    LogRecord,
    ResourceLogs,
    ScopeLogs,
    SeverityNumber,
)

from exporter import __version__
from exporter.keys.identity import KeyEntry
from exporter.memo import Memo
from exporter.request_log import chain
from exporter.request_log.fields import FIELDS
from exporter.request_log.key_names import KeyNames
from exporter.request_log.outbox.attributes import SUMS, Value, attributes_of, is_sent, standard_name
from exporter.request_log.outbox.unsent import Row
from exporter.request_log.schema import KIND_COLUMNS
from exporter.request_log.search import ROW_NAMES

EVENT = "gateway.request"
SERVICE = "gateway-exporter"
# Whose fault a failure is decides how severe it is; all other failures are errors.
_CLIENTS = frozenset(("blocked", "rate_limit_exceeded", "auth", "client_abort", "client_error"))
_FLAGS = tuple(name for name, field in FIELDS.items() if field.type == "flag")
# So many combinations are remembered.
_MOST_KINDS = 5_000
_OWN = len(ROW_NAMES)
_REASONS, _TIMES = ROW_NAMES.index("attempt_reasons"), ROW_NAMES.index("attempt_times")
# The fields of the three messages that hold the next one.
_RECORDS = ScopeLogs.LOG_RECORDS_FIELD_NUMBER
_SCOPES = ResourceLogs.SCOPE_LOGS_FIELD_NUMBER
_RESOURCES = ExportLogsServiceRequest.RESOURCE_LOGS_FIELD_NUMBER


class Kind(Struct):
    """What requests of a kind share: the first part of their records, and of their text. `attempts` and `steps` have
    times that are not shared.
    """

    encoded: bytes
    text: str
    attempts: str | None
    steps: str | None


class Layout(Struct):
    """A record for rows with values in the same columns. `slots` are where values go, by type, each with its place in
    the row; those of `sums` add several.
    """

    record: LogRecord
    uid: AnyValue
    slots: dict[str, list[tuple[AnyValue, int]]]
    sums: list[tuple[AnyValue, list[int]]]


class Records:
    """Makes the messages of one exporter. `resource` has attributes of all of them. Names of keys are those that
    `entries`, the key registry's, have now.
    """

    def __init__(
        self, instance: str, resource: Mapping[str, str], entries: Callable[[], Mapping[str, KeyEntry]]
    ) -> None:
        self.instance = instance
        self._entries = entries
        self._registry = KeyNames(entries())
        self._kinds = Memo(self._kind, _MOST_KINDS)
        self._layouts = Memo(_layout, _MOST_KINDS)
        head, scope = ResourceLogs(), ScopeLogs()
        for name, value in ({"service.name": SERVICE, "service.instance.id": instance} | dict(resource)).items():
            head.resource.attributes.add(key=name).value.string_value = value
        scope.scope.name, scope.scope.version = SERVICE, __version__
        self._resource, self._scope = head.SerializeToString(), scope.SerializeToString()

    def message(self, rows: Sequence[Row]) -> bytes:
        """A request with these rows, as it is sent."""
        if self._registry.entries is not (entries := self._entries()):
            self._registry = KeyNames(entries)
            self._kinds.clear()
        now = time.time_ns()
        records = b"".join([_framed(_RECORDS, self._record(row, now)) for row in rows])
        return _framed(_RESOURCES, self._resource + _framed(_SCOPES, self._scope + records))

    def _record(self, row: Row, now: int) -> bytes:
        kind = self._kinds[row[_OWN:]]
        layout = self._layouts[tuple([value is None for value in row[:_OWN]])]
        record = layout.record
        record.time_unix_nano = row[1] * 1_000_000
        record.observed_time_unix_nano = now
        # With its number, as Loki takes two lines of the same text and time for one.
        record.body.string_value = f"{kind.text} #{row[0]}"
        layout.uid.string_value = f"{self.instance}-{row[0]}"
        slots = layout.slots
        for value, place in slots["text"]:
            value.string_value = row[place]
        for value, place in slots["number"]:
            value.int_value = int(row[place])
        for value, place in slots["amount"]:
            value.double_value = row[place]
        for value, place in slots["seconds"]:
            value.double_value = row[place] / 1e6
        for value, places in layout.sums:
            value.int_value = int(sum([row[place] for place in places]))
        encoded: bytes = kind.encoded + record.SerializeToString()
        if kind.attempts or kind.steps:
            encoded += _links(chain.shown(kind.attempts, kind.steps, row[_REASONS], row[_TIMES]))
        return encoded

    def _kind(self, shared: tuple[Any, ...]) -> Kind:
        values = dict(zip(KIND_COLUMNS, shared, strict=True))
        attempts, steps = values.pop("attempts"), values.pop("steps")
        values["key_name"] = self._registry.name(values["key"], values["key_name"])
        values["key_owner"] = self._registry.owner(values["key"], values["key_owner"])
        values["labels"] = msgspec.json.decode(values["labels"] or "{}")
        for name in _FLAGS:
            values[name] = bool(values[name])
        record = LogRecord(event_name=EVENT)
        record.severity_number, record.severity_text = _severity(values["error_type"])
        for name, value in attributes_of(values):
            _set(record.attributes.add(key=name).value, value)
        words = (values["method"], values["status"], values["error_type"])
        return Kind(record.SerializeToString(), " ".join(word for word in words if word), attempts, steps)


def _layout(absent: tuple[bool, ...]) -> Layout:
    """The layout of rows in whose own columns these values are absent."""
    record = LogRecord()
    slots: dict[str, list[tuple[AnyValue, int]]] = {"text": [], "number": [], "amount": [], "seconds": []}
    made = Layout(record, record.attributes.add(key="log.record.uid").value, slots, [])
    places = {name: place for place, name in enumerate(ROW_NAMES) if not absent[place]}
    for name, place in places.items():
        if is_sent(name):
            slots[FIELDS[name].type].append((record.attributes.add(key=standard_name(name)).value, place))
    for name, parts in SUMS.items():
        if known := [places[part] for part in parts if part in places]:
            made.sums.append((record.attributes.add(key=name).value, known))
    return made


def _severity(error_type: str | None) -> tuple[SeverityNumber.ValueType, str]:
    if not error_type:
        return SEVERITY_NUMBER_INFO, "INFO"
    if error_type in _CLIENTS:
        return SEVERITY_NUMBER_WARN, "WARN"
    return SEVERITY_NUMBER_ERROR, "ERROR"


def _links(shown: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> bytes:
    """The attempts and steps of a row, as the last part of its record."""
    record = LogRecord()
    for name, links in zip(("attempts", "steps"), shown, strict=True):
        if links:
            _set(record.attributes.add(key=standard_name(name)).value, links)
    encoded: bytes = record.SerializeToString()
    return encoded


def _set(to: AnyValue, value: Value) -> None:
    """Set a value by its type. Lists hold mappings, of which what is not known is left out."""
    match value:
        case str():
            to.string_value = value
        case bool():
            to.bool_value = value
        case int():
            to.int_value = value
        case float():
            to.double_value = value
        case _:
            for entry in value:
                pairs = to.array_value.values.add().kvlist_value.values
                for name, part in entry.items():
                    if part is not None and part != "":
                        _set(pairs.add(key=name).value, part)


def _framed(field: int, message: bytes) -> bytes:
    """A message as a field of another: its number and type, and its length, as protobuf writes them."""
    size, length = len(message), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    return bytes((field << 3 | 2, *length)) + message
