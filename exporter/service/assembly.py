"""Putting the parts together, from a config's plain values. What `run`, `replay`, `explain` and `demo` share."""

import glob
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path

import msgspec
from msgspec.structs import replace as changed

from exporter import __version__
from exporter.clock import Clock
from exporter.config.inputs import InputConfig
from exporter.config.keys import KeyApiConfig
from exporter.config.load import Loaded
from exporter.counting.admission import Admissions
from exporter.counting.context import Context
from exporter.counting.expiry import Expiry
from exporter.counting.meter import Meter
from exporter.counting.places import Places
from exporter.durations import seconds
from exporter.formats.row_reader import RowReader
from exporter.formats.spec import FormatSpec, build
from exporter.inputs.elsewhere import Elsewhere, StoredInput, identity
from exporter.inputs.files import FileInput
from exporter.inputs.names import covers
from exporter.inputs.pipe import PipeInput
from exporter.keys.api import KeyApi
from exporter.keys.identity import Identity, KeyEntry
from exporter.keys.key_metrics import Keys
from exporter.keys.registry import KeyFile, Registry, Source
from exporter.limits.calendar import WINDOWS
from exporter.limits.stored_use import UseParts, restored
from exporter.limits.usage import Limits
from exporter.metrics.exposition import render
from exporter.metrics.slowest import Slowest
from exporter.metrics.store import Store
from exporter.metrics.zero_hold import ZeroHold
from exporter.model import catalog
from exporter.requests.canonical import canonical_functions
from exporter.requests.enrich import BATCH, Enricher, methods_of
from exporter.requests.routes import Routes
from exporter.service.feed import Feed, Input, fingerprint, stored_inputs
from exporter.service.input_journal import InputJournal
from exporter.service.pipeline import Pipeline
from exporter.state.checkpoint import Checkpoint, Parts, places_of
from exporter.state.database import State, peek

_REGISTRY_READ = catalog.KEY_REGISTRY_TIMESTAMP_SECONDS

log = logging.getLogger(__name__)


def used_places(loaded: Loaded) -> dict[str, tuple[int, int]]:
    """Of each label, how many places the state of a config uses, and how many there are. StateError where it can't be
    read; it may be in use.
    """
    admissions = Assembly(loaded).shared.admissions
    admissions.restore(places_of(peek(Path(loaded.config.state.path))))
    return admissions.used


class Assembly:
    """One exporter's parts: what its inputs share, who keys are, and the routes.

    `serving` holds new series at zero first, as scrapers need it.
    """

    def __init__(self, loaded: Loaded, serving: bool = False) -> None:
        if not loaded.secret:
            log.warning(
                "no secret for key names, and no state to keep one beside: names like k_… hold for this run only"
            )
        self.identity = Identity(loaded.secret or os.urandom(32))
        self.store = Store(hold=serving, families=loaded.config.families)
        clock = Clock()
        self.shared = Context(
            store=self.store,
            admissions=Admissions(),
            keys=Keys(self.store, clock),
            limits=Limits(self.store, clock),
            slowest=Slowest(self.store, clock),
            pricing=loaded.pricing,
            clock=clock,
        )
        self.elsewhere = Elsewhere()
        self._stdin: PipeInput | None = None
        self._registry: Registry | None = None
        self.entries: tuple[KeyEntry, ...] = ()
        self._first_start = time.time()
        self.take(loaded)

    def take(self, loaded: Loaded) -> list[str]:
        """Apply a config to what all inputs share, at the start and at a reload; the families that were reset."""
        config = self.config = loaded.config
        if isinstance(config.keys, KeyApiConfig) and not (loaded.keys or loaded.keys_read):
            self.shared.limits.waiting = True
        self._secret = loaded.secret
        anew = self.store.declare(config.families)
        self.store.bound(config.metrics.max_series, config.metrics.created_timestamps)
        self.shared.pricing = loaded.pricing
        spending = catalog.COST.name in config.families and (
            loaded.pricing.priced or any("cost" in build(one.spec).fields for one in config.inputs)
        )
        self.shared.limits.configure(
            plans={name: plan.all_limits for name, plan in config.plans.items()},
            windows=WINDOWS if config.keys else ("1d", "1mo") if spending else (),
            spending=spending,
            zone=config.limits.zone,
            grace=seconds(config.limits.grace),
            boundaries=loaded.pricing.boundaries,
        )
        chains = {chain: [one] if isinstance(one, str) else one for chain, one in config.chains.items()}
        routes = [*config.public_routes, *config.routes]
        self._routes = Routes(self.identity.public, routes, chains)
        admissions = self.shared.admissions
        admissions.bound(config.metrics.budgets, config.metrics.admit_after)
        admissions.declare("chain", chains)
        admissions.declare("method", [BATCH, *(method for route in routes for method in methods_of(route))])
        self._register(loaded.keys)
        if loaded.prices_changed:
            self.store.set(catalog.PRICE_TABLE_TIMESTAMP_SECONDS, to=loaded.prices_changed)
        if loaded.keys_read:
            self.store.set(_REGISTRY_READ, to=loaded.keys_read)
        return anew

    def _register(self, entries: tuple[KeyEntry, ...]) -> None:
        if entries is not self.entries:
            self.entries = entries
            self.identity.update(entries)
            self.shared.admissions.declare("key", self.identity.entries)
            self.shared.keys.update(self.identity.entries)
        registered = self.identity.entries
        self.adopt()
        self.shared.limits.register({key: entry.plan for key, entry in registered.items()})

    def adopt(self) -> None:
        """Let keys that were used before they were registered go on under the registry's name."""
        for stranger in self.shared.limits.strangers:
            if (name := self.identity.registered(stranger)) not in ("", stranger):
                self.shared.limits.rename(stranger, name)
                self.shared.keys.rename(stranger, name)

    def meter(
        self,
        name: str,
        spec: FormatSpec,
        labels: dict[str, str] | None = None,
        class_: str = "business",
        zone: tzinfo | None = None,
    ) -> Meter:
        """A meter for one input. ValueError where the format is wrong."""
        canonical = canonical_functions(self._routes, self.identity.public)
        reader = RowReader(build(spec), canonical, zone)
        enricher = Enricher(class_, self.shared.keys.class_of, self.config.public_routes)
        return Meter(name, reader, enricher, self.shared, labels)

    def meter_of(self, one: InputConfig) -> Meter:
        """The meter of a configured input."""
        return self.meter(one.name, one.spec, one.labels, one.class_, one.zone)

    def pipeline(self) -> Pipeline:
        """The pipeline of all inputs, not yet running. StateError where the state file can't be used."""
        self.store.set(catalog.BUILD_INFO, __version__, to=1)
        self.store.set(catalog.IDENTITY_INFO, self.identity.fingerprint, to=1)
        now = time.monotonic()
        metrics = self.config.metrics
        keys, limits = self.shared.keys, self.shared.limits
        zero_hold = ZeroHold(seconds(metrics.scrape_interval))
        places = Places(self.store, self.shared.admissions, keys)
        expiry = Expiry(self.store, seconds(metrics.expire_after), keys.__contains__, places, now)
        clock = self.shared.clock
        pipeline = Pipeline([], self.store, self.shared.slowest, limits, zero_hold, expiry, clock)
        remembered: Parts = {}
        damaged = False
        if self.config.state.path:
            state = State(Path(self.config.state.path))
            checkpoint = Checkpoint(state, self.store, self.shared.admissions, lambda: self._parts(pipeline))
            pipeline.checkpoint = checkpoint
            remembered = checkpoint.restore()
            damaged = state.damaged
            zero_hold.hold(render(self.store)[1], now)
        self._first_start = remembered.get("first_start", self._first_start)
        self.store.set(catalog.FIRST_START_TIMESTAMP_SECONDS, to=self._first_start)
        keys.restore(remembered.get("keys", {}))
        limits.restore(restored(remembered))
        self.adopt()
        self._use_parts = UseParts(limits)
        gone = stored_inputs(remembered)
        self.elsewhere.former = [
            changed(one, positions=[position.restored() for position in one.positions])
            for one in msgspec.convert(remembered.get("former", []), list[StoredInput])
        ]
        new: list[InputConfig] = []
        for one in self.config.inputs:
            feed = self.feed(one, "end" if damaged else self.config.start_at, pipeline.wake)
            pipeline.feeds.append(feed)
            if found := in_place_of(one, gone):
                gone.remove(found)
                feed.restore(found)
            else:
                new.append(one)
            if damaged:
                feed.journal.loss(one.path, "state_damaged")
        self.assign_positions(pipeline.feeds, new, gone)
        for feed in pipeline.feeds:
            feed.lines_before = sum(feed.lines(self.store))
        clock.follow()
        return pipeline

    def assign_positions(self, feeds: list[Feed], new: list[InputConfig], gone: list[StoredInput]) -> None:
        """Let all inputs go on where the logs that are theirs now were read to; `gone` are those that were just taken
        out, `new` those that were not there.
        """
        by_name = {feed.name: feed for feed in feeds}
        for one in new:
            by_name[one.name].follow([each for each in (*gone, *self.elsewhere.former) if follows(one, each)])
        files = {feed.name: feed.input for feed in feeds if isinstance(feed.input, FileInput)}
        before = {feed.place[0] for feed in feeds} - {one.path for one in new} | {one.pattern for one in gone}
        forgotten = self.elsewhere.arrange(files, gone, before)
        for former in forgotten:
            if former.unread:
                InputJournal(former.name, self.store).lost(former.pattern, "removed", former.unread)
        for former in gone:
            if former.unread:
                text = "%s: %d bytes of %s are not counted until an input reads them: it was taken out of the config"
                log.warning(text, former.name, former.unread, former.pattern)

    def feed(self, one: InputConfig, start_at: str, wake: Callable[[], None]) -> Feed:
        """A configured input on its way to the store."""
        journal = InputJournal(one.name, self.store)
        source: Input
        if one.path != "-":
            source = FileInput(one.path, journal, start_at, one.rotated, self.elsewhere)
        elif self._stdin:
            source = self._stdin
            source.follow(one.name, journal)
        else:
            source = self._stdin = PipeInput(sys.stdin.fileno(), one.name, journal, wake)
        return Feed(place(one), one.spec, source, self.meter_of(one), journal)

    def _parts(self, pipeline: Pipeline) -> Parts:
        """What is committed beside the store."""
        parts: Parts = {
            "first_start": self._first_start,
            "keys": self.shared.keys.snapshot(),
            **self._use_parts.parts(),
            "inputs": {},
        }
        for feed in pipeline.feeds:
            parts["inputs"][feed.name], pages = feed.stored()
            parts |= pages
        parts["former"] = [
            changed(one, positions=[position.stored() for position in one.positions]) for one in self.elsewhere.former
        ]
        return parts

    # --- keys, while it runs

    def watch_keys(self, pipeline: Pipeline) -> None:
        """Keep the registry up to date from now on, as the config says."""
        self.forget_keys()
        keys = self.config.keys
        if not keys:
            return
        if isinstance(keys, str):
            source: Source = KeyFile(Path(keys), self.config.plans)
            copy = None
        else:
            source = KeyApi(keys.request, self.identity.hash)
            copy = Path(keys.copy) if keys.copy and self._secret else None

        def take(entries: tuple[KeyEntry, ...] | None, at: float) -> None:
            def taken() -> None:
                if registry is self._registry:  # and no other is in its place by now
                    self.take_keys([feed.meter for feed in pipeline.feeds], entries, at)

            pipeline.ask(taken)

        registry = self._registry = Registry(source, self.entries, take, copy)
        registry.start()

    def forget_keys(self) -> None:
        """Look at the registry no more."""
        if self._registry:
            self._registry.stop()

    def take_keys(self, meters: list[Meter], entries: tuple[KeyEntry, ...] | None, at: float) -> None:
        """The registry was read at a time, and has these entries; None where they are the same as before."""
        waiting = self.shared.limits.waiting
        for meter in meters if waiting or entries is not None else ():
            meter.forget()
        if entries is not None:
            self._register(entries)
            log.info("the key registry has %d keys now", len(entries))
        if waiting:
            self.shared.limits.answered()
        self.store.set(_REGISTRY_READ, to=at)


def place(one: InputConfig) -> tuple[str, str]:
    """Where an input comes from: whatever it is called, in the same place it is the same one."""
    return one.path, one.rotated


def in_place_of(one: InputConfig, before: list[StoredInput]) -> StoredInput | None:
    """What was remembered of an input; of several in its place, of the one with its name."""
    here = [found for found in before if found.place == place(one)]
    return next((found for found in here if found.name == one.name), here[0] if here else None)


def follows(one: InputConfig, before: StoredInput) -> bool:
    """Whether an input goes on in the place of one that is gone: it has its format, and its name or a log of it."""
    if before.format != fingerprint(one.spec):
        return False
    files = {position.identity for position in before.positions}
    return (
        before.name == one.name
        or any(covers(one.path, position.path) for position in before.positions)
        or any(identity(path) in files for path in glob.glob(one.path))
    )
