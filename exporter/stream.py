"""One log on its way: an input, the meter that counts its lines, and the journal of what went wrong with it."""

import logging
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from exporter.counting import Meter
from exporter.formats.format import FormatSpec
from exporter.inputs.fingerprint import Position
from exporter.journal import Journal
from exporter.series import Store

log = logging.getLogger(__name__)

_GAUGES = (
    "gateway_exporter_lag_bytes",
    "gateway_exporter_lag_seconds",
    "gateway_exporter_input_readable",
    "gateway_exporter_last_record_timestamp_seconds",
)


class Input(Protocol):
    """Where lines come from."""

    finished: bool

    def look(self) -> None:
        """See what there is to read."""

    def read(self) -> bytes:
        """The next whole lines, b"" when there are none now. It takes some milliseconds at most."""

    def lag_bytes(self) -> int:
        """Bytes that are there and not read."""

    def close(self) -> None:
        """Let go of everything."""

    def owns(self, path: str) -> bool:
        """Whether a file that grew is one of those that are read."""

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
    def files(self) -> list[str]:
        """What is read, for people."""


class Stream:
    """Counts the lines of an input. `place` is where the config says that it comes from, `spec` its lines' format."""

    def __init__(self, place: tuple[str, ...], spec: FormatSpec, source: Input, meter: Meter, journal: Journal) -> None:
        self.place = place
        self.spec = spec
        self.input = source
        self.meter = meter
        self.journal = journal
        # Lines counted before this process.
        self.lines_before = 0
        self._behind_since: float | None = None

    @property
    def name(self) -> str:
        """What the config calls it."""
        return self.meter.name

    def take(self) -> bool:
        """Count the next chunk; False if there is nothing to do. Hot path."""
        chunk = self.input.read()
        if not chunk:
            if not self.input.pending:
                self._behind_since = None
            return self.input.pending
        decoded = self.meter.reader.decoder.decode(chunk)
        self.meter.count(decoded.rows)
        if not decoded.clean:
            self.journal.note(decoded)
        return True

    def finish(self) -> None:
        """Count what still waits for another line, if none can come."""
        if self.input.finished:
            self.flush()

    def flush(self) -> None:
        """Count what still waits for another line, as it is."""
        decoded = self.meter.reader.decoder.flush()
        self.meter.count(decoded.rows)
        self.journal.note(decoded)

    def fold(self) -> None:
        """Move what was counted into the series."""
        self.meter.fold()
        self.journal.look()

    def lag_seconds(self, now: float) -> float:
        """Age of the oldest unread byte: as old as the last record, where the log is behind; else 0."""
        if not self.input.lag_bytes():
            return 0.0
        if self._behind_since is None:
            self._behind_since = now
        return max(0.0, now - min(self._behind_since, self.meter.last_time or now))

    def show(self, store: Store, now: float) -> None:
        """Set the gauges of the input; `now` is in epoch seconds."""
        store.set("gateway_exporter_lag_bytes", self.name, to=self.input.lag_bytes())
        store.set("gateway_exporter_lag_seconds", self.name, to=round(self.lag_seconds(now), 3))
        store.set("gateway_exporter_input_readable", self.name, to=int(self.input.readable))
        if self.meter.last_time:
            store.set("gateway_exporter_last_record_timestamp_seconds", self.name, to=self.meter.last_time)

    def lines(self, store: Store) -> tuple[int, int, int]:
        """How many lines were parsed, ignored and rejected."""
        name = "gateway_exporter_lines_total"
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
            meter.reader.decoder.restore(self.meter.reader.decoder.remembered())
        else:
            self.flush()
            self.meter.fold()
        self.spec = spec
        meter.last_time = self.meter.last_time
        self.meter = meter
        self.journal.name = meter.name

    # --- what is committed with the counters

    def remembered(self) -> tuple[dict[str, Any], dict[str, msgspec.Raw]]:
        """What to find again: a part, and pages of positions beside it, by the names that `pages` in the part has."""
        pages = self.input.pages()
        part = {
            "place": self.place,
            "positions": [],
            "pages": [*pages],
            "last_time": self.meter.last_time,
            "format": _fingerprint(self.spec),
            "decoder": self.meter.reader.decoder.remembered(),
        }
        return part, {_page(self.name, number): page for number, page in pages.items()}

    def restore(self, name: str, parts: dict[str, Any]) -> None:
        """Before the first look: go on where the stream of that name stopped."""
        remembered = parts["inputs"][name]
        positions = [*remembered["positions"]]
        for number in remembered.get("pages", ()):
            positions += parts[_page(name, number)]
        self.input.restore(msgspec.convert(positions, list[Position]))
        self.meter.last_time = remembered["last_time"]
        if remembered["format"] == _fingerprint(self.spec):
            self.meter.reader.decoder.restore(remembered["decoder"])
        elif remembered["decoder"] is not None:
            log.warning("%s: its format has changed; lines that waited for others of their request are lost", self.name)


def _page(name: str, number: int) -> str:
    return f"positions {number} of {name}"


def _fingerprint(spec: FormatSpec) -> bytes:
    return blake2b(msgspec.msgpack.encode(spec), digest_size=8).digest()
