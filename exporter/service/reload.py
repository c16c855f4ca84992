"""Reload: applies a changed config while the exporter runs, without losing a counter or a line."""

import logging
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from exporter.config.config import Config
from exporter.config.inputs import InputConfig
from exporter.config.keys import KeyApiConfig
from exporter.config.load import Loaded, load
from exporter.durations import seconds
from exporter.errors import ExporterError
from exporter.inputs.elsewhere import StoredInput
from exporter.inputs.overlap import shared_logs
from exporter.model import catalog
from exporter.service.assembly import Assembly
from exporter.service.continued import assign_positions, follows, place
from exporter.service.feed import Feed
from exporter.service.key_watch import KeyWatch
from exporter.service.pace import Pace
from exporter.service.pipeline import Pipeline

log = logging.getLogger(__name__)

# An input that is removed is read for at most this long.
_LAST_SECONDS = 3.0


class Reload:
    """`reload()` may be called from any thread."""

    def __init__(self, path: Path, assembly: Assembly, pipeline: Pipeline, keys: KeyWatch) -> None:
        self._path = path
        self._assembly = assembly
        self._pipeline = pipeline
        self._keys = keys
        self._begun = assembly.config
        self._reading = threading.Lock()
        self._record_result()

    def __call__(self) -> "Future[str]":
        """Read the config file, in a thread, as a large registry takes seconds; then have the pipeline apply it.

        The answer is a message for people. It raises ExporterError if the config is wrong; then nothing has changed.
        """
        answer: Future[str] = Future()
        threading.Thread(target=self._read, args=(answer,), name="reload", daemon=True).start()
        return answer

    def _read(self, answer: "Future[str]") -> None:
        with self._reading:  # so that configs are applied in the order in which they were read
            try:
                loaded = load(self._path)
            except Exception as error:
                problem = error
                applied = self._pipeline.ask(lambda: self._apply_or_log(problem))
            else:
                applied = self._pipeline.ask(lambda: self._apply_or_log(loaded))
        applied.add_done_callback(lambda done: _hand_on(done, answer))

    def _apply_or_log(self, found: Loaded | Exception) -> str:
        try:
            if isinstance(found, Exception):
                raise found
            return self._apply(found)
        except ExporterError as error:
            log.error("config reload failed, keeping the previous config: %s", error)
            self._record_result(str(error))
            raise
        except Exception:
            log.exception("internal error: the config was applied only in part; restart the exporter")
            self._record_result("internal error: it was applied only in part; restart the exporter")
            raise

    def _apply(self, loaded: Loaded) -> str:
        pipeline, assembly = self._pipeline, self._assembly
        pipeline.fold()
        feed_of = self._running_feeds(loaded.config)
        kept = [feed for _, feed in feed_of]
        new = [input_ for input_, feed in feed_of if feed is None]
        gone = [self._end(feed, new) for feed in pipeline.feeds if feed not in kept]
        restarted = assembly.apply_config(self._with_keys(loaded))
        assembly.open_request_log()
        pipeline.request_log = assembly.request_log
        assembly.send_requests()
        metrics = loaded.config.metrics
        pipeline.reconfigure(
            [self._feed(input_, feed) for input_, feed in feed_of],
            seconds(metrics.scrape_interval),
            seconds(metrics.expire_after),
        )
        assign_positions(assembly.inputs, assembly.store, pipeline.feeds, new, gone)
        pipeline.open()
        self._keys.start()
        self._record_result()
        message = "The config was reloaded."
        if restarted:
            message += (
                f" Labels or buckets of {' and '.join(restarted)} have changed: counting restarts from zero there."
            )
        for note in shared_logs({input_.name: input_.path for input_ in loaded.config.inputs}):
            message += f" {note[0].upper()}{note[1:]}."
        if waiting := _waiting(self._begun, loaded.config):
            message += f" A change of {' and '.join(waiting)} takes effect at a restart."
        log.info(message)
        return message

    def _with_keys(self, loaded: Loaded) -> Loaded:
        """The config, with the present keys if they come from an API: they stay until it is asked again."""
        if isinstance(loaded.config.keys, KeyApiConfig) and not loaded.keys:
            loaded.keys = self._assembly.entries
        return loaded

    def _running_feeds(self, config: Config) -> list[tuple[InputConfig, Feed | None]]:
        """The inputs of a config, each with the feed that has read it until now, if any."""
        running = {feed.place: feed for feed in self._pipeline.feeds}
        return [(input_, running.get(place(input_))) for input_ in config.inputs]

    def _feed(self, input_: InputConfig, feed: Feed | None) -> Feed:
        """The feed of an input: a new one for a new input, else the one that reads it, with a new meter."""
        store = self._assembly.store
        if feed is None:
            feed = self._assembly.feed(input_, self._assembly.config.start_at, self._pipeline.wake)
        else:
            renamed = feed.name != input_.name
            if renamed:
                feed.hide(store)
            format_ = self._assembly.format_of(input_)
            feed.turn_to(format_.decoder, self._assembly.meter_of(input_, format_), input_.spec)
            feed.journal.longest_line = input_.max_line_bytes
            if not renamed:
                return feed
        feed.pace = Pace(sum(feed.lines(store)))
        return feed

    def _end(self, feed: Feed, new: list[InputConfig]) -> StoredInput:
        """End a feed whose input is removed: count what no new input can read on. Returns what a later one can."""
        until = time.monotonic() + _LAST_SECONDS
        feed.input.scan()
        while feed.count_next_chunk() and time.monotonic() < until:
            pass
        unread = feed.leave()
        stored = feed.snapshot()
        if not any(follows(input_, stored) for input_ in new):
            feed.flush()
            stored = feed.snapshot()
            stored.unread = unread
        feed.fold()
        feed.meter.give_up(feed.meter.kept)
        stored.kept = 0
        feed.input.close()
        feed.hide(self._assembly.store)
        return stored

    def _record_result(self, problem: str = "") -> None:
        store = self._assembly.store
        store.set(catalog.CONFIG_LAST_RELOAD_SUCCESSFUL, to=int(not problem))
        self._pipeline.refuse("config", problem)
        if not problem:
            store.set(catalog.CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP_SECONDS, to=round(time.time(), 3))


def _hand_on(done: "Future[str]", answer: "Future[str]") -> None:
    if not answer.set_running_or_notify_cancel():
        return  # the caller has left
    if error := done.exception():
        answer.set_exception(error)
    else:
        answer.set_result(done.result())


def _waiting(old: Config, new: Config) -> list[str]:
    """The settings that have changed since the start and need a restart."""
    parts = {
        "state": old.state != new.state,
        "web.listen": old.web.listen != new.web.listen,
        "web.config": old.web.config != new.web.config,
        "web.hosts": old.web.hosts != new.web.hosts,
        "identity": old.identity != new.identity,
        "usage": old.usage != new.usage,
    }
    return [name for name, changed in parts.items() if changed]
