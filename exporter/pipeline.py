"""THE SPINE. A log's bytes become metrics in one thread, in five steps:

    input.read()      bytes   → whole lines       inputs/
    decoder.decode()  lines   → rows              formats/
    meter.count()     rows    → cells             enrich, counting (hot)
    meter.fold()      cells   → series            at a scrape, and every few seconds
    render()          series  → the exposition    exposition

Everything else talks to that thread through `ask`: a scrape is a function that runs between two chunks.
"""

import logging
import queue
import time
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from exporter.counting import Meter
from exporter.exposition import render
from exporter.inputs.watch import Watcher
from exporter.journal import Journal
from exporter.series import Histogram, Store
from exporter.slowest import Slowest

log = logging.getLogger(__name__)

T = TypeVar("T")

# While a log is busy it is looked at this often, until it was quiet for so long.
_BUSY_SECONDS = 0.05
_QUIET_SECONDS = 1.0
# Where no event can be trusted, and as a safety net where they can.
_POLL_SECONDS = 0.25
_SAFETY_SECONDS = 10.0
# What a scrape may read before it answers.
_DRAIN_SECONDS = 0.05
# Between questions from outside, so many seconds are spent on lines at the most.
_SLICE_SECONDS = 0.02
_FOLD_SECONDS = 5.0
# What is still read after a stop.
_LAST_SECONDS = 3.0


class Input(Protocol):
    """Where lines come from."""

    finished: bool

    def look(self) -> None:
        """See what there is to read."""

    def read(self) -> bytes:
        """The next whole lines, b"" when there are none now."""

    def lag_bytes(self) -> int:
        """Bytes that are there and not read."""

    def close(self) -> None:
        """Let go of everything."""

    @property
    def readable(self) -> bool:
        """Whether all of it can be read."""

    @property
    def files(self) -> list[str]:
        """What is read, for people."""


class Stream:
    """An input, the meter that counts its lines, and the journal of what went wrong with it."""

    def __init__(self, name: str, source: Input, meter: Meter, journal: Journal) -> None:
        self.name = name
        self.input = source
        self.meter = meter
        self.journal = journal
        self.behind_since: float | None = None

    def take(self) -> bool:
        """Count the next chunk; False if there is none. Hot path."""
        chunk = self.input.read()
        if not chunk:
            self.behind_since = None
            return False
        decoded = self.meter.reader.decoder.decode(chunk)
        self.meter.count(decoded.rows)
        if not decoded.clean:
            self.journal.note(decoded)
        return True

    def lag_seconds(self, now: float) -> float:
        """Age of the oldest unread byte: as old as the last record, where the log is behind; else 0."""
        if not self.input.lag_bytes():
            return 0.0
        if self.behind_since is None:
            self.behind_since = now
        return max(0.0, now - min(self.behind_since, self.meter.last_time or now))


class Pipeline:
    """Runs the streams into the store.

    `ask`, `scrape`, `wake` and `stop` may be called from any thread, the rest belongs to the one of `run`.
    """

    def __init__(self, streams: list[Stream], store: Store, slowest: Slowest) -> None:
        self.streams = streams
        self.store = store
        self._slowest = slowest
        self.ready = False
        self.started_at = time.time()
        self._stopping = False
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._watcher: Watcher | None = None
        self._trusted = False
        self._listening = False
        self._last_scrape = (-1.0, False, list[bytes]())

    # --- from other threads

    def ask(self, question: Callable[[], T]) -> "Future[T]":
        """Run a function in the pipeline's thread, between two chunks."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(question())
            except Exception as error:
                answer.set_exception(error)

        self._inbox.put(run)
        return answer

    def scrape(self, openmetrics: bool) -> "Future[list[bytes]]":
        """The exposition's lines, after what is in the logs now was counted."""
        asked = time.monotonic()
        return self.ask(lambda: self._scrape(openmetrics, asked))

    def wake(self) -> None:
        """There may be something to read."""
        self._inbox.put(None)

    def stop(self) -> None:
        """End `run` after what is in the logs now."""
        self._stopping = True
        self.wake()

    # --- the thread

    def open(self) -> None:
        """Find the logs; from now on nothing that is written to them is missed."""
        self._watch()
        for stream in self.streams:
            stream.input.look()

    def run(self) -> None:
        """Read, count and answer until `stop`, or until every input is finished."""
        busy_until = folded_at = 0.0
        while not self._done():
            if self._drain(_SLICE_SECONDS):
                busy_until = time.monotonic() + _QUIET_SECONDS
                self._answer(0.0)
            elif not self._done():
                self.ready = True
                self._answer(self._patience(busy_until))
            if time.monotonic() - folded_at > _FOLD_SECONDS:
                self.fold()
                folded_at = time.monotonic()
        self._drain(_LAST_SECONDS)
        self.fold()

    def _done(self) -> bool:
        return self._stopping or all(stream.input.finished for stream in self.streams)

    def close(self) -> None:
        """Let go of the inputs; questions still waiting are answered."""
        self._answer(0.0)
        if self._watcher:
            self._watcher.stop()
        for stream in self.streams:
            stream.input.close()

    def fold(self) -> None:
        """Move what was counted into the series."""
        for stream in self.streams:
            stream.meter.fold()
            stream.journal.look()
        self._slowest.show(int(time.time() // 60))

    def _drain(self, seconds: float) -> bool:
        """Count what there is, for so long at the most. Whether there may be more."""
        until = time.monotonic() + seconds
        more = True
        for stream in self.streams:
            stream.input.look()
        while more and time.monotonic() < until:
            more = False
            for stream in self.streams:
                more = stream.take() or more
        return more

    def _answer(self, patience: float) -> None:
        """Answer what was asked; wait for something to happen, so many seconds at the most."""
        try:
            question = self._inbox.get(timeout=patience) if patience else self._inbox.get_nowait()
            while True:
                if question:
                    question()
                question = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def _scrape(self, openmetrics: bool, asked: float) -> list[bytes]:
        """An answer serves all who asked before it was begun."""
        begun = time.monotonic()
        last, format_, lines = self._last_scrape
        if asked <= last and format_ == openmetrics:
            return lines
        self._drain(_DRAIN_SECONDS)
        self.fold()
        self._show_self()
        lines = render(self.store, openmetrics)
        self._last_scrape = (begun, openmetrics, lines)
        self._observe_scrape(time.monotonic() - begun)
        return lines

    def _observe_scrape(self, seconds: float) -> None:
        family = self.store.families["gateway_exporter_scrape_duration_seconds"]
        histogram = family.get()
        assert isinstance(histogram, Histogram)
        histogram.values[bisect_left(family.family.buckets, seconds)] += 1
        histogram.values[-1] += seconds

    def _show_self(self) -> None:
        now = time.time()
        store = self.store
        for stream in self.streams:
            name = stream.name
            store.set("gateway_exporter_lag_bytes", name, to=stream.input.lag_bytes())
            store.set("gateway_exporter_lag_seconds", name, to=round(stream.lag_seconds(now), 3))
            store.set("gateway_exporter_input_readable", name, to=int(stream.input.readable))
            if stream.meter.last_time:
                store.set("gateway_exporter_last_record_timestamp_seconds", name, to=stream.meter.last_time)
        for family in list(store.families.values()):
            if family.family.adds:
                store.set("gateway_exporter_series", family.family.name, to=len(family.series))
                store.set("gateway_exporter_series_limit", family.family.name, to=family.limit)

    # --- waking up

    def _watch(self) -> None:
        folders = [stream.input.directory for stream in self.streams if hasattr(stream.input, "directory")]
        if folders:
            self._watcher = Watcher(self.wake, self._grown)
            trusted = [self._watcher.watch(folder) for folder in folders]
            self._trusted = all(trusted)

    def _patience(self, busy_until: float) -> float:
        """How long to wait, now that there is nothing to read."""
        if time.monotonic() < busy_until:
            if self._watcher and self._listening:
                self._watcher.ignore_growth()
                self._listening = False
            return _BUSY_SECONDS
        if not self._watcher:
            return _SAFETY_SECONDS
        if not self._trusted:
            return _POLL_SECONDS
        if not self._listening:
            self._listening = self._watcher.listen_for_growth()
            return _BUSY_SECONDS  # what was written just before is seen at the next look
        return _SAFETY_SECONDS

    def _grown(self, path: str) -> None:
        owners: Any = (stream.input for stream in self.streams)
        if any(owner.owns(path) for owner in owners if hasattr(owner, "owns")):
            self.wake()
