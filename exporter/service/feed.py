"""One configured input on its way to the store: input, decoder, meter, and the journal of what went wrong."""

import logging
import time
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import replace as changed

from exporter.clock import AHEAD
from exporter.counting.meter import Meter
from exporter.formats.decoders.csv_lines import CsvLines
from exporter.formats.decoders.decoder import Decoded, Decoder
from exporter.formats.spec import FormatSpec
from exporter.inputs.base import Input
from exporter.inputs.disk.fingerprint import Position
from exporter.inputs.elsewhere import StoredInput
from exporter.keys.seal import Seal
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.service.input_journal import InputJournal
from exporter.service.oldest import OldestRecord
from exporter.service.pace import Pace

log = logging.getLogger(__name__)

_GAUGES = (
    catalog.LAG_BYTES,
    catalog.LAG_SECONDS,
    catalog.INPUT_READABLE,
    catalog.LAST_RECORD_TIMESTAMP_SECONDS,
    catalog.OLDEST_RECORD_TIMESTAMP_SECONDS,
)


class Feed:
    """Counts the lines of an input. `place` is its path and the pattern of its rotated logs, `spec` the lines' format.

    The decoder makes the rows that the meter counts: they belong together. Lines that wait in it may hold a raw key,
    so they are kept over a restart with a `seal`.
    """

    def __init__(
        self,
        place: tuple[str, ...],
        spec: FormatSpec,
        source: Input,
        decoder: Decoder,
        meter: Meter,
        journal: InputJournal,
        seal: Seal,
    ) -> None:
        self.place = place
        self._seal = seal
        self.spec = spec
        self.input = source
        self.decoder = decoder
        self._read_headers(is_new=False)
        self.meter = meter
        self.journal = journal
        self.pace = Pace(0)
        self._behind_since: float | None = None
        self._release_at = 0.0
        self._oldest = OldestRecord()

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self.meter.name

    def count_next_chunk(self) -> bool:
        """Count the next chunk; False if there is nothing to do. Hot path."""
        chunk = self.input.read()
        if not chunk:
            if not self.input.pending:
                self._behind_since = None
                self._release()
            return self.input.pending
        decoded = self.decoder.decode(chunk)
        begins = self.meter.begins_at(decoded)
        if begins is not None:
            self._oldest.note(begins, time.monotonic())
        self.meter.count(decoded)
        if not decoded.clean:
            self.journal.note(decoded)
        return True

    def _release(self) -> None:
        """The log is read to its end: count lines that have waited long enough for another of their request."""
        now = time.monotonic()
        if now >= self._release_at:
            self._release_at = now + self.decoder.patience
            waited = self.decoder.release()
            if waited.rows:
                self._count(waited)

    def finish(self) -> None:
        """Count what still waits for another line, if none can come."""
        if self.input.finished:
            self.flush()

    def flush(self) -> None:
        """Count what still waits for another line, as it is."""
        self._count(self.decoder.flush())

    def leave(self) -> int:
        """Prepare to be removed: count the lines that no other input can read on. Returns the bytes that one could."""
        lines, waiting = self.input.leave()
        if lines:
            self._count(self.decoder.decode(lines))
        return waiting

    def _count(self, decoded: Decoded) -> None:
        self.meter.count(decoded)
        self.journal.note(decoded)

    def fold(self) -> None:
        """Move what was counted into the series."""
        self.meter.fold()
        self.journal.failed(self.meter.faults)
        self.journal.warn_no_status()
        if self.meter.last_time is None:
            self.journal.warn_no_time()

    def lag_seconds(self, now: float) -> float:
        """Age in seconds of the oldest unread byte, judged by the last record; 0 if everything is read."""
        if not self.input.lag_bytes():
            return 0.0
        if self._behind_since is None:
            self._behind_since = now
        return max(0.0, now - min(self._behind_since, self.meter.last_time or now))

    def go_back(self, now: float) -> float:
        """See `Clock.add`."""
        latest = max(self.meter.last_time or 0.0, self._behind_since or 0.0)
        if latest <= now + AHEAD:
            return 0.0
        if self.meter.last_time:
            self.meter.last_time = min(self.meter.last_time, now)
        if self._behind_since:
            self._behind_since = min(self._behind_since, now)
        return latest

    def update_gauges(self, store: Store, now: float) -> None:
        """Set the gauges of the input; `now` is in epoch seconds."""
        store.set(catalog.LAG_BYTES, self.name, to=self.input.lag_bytes())
        store.set(catalog.LAG_SECONDS, self.name, to=round(self.lag_seconds(now), 3))
        store.set(catalog.INPUT_READABLE, self.name, to=int(self.input.readable))
        if self.meter.last_time:
            store.set(catalog.LAST_RECORD_TIMESTAMP_SECONDS, self.name, to=self.meter.last_time)
        oldest = self._oldest.value(time.monotonic())
        if oldest is None:
            store.drop(catalog.OLDEST_RECORD_TIMESTAMP_SECONDS, self.name)
        else:
            store.set(catalog.OLDEST_RECORD_TIMESTAMP_SECONDS, self.name, to=min(oldest, now))

    def lines(self, store: Store) -> tuple[int, int, int]:
        """How many lines were parsed, ignored and rejected."""
        name = catalog.LINES
        parsed, ignored, rejected = (
            int(store.series(name, self.name, result).value) for result in ("parsed", "ignored", "rejected")
        )
        return parsed, ignored, rejected

    def hide(self, store: Store) -> None:
        """Drop its gauges, as the input is removed."""
        for gauge in _GAUGES:
            store.drop(gauge, self.name)

    def turn_to(self, decoder: Decoder, meter: Meter, spec: FormatSpec) -> None:
        """Decode and count with these from the next line on. If the format has changed, what waits for another line
        is counted as it is.
        """
        is_new = spec != self.spec
        if not is_new:
            decoder.follow(self.decoder)
        else:
            self.flush()
            self.fold()
        self.meter.give_up(self.meter.kept)
        self.spec = spec
        self.decoder = decoder
        self._read_headers(is_new)
        self._release_at = 0.0
        meter.last_time = self.meter.last_time
        self.meter = meter
        self.journal.name = meter.name

    def _read_headers(self, is_new: bool) -> None:
        lines = self.decoder.inside
        self.input.read_headers(lines if isinstance(lines, CsvLines) else None, is_new)

    # --- what is committed with the counters

    def snapshot(self) -> StoredInput:
        """What the input needs to continue after a restart."""
        return self._stored_input([position.restored() for position in self.input.positions()])

    def stored(self) -> tuple[StoredInput, dict[str, msgspec.Raw]]:
        """The same as it is committed: without the positions, which are in parts of the state by name."""
        pages = self.input.pages()
        stored = self._stored_input([])
        stored.pages = [*pages]
        return stored, {_page(self.name, number): page for number, page in pages.items()}

    def _stored_input(self, positions: list[Position]) -> StoredInput:
        return StoredInput(
            place=self.place,
            positions=positions,
            last_time=self.meter.last_time,
            kept=self.meter.kept,
            format=fingerprint(self.spec),
            decoder=self._seal.close(self.decoder.snapshot()),
            name=self.name,
            late=self._oldest.late(time.monotonic(), time.time()),
        )

    def restore(self, stored: StoredInput) -> None:
        """Continue where the input stopped; called before the first scan."""
        is_same = stored.format == fingerprint(self.spec)
        positions = stored.positions
        self.input.restore(positions if is_same else [changed(position, columns=()) for position in positions])
        self.meter.last_time = stored.last_time
        self.meter.give_up(stored.kept)
        self._oldest.restore(stored.late, time.monotonic(), time.time())
        if is_same:
            self.follow([stored])
        elif stored.decoder is not None:
            log.warning("%s: the format has changed; lines that waited for others of their request are lost", self.name)

    def follow(self, before: list[StoredInput]) -> None:
        """Continue for inputs of the same format that are gone, with the first one's decoder state. Lines that wait in
        the decoders of the others are counted as they are, so that no line waits in two places.
        """
        for stored in reversed(before):
            self.flush()
            waiting = self._opened(stored.decoder)
            self.decoder.restore(waiting)
            self.decoder.flush()
            stored.decoder = self._seal.close(self.decoder.snapshot())
            self.decoder.restore(waiting)
            self.meter.last_time = stored.last_time or self.meter.last_time
            self._oldest.restore(stored.late, time.monotonic(), time.time())

    def _opened(self, sealed: Any) -> Any:
        try:
            return self._seal.open(sealed)
        except ValueError:
            text = "%s: the secret for key names has changed; lines that waited for others of their request are lost"
            log.warning(text, self.name)
            return None


def stored_inputs(parts: dict[str, Any]) -> list[StoredInput]:
    """What was committed of each input, together with its positions."""
    inputs = msgspec.convert(parts.get("inputs", {}), dict[str, StoredInput])
    for name, stored in inputs.items():
        stored.name = name
        paged = (position for n in stored.pages for position in _positions(parts[_page(name, n)]))
        stored.positions = [position.restored() for position in (*stored.positions, *paged)]
        stored.pages = []
    return [*inputs.values()]


def _positions(page: Any) -> list[Position]:
    return msgspec.convert(page, list[Position])


def _page(name: str, number: int) -> str:
    return f"positions {number} of {name}"


def fingerprint(spec: FormatSpec) -> bytes:
    """A hash that differs between formats."""
    return blake2b(msgspec.msgpack.encode(spec), digest_size=8).digest()
