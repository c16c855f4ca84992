"""What the tests of formats share: lines → records, with keys in clear, so that one sees which was found."""

from datetime import UTC
from typing import Any

from exporter.formats.row_reader import RowReader
from exporter.formats.spec import FormatSpec, build
from exporter.keys.identity import bare_key
from exporter.model.record import AccessRecord
from exporter.requests.body import read_body
from exporter.requests.enrich import Enricher
from exporter.requests.routes import Routes, client_network, origin_host


class Reading:
    """A format as the exporter reads it: `records` and `rejected` of a log; how many lines are `blank` or `joined`."""

    def __init__(self, spec: FormatSpec, log: bytes) -> None:
        routes = Routes(bare_key)
        reader = RowReader(
            build(spec),
            {
                "key": bare_key,
                "path": routes.target,
                "request": routes.request,
                "host": routes.chain_of_host,
                "origin": origin_host,
                "referer": origin_host,
                "client": client_network,
                "body": read_body,
            },
            UTC,
        )
        names = dict(reader.names)
        numbers = "\n".join(line for measure in reader.measures for line in reader.statements(measure, "  "))
        held = ", ".join(f"{field!r}: {field}" for field in reader.measures)
        exec(f"def read(r):\n{numbers}\n  return {reader.dims}, {reader.time}, {reader.origin}, {{{held}}}", names)
        decoded = reader.decoder.decode(log)
        self.rejected = decoded.rejected
        self.blank = decoded.blank
        self.joined = decoded.joined
        rows = decoded.rows + reader.decoder.flush().rows
        self.records = [_record(reader, *names["read"](row)) for row in rows]


def _record(reader: RowReader, dims: Any, time: Any, origin: str, numbers: dict[str, float]) -> AccessRecord:
    record = Enricher("business", lambda _: "").record(reader.words(dims))
    record.time = reader.seconds_since_epoch(time)
    record.origin = origin
    for field, value in numbers.items():
        if value >= 0:
            setattr(record, field, round(value, 9))
    return record


def told(record: AccessRecord) -> dict[str, Any]:
    """What a record says beyond what every record does. Of one that does not count, only why."""
    if record.ignored or record.rejected:
        return {"ignored": True} if record.ignored else {"rejected": record.rejected}
    plain = AccessRecord(calls=(record.method,))
    every = {name: getattr(record, name) for name in record.__struct_fields__}
    return {name: value for name, value in every.items() if value != getattr(plain, name)}
