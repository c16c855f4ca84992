"""What the tests of formats share: lines → records, with keys in clear, so that one sees which was found."""

from datetime import UTC
from typing import Any

from exporter.formats.decoders.decoder import Decoded
from exporter.formats.format import build
from exporter.formats.row_reader import RowReader
from exporter.formats.spec import FormatSpec
from exporter.keys.identity import bare_key
from exporter.model.record import AccessRecord
from exporter.requests.canonical import canonical_functions
from exporter.requests.enrich import Enricher
from exporter.requests.records import RecordReader
from exporter.requests.routes import Routes


class Reader:
    """A format as the exporter reads it."""

    def __init__(self, spec: FormatSpec) -> None:
        reader = RowReader(build(spec), canonical_functions(Routes(bare_key), bare_key), UTC)
        self._decoder = reader.decoder
        self._records = RecordReader(reader, Enricher("business", lambda _: "", hashed=lambda _: "k_hashed"))

    def read(self, log: bytes) -> tuple[list[AccessRecord], Decoded]:
        """The records of a log, and what else became of its lines."""
        decoded = self._decoder.decode(log)
        return [self._records.record(row) for row in decoded.rows + self._decoder.flush().rows], decoded


class Reading:
    """What was read of a log: `records` and `rejected`; how many lines are `blank` or `joined`."""

    def __init__(self, spec: FormatSpec, log: bytes) -> None:
        records, decoded = Reader(spec).read(log)
        self.rejected = decoded.rejected
        self.blank = decoded.blank
        self.joined = decoded.joined
        self.records = [*map(_rounded, records)]


def _rounded(record: AccessRecord) -> AccessRecord:
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, float) and name != "time":
            setattr(record, name, round(value, 9))
    return record


def told(record: AccessRecord) -> dict[str, Any]:
    """What a record says beyond what every record does. Of one that does not count, only why."""
    if record.ignored or record.rejected:
        return {"ignored": True} if record.ignored else {"rejected": record.rejected}
    plain = AccessRecord(calls=(record.method,))
    every = {name: getattr(record, name) for name in record.__struct_fields__}
    return {name: value for name, value in every.items() if value != getattr(plain, name)}
