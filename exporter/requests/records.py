"""Complete records of rows, with their numbers. Cold path: for `explain`, `replay --csv` and tests."""

from collections.abc import Mapping
from typing import Any

from exporter.formats.row_function import row_function
from exporter.formats.row_reader import RowReader
from exporter.model.fields import FIELDS, LABEL_FIELDS
from exporter.model.record import AccessRecord
from exporter.requests.enrich import Enricher

# Numbers that are shown without a point where they are whole.
_COUNTS = frozenset(name for name, (kind, _) in FIELDS.items() if kind == "number")


class RecordReader:
    """Reads the records of one format. `derived`: see `row_function`."""

    def __init__(self, reader: RowReader, enricher: Enricher, derived: Mapping[str, str] | None = None) -> None:
        self._reader = reader
        self._enricher = enricher
        derived = {name: code for name, code in (derived or {}).items() if name in AccessRecord.__struct_fields__}
        self._read = row_function(reader, derived)
        self._custom = reader.custom_fields

    def record(self, row: Any) -> AccessRecord:
        """The record of a row, without prices."""
        values = self._read(row)
        fields = self._reader.fields(values.dims)
        record = self._enricher.record(fields)
        if fields and not record.rejected:
            self._add_labels(record, fields)
        record.origin = values.origin
        record.time = self._reader.seconds_since_epoch(values.time)
        for measure, value in values.numbers.items():
            if value >= 0 and record.uses(measure):
                whole = measure in _COUNTS and value == int(value)
                setattr(record, measure, int(value) if whole else value)
        record.implausible += tuple(values.implausible)
        return record

    def _add_labels(self, record: AccessRecord, fields: dict[str, Any]) -> None:
        """Add the fields that only declared labels are made of."""
        for name in LABEL_FIELDS:
            setattr(record, name, self._enricher.label(fields.get(name, "")))
        record.custom = {name: self._enricher.label(fields[name]) for name in self._custom if fields.get(name)}
