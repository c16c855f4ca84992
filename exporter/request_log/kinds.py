"""What requests share, decided from the raw values of one: once for each combination and file."""

from collections.abc import Mapping
from typing import Any

import msgspec

from exporter.formats.row_reader import RowReader
from exporter.model.record import AccessRecord
from exporter.pricing.pricing import Pricing
from exporter.request_log.day_file import NO_REQUEST, DayFile, Kind
from exporter.request_log.log import RequestLog
from exporter.request_log.schema import KIND_COLUMNS
from exporter.requests.attempts import attempt_details
from exporter.requests.enrich import Enricher, route_of


class Kinds:
    """The kinds of one input's requests. `labels` are those that the config declares, with their fields."""

    def __init__(
        self,
        name: str,
        reader: RowReader,
        enricher: Enricher,
        pricing: Pricing,
        log: RequestLog,
        labels: Mapping[str, str],
    ) -> None:
        self._name = name
        self._reader = reader
        self._enricher = enricher
        self._pricing = pricing
        self._log = log
        self._labels = labels

    def is_request(self, raws: tuple[Any, Any]) -> bool:
        """Whether a line of these raw values is a request, for rows that can't be kept."""
        record = self._enricher.record(self._reader.fields(raws))
        return not (record.ignored or record.rejected) and record.requests > 0

    def kind(self, file: DayFile, request_key: Any, caller_key: Any) -> Kind:
        """The kind of requests with these raw values, in a file; NO_REQUEST if they are none."""
        fields = self._reader.fields((request_key, caller_key))
        record = self._enricher.record(fields)
        if fields is None or record.ignored or record.rejected or not record.requests:
            return NO_REQUEST
        quote = self._pricing.quote(record)
        settings = self._log.settings
        return Kind(
            file.kind(self._values(record, fields, quote.unbilled)),
            settings.failures if record.error_type else settings.successes,
            bool(quote.prices) or quote.unbilled or record.cached,
            quote.prices,
            quote.unbilled,
            record.cached,
        )

    def _values(self, record: AccessRecord, fields: dict[str, Any], unbilled: bool) -> tuple[Any, ...]:
        """The values of KIND_COLUMNS."""
        details, steps = attempt_details(fields, record), self._enricher.steps(fields)
        values = {
            "input": self._name,
            "class": record.class_,
            "route": route_of(fields),
            "attempts": msgspec.json.encode(details).decode() if details else None,
            "steps": msgspec.json.encode(steps).decode() if steps else None,
            "unbilled": int(unbilled),
            "cached": int(record.cached),
            "currency": self._pricing.currency,
            "timed": int(record.timed),
            "labels": self._declared(fields),
        }
        return tuple(
            values[name] if name in values else (getattr(record, name) if getattr(record, name) != "" else None)
            for name in KIND_COLUMNS
        )

    def _declared(self, fields: dict[str, Any]) -> str | None:
        """The labels that the config declares, as JSON."""
        values = {name: self._enricher.label(fields.get(field, "")) for name, field in self._labels.items()}
        found = {name: value for name, value in values.items() if value}
        return msgspec.json.encode(found).decode() if found else None
