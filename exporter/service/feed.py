"""One log on its way: an input, the meter that counts its lines, and the journal of what went wrong with it."""

import logging
import time
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from exporter.clock import AHEAD
from exporter.counting.meter import Meter
from exporter.formats.decoder import Decoded
from exporter.formats.spec import FormatSpec
from exporter.inputs.elsewhere import StoredInput
from exporter.inputs.fingerprint import Position
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.service.input_journal import InputJournal
from exporter.service.oldest import OldestRecord

log = logging.getLogger(__name__)

_GAUGES = (
    catalog.LAG_BYTES,
    catalog.LAG_SECONDS,
    catalog.INPUT_READABLE,
    catalog.LAST_RECORD_TIMESTAMP_SECONDS,
    catalog.OLDEST_RECORD_TIMESTAMP_SECONDS,
)


class Input(Protocol):
    """Where lines come from."""

    finished: bool

    def scan(self) -> None:
        """See what there is to read."""

    def read(self) -> bytes:
        """The next whole lines, b"" when there are none now. It takes some milliseconds at most."""

    def lag_bytes(self) -> int:
        """Bytes that are there and not read."""

    def close(self) -> None:
        """Let go of everything."""

    def owns(self, path: str) -> bool:
        """Whether a file that grew is one of those that are read."""

    def leave(self) -> tuple[bytes, int]:
        """Before it is taken out: the unfinished lines that nobody can read on; how many bytes wait for who can."""

    def positions(self) -> list[Position]:
        """What to store together with what was counted so far."""

    def pages(self) -> dict[int, msgspec.Raw]:
        """The same, encoded in parts, of which few change from one commit to the next."""

    def restore(self, positions: list[Position]) -> None:
        """Before the first look: go on at positions that were stored. None at all means that there is no state."""

    @property
    def directory(self) -> str | None:
        """The folder to watch; None where there is none."""

    @property
    def pending(self) -> bool:
        """Whether there is more to do, also where `read` gave nothing."""

    @property
    def readable(self) -> bool:
        """Whether all of it can be read."""

    @property
    def unopened(self) -> int:
        """Logs that there is no descriptor for."""

    @property
    def files(self) -> list[str]:
        """What is read, for people."""


class Feed:
    """Counts the lines of an input. `place` is where the config says that it comes from, `spec` its lines' format."""

    def __init__(
        self, place: tuple[str, ...], spec: FormatSpec, source: Input, meter: Meter, journal: InputJournal
    ) -> None:
        self.place = place
        self.spec = spec
        self.input = source
        self.meter = meter
        self.journal = journal
        # Lines counted before this process.
        self.lines_before = 0
        self._behind_since: float | None = None
        self._oldest = OldestRecord()

    @property
    def name(self) -> str:
        """What the config calls it."""
        return self.meter.name

    def count_next_chunk(self) -> bool:
        """Count the next chunk; False if there is nothing to do. Hot path."""
        chunk = self.input.read()
        if not chunk:
            if not self.input.pending:
                self._behind_since = None
            return self.input.pending
        decoded = self.meter.reader.decoder.decode(chunk)
        begins = self.meter.begins_at(decoded)
        if begins is not None:
            self._oldest.note(begins, time.monotonic())
        self.meter.count(decoded)
        if not decoded.clean:
            self.journal.note(decoded)
        return True

    def finish(self) -> None:
        """Count what still waits for another line, if none can come."""
        if self.input.finished:
            self.flush()

    def flush(self) -> None:
        """Count what still waits for another line, as it is."""
        self._count(self.meter.reader.decoder.flush())

    def leave(self) -> int:
        """Before it is taken out: count the lines that nobody can read on. How many bytes wait for who can."""
        lines, waiting = self.input.leave()
        if lines:
            self._count(self.meter.reader.decoder.decode(lines))
        return waiting

    def _count(self, decoded: Decoded) -> None:
        self.meter.count(decoded)
        self.journal.note(decoded)

    def fold(self) -> None:
        """Move what was counted into the series."""
        self.meter.fold()
        self.journal.failed(self.meter.faults)
        self.journal.warn_no_status()

    def lag_seconds(self, now: float) -> float:
        """Age of the oldest unread byte: as old as the last record, where the log is behind; else 0."""
        if not self.input.lag_bytes():
            return 0.0
        if self._behind_since is None:
            self._behind_since = now
        return max(0.0, now - min(self._behind_since, self.meter.last_time or now))

    def go_back(self, now: float) -> float:
        """The clock went back, to this time: what is ahead of it was now. The latest of that, 0.0 where nothing is."""
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
            int(store.series(name, self.name, one).value) for one in ("parsed", "ignored", "rejected")
        )
        return parsed, ignored, rejected

    def hide(self, store: Store) -> None:
        """Drop its gauges: it is no input any more."""
        for gauge in _GAUGES:
            store.drop(gauge, self.name)

    def turn_to(self, meter: Meter, spec: FormatSpec) -> None:
        """Count with another meter from the next line on. In another format nothing waits for it any more."""
        if spec == self.spec:
            meter.reader.decoder.follow(self.meter.reader.decoder)
        else:
            self.flush()
            self.fold()
        self.meter.give_up(self.meter.kept)
        self.spec = spec
        meter.last_time = self.meter.last_time
        self.meter = meter
        self.journal.name = meter.name

    # --- what is committed with the counters

    def snapshot(self) -> StoredInput:
        """What to find again."""
        return self._stored_input([position.restored() for position in self.input.positions()])

    def stored(self) -> tuple[StoredInput, dict[str, msgspec.Raw]]:
        """The same, as it is written down: the positions are in parts of their own, by their names."""
        pages = self.input.pages()
        remembered = self._stored_input([])
        remembered.pages = [*pages]
        return remembered, {_page(self.name, number): page for number, page in pages.items()}

    def _stored_input(self, positions: list[Position]) -> StoredInput:
        return StoredInput(
            place=self.place,
            positions=positions,
            last_time=self.meter.last_time,
            kept=self.meter.kept,
            format=fingerprint(self.spec),
            decoder=self.meter.reader.decoder.snapshot(),
            name=self.name,
        )

    def restore(self, remembered: StoredInput) -> None:
        """Before the first look: go on where another one stopped."""
        self.input.restore(remembered.positions)
        self.meter.last_time = remembered.last_time
        self.meter.give_up(remembered.kept)
        if remembered.format == fingerprint(self.spec):
            self.follow([remembered])
        elif remembered.decoder is not None:
            log.warning("%s: its format has changed; lines that waited for others of their request are lost", self.name)

    def follow(self, before: list[StoredInput]) -> None:
        """Go on in the place of inputs of the same format: as the first one's decoder does. What waits in those of
        the others for another line counts as it is; what waits does so in one place only.
        """
        decoder = self.meter.reader.decoder
        for one in reversed(before):
            self.flush()
            decoder.restore(one.decoder)
            decoder.flush()
            waiting, one.decoder = one.decoder, decoder.snapshot()
            decoder.restore(waiting)
            self.meter.last_time = one.last_time or self.meter.last_time


def stored_inputs(parts: dict[str, Any]) -> list[StoredInput]:
    """What `stored` gave for each input, with its positions."""
    inputs = msgspec.convert(parts.get("inputs", {}), dict[str, StoredInput])
    for name, one in inputs.items():
        one.name = name
        pages = [*one.positions, *(each for n in one.pages for each in _positions(parts[_page(name, n)]))]
        one.positions, one.pages = [position.restored() for position in pages], []
    return [*inputs.values()]


def _positions(page: Any) -> list[Position]:
    return msgspec.convert(page, list[Position])


def _page(name: str, number: int) -> str:
    return f"positions {number} of {name}"


def fingerprint(spec: FormatSpec) -> bytes:
    """A few bytes that tell formats apart."""
    return blake2b(msgspec.msgpack.encode(spec), digest_size=8).digest()
