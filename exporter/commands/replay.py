"""`replay`: count whole logs once and print the metrics, or each record as CSV."""

import csv
import logging
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from exporter.commands.select_input import distinct, input_for
from exporter.config.load import Loaded, load
from exporter.counting.meter import Meter
from exporter.errors import InputError
from exporter.formats.decoders.decoder import Decoded, Decoder
from exporter.inputs.archive import whole_lines
from exporter.keys.key_metrics import Keys
from exporter.metrics.exposition import render
from exporter.model.record import AccessRecord
from exporter.service.assembly import Assembly
from exporter.service.input_journal import InputJournal

log = logging.getLogger(__name__)

CSV_COLUMNS = (
    *("time", "key", "key_name", "key_owner", "class_", "chain", "method", "protocol", "status", "error_type"),
    *(
        "origin",
        "model",
        "requested_model",
        "provider",
        "duration",
        "time_to_first_token",
        "request_bytes",
        "response_bytes",
    ),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("cost", "credits"),
)


def run(config: str, logs: list[str], name: str | None, since: float | None, until: float | None, as_csv: bool) -> None:
    """Count logs as the inputs of a config that they belong to, or as the input `name`, and print the result."""
    loaded = load(Path(config))
    assembly = Assembly(loaded)
    export = CsvExport(sys.stdout, assembly.context.keys, assembly.context.labels) if as_csv else None
    meters = count(loaded, assembly, logs, name, Replay(since, until), export.rows if export else Meter.count)
    if not export:
        assembly.context.slowest.update_gauges(int(max(meter.last_time or 0 for meter in meters) // 60))
        assembly.context.limits.update_gauges(None)
        sys.stdout.flush()
        sys.stdout.buffer.writelines(render(assembly.store)[0])


def count(
    loaded: Loaded,
    assembly: Assembly,
    logs: list[str],
    name: str | None,
    replay: "Replay",
    rows: Callable[[Meter, Decoded], None] = Meter.count,
) -> list[Meter]:
    """Pass the rows of logs to `rows`, each with the meter of the input that its log belongs to. Returns the meters."""
    longest = {input_.name: input_.max_line_bytes for input_ in loaded.config.inputs}
    formats = {input_.name: assembly.format_of(input_) for input_ in loaded.config.inputs}
    meters = {input_.name: assembly.meter_of(input_, formats[input_.name]) for input_ in loaded.config.inputs}
    by_input: dict[str, list[str]] = {}
    for path in distinct(logs):
        by_input.setdefault(input_for(path, loaded.config, name).name, []).append(path)
    for input_name, paths in by_input.items():
        journal = InputJournal(input_name, assembly.store, longest[input_name])
        replay.logs(paths, formats[input_name].decoder, meters[input_name], journal, rows)
    return list(meters.values())


class Replay:
    """Reads whole logs into a meter. `since` and `until` are epoch seconds: records in [since, until) count.

    With one of them, `times` are those of the first and the last request that counted.
    """

    def __init__(self, since: float | None = None, until: float | None = None) -> None:
        self._since = since
        self._until = until
        self.times: tuple[float, float] | None = None
        self._parsed = self._rejected = self._requests = self._timeless = 0

    def logs(
        self,
        paths: list[str],
        decoder: Decoder,
        meter: Meter,
        journal: InputJournal,
        rows: Callable[[Meter, Decoded], None],
    ) -> None:
        """Pass each chunk's rows to `rows` and the rest to the journal. The logs are one input's, oldest first: a
        request may begin in one and end in the next. InputError if a log, or every line of it, can't be read, or if
        records of a time are wanted and none has one.
        """
        self._parsed = self._rejected = self._requests = self._timeless = 0
        for path in paths:
            with _Progress(path) as progress:
                for chunk, read in whole_lines(path, journal.too_long, journal.longest_line):
                    decoded = decoder.decode(chunk)
                    self._take(decoded, meter, journal, rows)
                    progress.show(read)
        self._take(decoder.flush(), meter, journal, rows)
        meter.forget()
        journal.failed(meter.faults)
        if self._rejected and not self._parsed:
            raise InputError(
                f"{', '.join(paths)}: none of the {self._rejected} lines has the format of input {meter.name!r}"
            )
        if self._timeless:
            self._report_timeless(paths, meter)
        elif meter.last_time is None:
            journal.warn_no_time()

    def _report_timeless(self, paths: list[str], meter: Meter) -> None:
        which = f"{', '.join(paths)}: {self._timeless} records of input {meter.name!r} have no time"
        cure = "name the log's time in the format: `time`"
        if self._timeless == self._requests:
            raise InputError(f"{which}, so --since and --until can't choose among them; {cure}")
        log.warning("%s and were left out by --since or --until; %s", which, cure)

    def _take(
        self, decoded: Decoded, meter: Meter, journal: InputJournal, rows: Callable[[Meter, Decoded], None]
    ) -> None:
        self._parsed += len(decoded.rows)
        self._rejected += len(decoded.rejected)
        if self._since is not None or self._until is not None:
            decoded.keep([place for place, record in _records(meter, decoded) if self._wanted(record)])
        rows(meter, decoded)
        if not decoded.clean:
            journal.note(decoded)

    def _wanted(self, record: AccessRecord) -> bool:
        at = record.time
        is_request = not (record.ignored or record.rejected)
        self._requests += is_request
        self._timeless += is_request and at is None
        if at is None or not (self._since or 0.0) <= at < (self._until or float("inf")):
            return False
        if is_request:
            first, last = self.times or (at, at)
            self.times = min(first, at), max(last, at)
        return True


class CsvExport:
    """Writes one CSV row for each record. `labels` are those that the config declares, with their fields: each is a
    column, too.
    """

    def __init__(self, out: TextIO, keys: Keys, labels: dict[str, str]) -> None:
        self._keys = keys
        self._labels = labels
        self._writer = csv.writer(out)
        self._writer.writerow([*(name.rstrip("_") for name in CSV_COLUMNS), *labels])

    def rows(self, meter: Meter, decoded: Decoded) -> None:
        """Write the requests; leave out lines that are not requests."""
        for _, record in _records(meter, decoded):
            if not record.ignored and not record.rejected and record.requests:
                self._keys.describe(record)
                self._writer.writerow([_cell(record, name) for name in (*CSV_COLUMNS, *self._labels.values())])


def _records(meter: Meter, decoded: Decoded) -> Iterator[tuple[int, AccessRecord]]:
    """Each row's index and record. A row whose record can't be built is rejected."""
    for place, row in enumerate(decoded.rows):
        try:
            record = meter.record(row)
        except Exception as error:
            decoded.fail(row, error)
        else:
            yield place, record


def _cell(record: AccessRecord, name: str) -> str:
    value: Any = record.custom[name] if name in record.custom else getattr(record, name, "")
    if name == "time" and value is not None:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".")
    text = "" if value is None else str(value)
    # A spreadsheet would run these as formulas.
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


class _Progress:
    """A progress bar for one file, shown only on a terminal."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._size = Path(path).stat().st_size if Path(path).is_file() else 0
        self._shown = -1
        self._on = sys.stderr.isatty() and self._size > 0

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._on:
            sys.stderr.write("\r\033[K")

    def show(self, read: int) -> None:
        percent = min(100, 100 * read // self._size) if self._size else 0
        if self._on and percent != self._shown:
            self._shown = percent
            width = max(10, min(40, os.get_terminal_size(2).columns - 50))
            bar = "#" * (width * percent // 100)
            sys.stderr.write(f"\r{self._path[-40:]} [{bar:<{width}}] {percent:3} %")
            sys.stderr.flush()
