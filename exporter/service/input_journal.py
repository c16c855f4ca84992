"""The journal of one input: rejected lines and why, rotations, losses. Cold path.

People are shown the shape of a rejected line, never the line: it may hold a key.
"""

import logging
import re
import time
from collections import deque
from collections.abc import MutableSequence
from typing import NamedTuple

from exporter.errors import place
from exporter.formats.decoders.decoder import REASONS, Decoded
from exporter.inputs.events import LOSSES, printable
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.model.fields import LONGEST_LINE

log = logging.getLogger(__name__)

_SHAPE_LENGTH = 120
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_NOT_SHOWN = re.compile(r"[^\x20-\x7e…]")


class Rejected(NamedTuple):
    """One rejected line: epoch seconds, the reason (see REASONS), its length in bytes, its shape."""

    at: float
    reason: str
    length: int
    shape: str


def shape(line: bytes) -> str:
    """A line with every word as `a` and every number as `0`: `{"aaa":0,"a":"a-0"}`. It reveals no key."""
    text = line[:4096].decode("utf-8", "replace")
    text = _DIGITS.sub("0", _LETTERS.sub("a", text))
    text = re.sub(r"(?:a0|0a)[a0]*", "a", text)
    text = _NOT_SHOWN.sub("?", text)
    return text if len(text) <= _SHAPE_LENGTH else text[:_SHAPE_LENGTH] + "…"


class InputJournal:
    """Counts and logs the events of an input. `samples` are the last rejected lines."""

    def __init__(self, name: str, store: Store, longest_line: int = LONGEST_LINE) -> None:
        self.name = name
        self.longest_line = longest_line
        self.samples: deque[Rejected] = deque(maxlen=20)
        self._store = store
        self._reported: set[str] = set()
        self._faults: set[str] = set()
        # Whether the state was, so that it is not known how far logs were read.
        self._is_damaged = False
        # Lines that were parsed before: a restart without new ones says nothing about their times.
        self._parsed_before = self._parsed

    @property
    def _parsed(self) -> float:
        is_known = (self.name, "parsed") in self._store.families[catalog.LINES.name].series
        return self._store.series(catalog.LINES, self.name, "parsed").value if is_known else 0

    def note(self, decoded: Decoded) -> None:
        """Count the lines of a chunk that became no rows."""
        if decoded.joined:
            self._store.add(catalog.LINES, self.name, "parsed", amount=decoded.joined)
        if decoded.alone and "alone" not in self._reported:
            self._reported.add("alone")
            log.warning("%s: a request was counted although one of its lines did not come", self.name)
        if decoded.blank:
            self._store.add(catalog.LINES, self.name, "ignored", amount=decoded.blank)
        for reason, line in decoded.rejected:
            self._reject(reason, line)
        self.failed(decoded.faults)

    def failed(self, faults: MutableSequence[Exception]) -> None:
        """Log bugs of the exporter, each place in the code once, and empty the list."""
        for fault in faults:
            where = place(fault)
            if where not in self._faults:
                self._faults.add(where)
                log.error("%s: internal error, please report it: %s", self.name, where)
        faults.clear()

    def warn_no_status(self) -> None:
        """Warn once if lines parse but have no status."""
        counted = self._store.families[catalog.REJECTED_LINES.name].series.get((self.name, "no_status"))
        if counted:
            self._warn_once("no_status")

    def warn_no_time(self) -> None:
        """Warn once if requests are counted and none has had a time."""
        if self._parsed > self._parsed_before and "no_time" not in self._reported:
            self._reported.add("no_time")
            log.warning(
                "%s: no record has a time, so limits and dated prices use the time of reading; "
                "name the log's time in the format: `time`",
                self.name,
            )

    def too_long(self, path: str) -> None:
        """A line was longer than the longest that is read, and was left out."""
        text = "%s: a line in %s is longer than %d bytes (max_line_bytes); it was left out"
        log.warning(text, self.name, printable(path), self.longest_line)
        self._reject("too_long", b"")

    def rotated(self, kind: str) -> None:
        """A log was renamed or truncated."""
        log.info("%s: the log was rotated (%s)", self.name, kind)
        self._store.add(catalog.ROTATIONS, self.name, kind)

    def lost(self, path: str, reason: str, size: int) -> None:
        """Bytes were lost before they could be read."""
        log.warning("%s: %d bytes of %s were lost: %s", self.name, size, printable(path), LOSSES[reason])
        self._store.add(catalog.LOSSES, self.name, reason)
        self._store.add(catalog.LOST_BYTES, self.name, reason, amount=size)

    def loss(self, path: str, reason: str) -> None:
        """Lines may have been lost before they could be read."""
        self._is_damaged = self._is_damaged or reason == "state_damaged"
        log.warning("%s: lines of %s may have been lost: %s", self.name, printable(path), LOSSES[reason])
        self._store.add(catalog.LOSSES, self.name, reason)

    def dropped(self, path: str, messages: int) -> None:
        """Messages were dropped before they could be read. Each is a loss; only the first ones are logged."""
        if "dropped" not in self._reported:
            self._reported.add("dropped")
            text = "%s: %d messages to %s were dropped: %s. Further ones are counted in %s"
            log.warning(text, self.name, messages, path, LOSSES["dropped"], catalog.LOSSES.name)
        self._store.add(catalog.LOSSES, self.name, "dropped", amount=messages)

    def unreadable(self, path: str, why: str) -> None:
        """A log can't be read now; it is waited for."""
        log.warning("%s: %s can't be read: %s; waiting for it", self.name, printable(path), why)

    def opened(self, path: str, offset: int) -> None:
        """A new log is read, from an offset on."""
        if offset:
            text = "%s: reading %s from its end; the %d bytes before are not counted (%s)"
            cure = "to count them, set start_at: beginning before the first start"
            why = "they may be in Prometheus already: the state was damaged" if self._is_damaged else cure
            log.warning(text, self.name, printable(path), offset, why)
        else:
            log.info("%s: reading %s from its beginning", self.name, printable(path))

    def resumed(self, path: str, offset: int) -> None:
        """A known log, or a copy of it, is read from where it was read to."""
        log.info("%s: resuming %s at byte %d", self.name, printable(path), offset)

    def _reject(self, reason: str, line: bytes) -> None:
        seen = ""
        try:
            seen = shape(line)
        except Exception as error:
            self.failed([error])
            reason = "failed"
        self.samples.append(Rejected(time.time(), reason, len(line), seen))
        self._warn_once(reason)
        self._store.add(catalog.LINES, self.name, "rejected")
        self._store.add(catalog.REJECTED_LINES, self.name, reason)

    def _warn_once(self, reason: str) -> None:
        if reason not in self._reported:
            self._reported.add(reason)
            log.warning(
                "%s: line rejected (%s): %s. Further ones are counted in %s; run `explain` to see why",
                self.name,
                reason,
                REASONS[reason],
                catalog.REJECTED_LINES.name,
            )
