"""THE SPINE. A log's bytes become metrics in one thread, in six steps:

    input.read()         bytes   → whole lines       inputs/
    decoder.decode()     lines   → rows              formats/
    meter.count()        rows    → cells             requests/, counting/ (hot)
    meter.fold()         cells   → series            at a scrape, and every few seconds
    checkpoint.commit()  series and positions → disk, in one transaction
    take()               series  → what a scrape shows; another thread renders it    metrics/exposition.py

A scrape is a commit: what is served has been committed. All other threads talk to this one through
`ask`: a function that runs between two chunks.
"""

import logging
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from exporter.clock import Clock
from exporter.counting.expiry import Expiry
from exporter.errors import ExporterError, place
from exporter.faults import fault
from exporter.inputs.disk.names import is_pattern
from exporter.limits.usage import Limits
from exporter.metrics.exposition import Shown, first_shown, take
from exporter.metrics.slowest import Slowest
from exporter.metrics.store import Store
from exporter.metrics.zero_hold import Visitor, ZeroHold
from exporter.model import catalog
from exporter.request_log.log import RequestLog
from exporter.service.feed import Feed
from exporter.service.waker import Waker
from exporter.state.checkpoint import Checkpoint

log = logging.getLogger(__name__)

T = TypeVar("T")

# A scrape reads for at most this long before it answers.
_DRAIN_SECONDS = 0.05
# Lines are counted for at most this long between two rounds of callbacks.
_SLICE_SECONDS = 0.02
_COMMIT_SECONDS = 5.0
# Requests can be found after at most this long, if any are kept.
_ROWS_SECONDS = 1.0
# After a stop, the logs are read for at most this long.
_LAST_SECONDS = 3.0


class Pipeline:
    """Counts the feeds into the store, commits the store to the state file, and answers scrapes from it.

    `ask`, `scrape`, `wake` and `stop` may be called from any thread; the rest belongs to the thread of `run`.
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
        self.request_log: RequestLog | None = None
        # What could not be read again (config, key registry): since when, in epoch seconds, and why.
        self.refused: dict[str, tuple[float, str]] = {}
        self.ready = False
        self.started_at = time.time()
        self._slowest = slowest
        self._limits = limits
        self._clock = clock
        clock.add(self._go_back)
        self._stopping = False
        self._committed_at = 0.0
        self._rows_at = 0.0
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waker = Waker(self.wake, lambda path: any(feed.input.owns(path) for feed in [*self.feeds]))

    # --- from other threads

    def ask(self, question: Callable[[], T]) -> "Future[T]":
        """Run a function in the pipeline's thread, between two chunks."""
        answer: Future[T] = Future()

        def run() -> None:
            if not answer.set_running_or_notify_cancel():
                return  # the caller has left
            try:
                answer.set_result(question())
            except Exception as error:
                if not isinstance(error, ExporterError):  # not every caller reads the answer
                    log.error("internal error: %s", place(error))
                answer.set_exception(error)

        self._inbox.put(run)
        return answer

    def scrape(self, visitors: Sequence[Visitor]) -> "Future[list[Shown]]":
        """Count and commit what the logs hold now; return what to show to all visitors."""
        return self.ask(lambda: self._scrape(visitors))

    def wake(self) -> None:
        """Make the pipeline look for something to read."""
        self._inbox.put(None)

    def stop(self) -> None:
        """Make `run` count what is in the logs now, and return."""
        self._stopping = True
        self.wake()

    # --- the thread

    def open(self) -> None:
        """Find the logs. From now on, nothing that is written to them is missed."""
        self._waker.watch(folder for feed in self.feeds if (folder := feed.input.directory))
        for feed in sorted(self.feeds, key=lambda feed: is_pattern(feed.place[0])):
            feed.input.scan()

    def reconfigure(self, feeds: list[Feed], scrape_interval: float, expire_after: float) -> None:
        """Continue with these feeds and settings (in seconds). Call `open` next."""
        self.feeds[:] = feeds
        self.zero_hold.interval = scrape_interval
        self.expiry.after = expire_after

    def run(self) -> None:
        """Read, count and serve until `stop`, or until every input has ended."""
        while not self._done():
            scanned = self._waker.scan_due()
            if scanned:
                self._scan()
            if self._count_available(_SLICE_SECONDS):
                self._waker.busy()
                self.run_callbacks()
            elif not self._done():
                self.ready = True
                self.run_callbacks(self._waker.idle_seconds() if scanned else self._waker.seconds_to_scan())
            self._commit_if_due()
        self._finish()

    def _done(self) -> bool:
        return self._stopping or all(feed.input.finished for feed in self.feeds)

    def _finish(self) -> None:
        self._scan()
        self._count_available(_LAST_SECONDS)
        for feed in self.feeds:
            feed.finish()
        self.commit()

    def close(self) -> None:
        """Close the inputs and the state file."""
        self._waker.stop()
        for feed in self.feeds:
            feed.input.close()
        if self.request_log:
            self.request_log.close()
        if self.checkpoint:
            self.checkpoint.close()

    def run_callbacks(self, wait: float = 0.0) -> None:
        """Run queued callbacks; wait up to `wait` seconds for the first, or for a `wake`."""
        try:
            callback = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            while True:
                if callback:
                    callback()
                callback = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def refuse(self, what: str, problem: str) -> None:
        """Note why the config or the key registry could not be read again; "" once it could."""
        if problem:
            self.refused[what] = (self.refused.get(what, (time.time(), ""))[0], problem)
        else:
            self.refused.pop(what, None)

    def fold(self) -> None:
        """Move what was counted into the series."""
        for feed in self.feeds:
            feed.fold()
        self._slowest.update_gauges(int(self._clock.now() // 60))

    def commit(self) -> bool:
        """Fold and commit. Returns whether the present values may be served."""
        self.fold()
        if self.expiry.drop(time.monotonic()):
            for feed in self.feeds:
                feed.meter.forget()
        if self.request_log:
            self.request_log.write()
        committed = self.checkpoint.commit() if self.checkpoint else True
        if committed and self.request_log:
            self.request_log.committed()
        return committed

    def _commit_if_due(self) -> None:
        if self.request_log and time.monotonic() - self._rows_at > _ROWS_SECONDS:
            for feed in self.feeds:
                feed.meter.record_captured()
            self.request_log.write()
            self._rows_at = time.monotonic()
        if time.monotonic() - self._committed_at > _COMMIT_SECONDS:
            self.commit()
            self._committed_at = time.monotonic()
            for feed in self.feeds:
                feed.pace.note(sum(feed.lines(self.store)))

    def _scan(self) -> None:
        """Let every input find out what there is to read."""
        begun = time.monotonic()
        for feed in self.feeds:
            feed.input.scan()
        self._waker.scanned(begun)

    def _count_available(self, seconds: float) -> bool:
        """Count what there is, for at most `seconds`. Returns whether there may be more."""
        until = time.monotonic() + seconds
        more = True
        while more and time.monotonic() < until:
            more = False
            for feed in self.feeds:
                more = feed.count_next_chunk() or more
        return more

    def _scrape(self, visitors: Sequence[Visitor]) -> list[Shown]:
        """Count what the logs hold now, commit it, and take what was committed."""
        begun = time.monotonic()
        for visitor in visitors:
            self.zero_hold.visited(visitor, begun)
        self._scan()
        behind = self._count_available(_DRAIN_SECONDS)
        families = self._take(begun, min(begun, *(visitor.arrived for visitor in visitors)), behind)
        for visitor in visitors:
            self.zero_hold.zeros_sent(visitor)
        seconds = time.monotonic() - begun
        self.store.observe(catalog.SCRAPE_DURATION_SECONDS, seconds)
        log.debug("took %.3f s for %d scrapers; %d new series held at 0", seconds, len(visitors), self.zero_hold.held)
        fault("after-render")
        return families

    def _take(self, now: float, asked: float, behind: bool) -> list[Shown]:
        """Commit, and take what was committed. `asked` is when the first visitor asked; `behind` if there is more to
        read.
        """
        released = self.zero_hold.release(asked)
        committed = self.commit()
        for feed in self.feeds:
            feed.update_gauges(self.store, self._clock.now())
        self._limits.update_gauges(None if behind else self._clock.now())
        if self.request_log:
            self.request_log.update_gauges(self.store)
        self.store.update_sizes()
        families = take(self.store, self.checkpoint.committed if self.checkpoint else None)
        if committed:
            lines = [each for each in families if each.rows.family.name == catalog.LINES.name]
            self.zero_hold.hold(first_shown(self.store, lines), now, once=True)
            self.zero_hold.hold(first_shown(self.store, families), now)
        else:
            self.zero_hold.hold_again(released, now)
            self.store.look_for_held()
        return families

    def _go_back(self, now: float) -> float:
        """See `Clock.add`."""
        latest = [feed.go_back(now) for feed in self.feeds]
        return max([*latest, self.store.go_back(now)])
