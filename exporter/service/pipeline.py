"""THE SPINE. A log's bytes become metrics in one thread, in six steps:

    input.read()         bytes   → whole lines       inputs/
    decoder.decode()     lines   → rows              formats/
    meter.count()        rows    → cells             enrich, counting (hot)
    meter.fold()         cells   → series            at a scrape, and every few seconds
    checkpoint.commit()  series and positions → disk, in one transaction
    render()             series  → the exposition    exposition

A scrape is a commit: what is served has been committed. Everything else talks to that thread through
`ask`: a function that runs between two chunks.
"""

import logging
import queue
import time
from collections.abc import Callable, Sequence, Set
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from exporter.clock import Clock
from exporter.counting.expiry import Expiry
from exporter.errors import ExporterError, place
from exporter.faults import fault
from exporter.inputs.names import is_pattern
from exporter.limits.usage import Limits
from exporter.metrics.exposition import render
from exporter.metrics.slowest import Slowest
from exporter.metrics.store import Store
from exporter.metrics.zero_hold import Visitor, ZeroHold
from exporter.model import catalog
from exporter.service.feed import Feed
from exporter.state.checkpoint import Checkpoint

if TYPE_CHECKING:
    from exporter.inputs.watch import Watcher

log = logging.getLogger(__name__)

T = TypeVar("T")

# While a log is busy it is scanned at this often, until it was quiet for so long.
_BUSY_SECONDS = 0.05
_QUIET_SECONDS = 1.0
# Where no event can be trusted, and as a safety net where they can.
_POLL_SECONDS = 0.25
_SAFETY_SECONDS = 2.0  # not longer: a signal that comes just before the wait is seen after it
# Looking at the logs takes one part in so many of the time, at most, however many they are.
_SCAN_SHARE = 10
# What a scrape may read before it answers.
_DRAIN_SECONDS = 0.05
# Between questions from outside, so many seconds are spent on lines at the most.
_SLICE_SECONDS = 0.02
_COMMIT_SECONDS = 5.0
# What is still read after a stop.
_LAST_SECONDS = 3.0


class Pipeline:
    """Runs the feeds into the store, and the store into the state file and the answers.

    `ask`, `scrape`, `wake` and `stop` may be called from any thread, the rest belongs to the one of `run`.
    """

    def __init__(
        self,
        feeds: list[Feed],
        store: Store,
        slowest: Slowest,
        limits: Limits,
        zero_hold: ZeroHold,
        expiry: Expiry,
        clock: Clock,
    ) -> None:
        self.feeds = feeds
        self.store = store
        self.zero_hold = zero_hold
        self.expiry = expiry
        self.checkpoint: Checkpoint | None = None
        self.ready = False
        self.started_at = time.time()
        self._slowest = slowest
        self._limits = limits
        self._clock = clock
        clock.add(self._go_back)
        self._stopping = False
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._watcher: Watcher | None = None
        self._trusted = False
        self._listening = False
        self._next_scan = 0.0

    # --- from other threads

    def ask(self, question: Callable[[], T]) -> "Future[T]":
        """Run a function in the pipeline's thread, between two chunks."""
        answer: Future[T] = Future()

        def run() -> None:
            if not answer.set_running_or_notify_cancel():
                return  # whoever asked has gone
            try:
                answer.set_result(question())
            except Exception as error:
                if not isinstance(error, ExporterError):  # not all who ask look at the answer
                    log.error("a mistake of the exporter's: %s", place(error))
                answer.set_exception(error)

        self._inbox.put(run)
        return answer

    def scrape(self, visitors: Sequence[Visitor], formats: Set[bool]) -> "Future[dict[bool, list[bytes]]]":
        """The exposition's lines, after what is in the logs now was counted and committed: as text, as OpenMetrics
        (True), or as both. They are for all visitors.
        """
        return self.ask(lambda: self._scrape(visitors, formats))

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
        self.watch()
        for feed in sorted(self.feeds, key=lambda feed: is_pattern(feed.place[0])):
            feed.input.scan()

    def run(self) -> None:
        """Read, count and answer until `stop`, or until every input is finished."""
        busy_until = committed_at = 0.0
        while not self._done():
            scanned = time.monotonic() >= self._next_scan
            if scanned:
                self._scan()
            if self._drain(_SLICE_SECONDS):
                busy_until = time.monotonic() + _QUIET_SECONDS
                self.answer(0.0)
            elif not self._done():
                self.ready = True
                self.answer(self._patience(busy_until) if scanned else max(0.0, self._next_scan - time.monotonic()))
            if time.monotonic() - committed_at > _COMMIT_SECONDS:
                self.commit()
                committed_at = time.monotonic()
        self._scan()
        self._drain(_LAST_SECONDS)
        for feed in self.feeds:
            feed.finish()
        self.commit()

    def _done(self) -> bool:
        return self._stopping or all(feed.input.finished for feed in self.feeds)

    def close(self) -> None:
        """Let go of the inputs and the state."""
        if self._watcher:
            self._watcher.stop()
        for feed in self.feeds:
            feed.input.close()
        if self.checkpoint:
            self.checkpoint.close()

    def fold(self) -> None:
        """Move what was counted into the series."""
        for feed in self.feeds:
            feed.fold()
        self._slowest.show(int(self._clock.now() // 60))

    def commit(self) -> bool:
        """Fold, and write it down; whether what is in the series now may be served."""
        self.fold()
        if self.expiry.drop(time.monotonic()):
            for feed in self.feeds:
                feed.meter.forget()
        return self.checkpoint.commit() if self.checkpoint else True

    def _scan(self) -> None:
        """See what there is to read."""
        begun = time.monotonic()
        for feed in self.feeds:
            feed.input.scan()
        now = time.monotonic()
        self._next_scan = now + min(_SCAN_SHARE * (now - begun), _QUIET_SECONDS)

    def _drain(self, seconds: float) -> bool:
        """Count what there is, for so long at the most. Whether there may be more."""
        until = time.monotonic() + seconds
        more = True
        while more and time.monotonic() < until:
            more = False
            for feed in self.feeds:
                more = feed.count_next_chunk() or more
        return more

    def answer(self, patience: float) -> None:
        """Answer what was asked; wait for something to happen, so many seconds at the most."""
        try:
            question = self._inbox.get(timeout=patience) if patience else self._inbox.get_nowait()
            while True:
                if question:
                    question()
                question = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def _scrape(self, visitors: Sequence[Visitor], formats: Set[bool]) -> dict[bool, list[bytes]]:
        begun = time.monotonic()
        for visitor in visitors:
            self.zero_hold.visited(visitor, begun)
        self._scan()
        behind = self._drain(_DRAIN_SECONDS)
        texts = self._expose(formats, begun, behind)
        for visitor in visitors:
            self.zero_hold.zeros_sent(visitor)
        seconds = time.monotonic() - begun
        self.store.observe(catalog.SCRAPE_DURATION_SECONDS, seconds)
        log.debug("rendered for %d in %.3f s; %d new series show 0", len(visitors), seconds, self.zero_hold.held)
        fault("after-render")
        return texts

    def _expose(self, formats: Set[bool], now: float, behind: bool) -> dict[bool, list[bytes]]:
        """Commit, and render what was committed. `behind` says that there is more to read."""
        released = self.zero_hold.release(now)
        committed = self.commit()
        if not committed:
            self.zero_hold.hold_again(released, now)
        for feed in self.feeds:
            feed.show(self.store, self._clock.now())
        self._limits.show(None if behind else self._clock.now())
        self.store.show_sizes()
        texts = {}
        for openmetrics in formats:
            texts[openmetrics], held = render(self.store, openmetrics, frozen=not committed)
            self.zero_hold.hold(held, now)
        return texts

    def _go_back(self, now: float) -> float:
        latest = [feed.go_back(now) for feed in self.feeds]
        return max([*latest, self.store.go_back(now)])

    # --- waking up

    def watch(self) -> None:
        """Watch the folders of the inputs."""
        folders = [folder for feed in self.feeds if (folder := feed.input.directory)]
        if folders:
            from exporter.inputs.watch import Watcher  # noqa: PLC0415 - long to load, and most commands watch nothing

            self._watcher = self._watcher or Watcher(self.wake, self._grown)
            trusted = [self._watcher.watch(folder) for folder in folders]
            self._trusted = all(trusted)

    def _patience(self, busy_until: float) -> float:
        """How long to wait, now that there is nothing to read."""
        if time.monotonic() < busy_until:
            if self._watcher and self._listening:
                self._watcher.ignore_growth()
                self._listening = False
            return max(_BUSY_SECONDS, self._next_scan - time.monotonic())
        if not self._watcher:
            return _SAFETY_SECONDS
        if not self._trusted:
            return _POLL_SECONDS
        if not self._listening:
            try:
                self._listening = self._watcher.listen_for_growth()
            except OSError as error:
                log.warning("folders can't be watched any more (%s): looking at them often instead", error.strerror)
                self._watcher.ignore_growth()
                self._trusted = False
            return _BUSY_SECONDS  # what was written just before is seen at the next look
        return _SAFETY_SECONDS

    def _grown(self, path: str) -> None:
        if any(feed.input.owns(path) for feed in [*self.feeds]):
            self.wake()
