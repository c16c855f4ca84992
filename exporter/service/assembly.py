"""Builds an exporter from a config, for `run`, `replay`, `explain` and `demo`."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

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
from exporter.formats.format import Format, build
from exporter.formats.row_reader import ROW_WORDS, RowReader
from exporter.inputs.factory import Inputs
from exporter.keys.api import KeyApi
from exporter.keys.identity import Identity, KeyEntry
from exporter.keys.key_metrics import Keys
from exporter.keys.seal import Seal
from exporter.limits.calendar import WINDOWS
from exporter.limits.usage import Limits
from exporter.metrics.exposition import render
from exporter.metrics.slowest import Slowest
from exporter.metrics.store import Store
from exporter.metrics.zero_hold import ZeroHold
from exporter.model import catalog
from exporter.model.fields import ROW_FIELDS
from exporter.request_log.kinds import Kinds
from exporter.request_log.log import RequestLog
from exporter.request_log.recorder import Recorder
from exporter.requests.canonical import canonical_functions
from exporter.requests.enrich import BATCH, Enricher, methods_of
from exporter.requests.routes import Routes
from exporter.service.continued import assign_positions, in_place_of, place
from exporter.service.feed import Feed
from exporter.service.forwarder import Forwarder
from exporter.service.input_journal import InputJournal
from exporter.service.pace import Pace
from exporter.service.pipeline import Pipeline
from exporter.service.stored_parts import StoredParts
from exporter.state.checkpoint import Checkpoint, Parts, places_of
from exporter.state.database import State, peek

_REGISTRY_READ = catalog.KEY_REGISTRY_TIMESTAMP_SECONDS

log = logging.getLogger(__name__)

_NO_SECRET = "neither identity.secret_file nor state.path is configured"


def used_places(loaded: Loaded) -> dict[str, tuple[int, int]]:
    """For each label with a budget, how many values the state of a config has admitted, and the budget.

    Another process may hold the state. Raises StateError if it can't be read.
    """
    admissions = Assembly(loaded).context.admissions
    admissions.restore(places_of(peek(Path(loaded.config.state.path))))
    return admissions.used


class Assembly:
    """Builds one exporter from its config: what all inputs share, their feeds, the pipeline.

    With `serving`, new series are held at zero first, as scrapers need it.
    """

    def __init__(self, loaded: Loaded, serving: bool = False) -> None:
        if not loaded.secret:
            why = f"{loaded.secret_file} does not exist yet" if loaded.secret_file else _NO_SECRET
            log.warning("%s: hashed key names are valid for this run only", why)
        secret = loaded.secret or os.urandom(32)
        self.identity = Identity(secret)
        self._seal = Seal(secret)
        self.store = Store(hold=serving, families=loaded.config.families)
        clock = Clock()
        self.context = Context(
            store=self.store,
            admissions=Admissions(),
            keys=Keys(self.store, clock),
            limits=Limits(self.store, clock),
            slowest=Slowest(self.store, clock),
            pricing=loaded.pricing,
            clock=clock,
        )
        self.inputs = Inputs()
        self.entries: tuple[KeyEntry, ...] = ()
        self.request_log: RequestLog | None = None
        self.forwarder = Forwarder(self.store, lambda: self.identity.entries)
        self.apply_config(loaded)

    def apply_config(self, loaded: Loaded) -> list[str]:
        """Apply a config to what all inputs share, at the start and at a reload. Returns the families that restart
        from zero, as their labels or buckets have changed.
        """
        config = self.config = loaded.config
        self.has_secret = bool(loaded.secret)
        restarted = self.store.declare(config.families)
        self.store.bound(config.metrics.max_series, config.metrics.created_timestamps)
        self.context.pricing = loaded.pricing
        self._configure_limits(loaded)
        chains = {
            chain: [patterns] if isinstance(patterns, str) else patterns for chain, patterns in config.chains.items()
        }
        routes = [*config.public_routes, *config.routes]
        self._routes = Routes(self.identity.public, routes, chains, "users" in config.show_in_full)
        self.context.labels = config.labels
        declared = {label: config.metrics.labels[label] for label in config.labels}
        admissions = self.context.admissions
        budgets = config.metrics.budgets | {label: label_values.budget for label, label_values in declared.items()}
        admissions.bound(budgets, config.metrics.admit_after)
        for label, label_values in declared.items():
            admissions.declare(label, label_values.values)
        admissions.declare("chain", chains)
        admissions.declare("method", [BATCH, *(method for route in routes for method in methods_of(route))])
        self._register(loaded.keys)
        if loaded.prices_changed:
            self.store.set(catalog.PRICE_TABLE_TIMESTAMP_SECONDS, to=loaded.prices_changed)
        if loaded.keys_read:
            self.store.set(_REGISTRY_READ, to=loaded.keys_read)
        return restarted

    def _configure_limits(self, loaded: Loaded) -> None:
        config = loaded.config
        if isinstance(config.keys, KeyApiConfig) and not (loaded.keys or loaded.keys_read):
            self.context.limits.waiting = True
        spending = catalog.COST.name in config.families and (
            loaded.pricing.priced or any("cost" in build(input_.spec).fields for input_ in config.inputs)
        )
        self.context.limits.configure(
            plans={name: plan.all_limits for name, plan in config.plans.items()},
            windows=WINDOWS if config.keys else ("1d", "1mo") if spending else (),
            spending=spending,
            zone=config.limits.zone,
            grace=seconds(config.limits.grace),
            boundaries=loaded.pricing.boundaries,
        )

    def _register(self, entries: tuple[KeyEntry, ...]) -> None:
        if entries is not self.entries:
            self.entries = entries
            self.identity.update(entries)
            self.context.admissions.declare("key", self.identity.entries)
            self.context.keys.update(self.identity.entries)
        registered = self.identity.entries
        self.adopt()
        self.context.limits.register({key: entry.plan for key, entry in registered.items()})

    def adopt(self) -> None:
        """Move what keys used before they were registered to their registered names."""
        for stranger in self.context.limits.strangers:
            if (name := self.identity.registered(stranger)) not in ("", stranger):
                self.context.limits.rename(stranger, name)
                self.context.keys.rename(stranger, name)

    def format_of(self, input_: InputConfig) -> Format:
        """The format of a configured input, without the fields that are only for labels which nobody declares, or for
        single requests which nobody keeps.
        """
        for_rows = (*ROW_WORDS, *ROW_FIELDS) if self.config.requests else ()
        return build(input_.spec, input_.max_line_bytes, {*self.config.labels.values(), *for_rows})

    def meter_of(self, input_: InputConfig, format_: Format) -> Meter:
        """The meter of a configured input, for the rows that its format's decoder makes."""
        full = self.config.show_in_full
        canonical = canonical_functions(self._routes, self.identity.public, "addresses" in full)
        labels = self.config.labels
        reader = RowReader(format_, canonical, input_.zone, {*ROW_WORDS} - {*labels.values()})
        names = format_.words | self.config.chains.keys()
        pricing = self.context.pricing
        enricher = Enricher(
            input_.class_,
            self.context.keys.class_of,
            self.config.public_routes,
            "emails" in full,
            lambda name: name in names or name in pricing.names,
            self.identity.public,
        )
        log_ = self.request_log
        recorder = None
        if log_:
            kinds = Kinds(input_.name, reader, enricher, pricing, log_, labels)
            recorder = Recorder(kinds, reader, enricher.label, pricing, log_)
        return Meter(input_.name, reader, enricher, self.context, input_.labels, recorder)

    def open_request_log(self, mark: int | None = None) -> None:
        """Keep requests as the config says. `mark` is the row mark of a restored state, None if it has none."""
        requests = self.config.requests
        settings = requests.settings if requests else None
        running = self.request_log
        if running and settings and running.settings.path == settings.path:
            running.settings = settings
            return
        if running:
            running.close()
        self.request_log = RequestLog(settings, self.store, mark) if settings else None

    def send_requests(self) -> None:
        """Send the kept requests on as the config says, from now on."""
        otlp = self.config.requests and self.config.requests.otlp
        self.forwarder.follow(self.request_log, otlp.settings if otlp else None)

    def pipeline(self) -> Pipeline:
        """The pipeline of all inputs, not yet running. Raises StateError if the state file can't be used."""
        self.store.set(catalog.BUILD_INFO, __version__, to=1)
        self.store.set(catalog.IDENTITY_INFO, self.identity.fingerprint, to=1)
        now = time.monotonic()
        metrics = self.config.metrics
        keys, limits = self.context.keys, self.context.limits
        zero_hold = ZeroHold(seconds(metrics.scrape_interval))
        places = Places(self.store, self.context.admissions, keys)
        expiry = Expiry(self.store, seconds(metrics.expire_after), keys.__contains__, places, now)
        clock = self.context.clock
        pipeline = Pipeline([], self.store, self.context.slowest, limits, zero_hold, expiry, clock)
        stored_parts = StoredParts(self.context, self.inputs.elsewhere, self.forwarder)
        parts: Parts = {}
        damaged = False
        if self.config.state.path:
            state = State(Path(self.config.state.path))
            checkpoint = Checkpoint(state, self.store, self.context.admissions, lambda: stored_parts.take(pipeline))
            pipeline.checkpoint = checkpoint
            parts = checkpoint.restore()
            damaged = state.damaged
            zero_hold.hold(render(self.store)[1], now)
        self.open_request_log(parts.get("row_mark"))
        pipeline.request_log = self.request_log
        gone = stored_parts.restore(parts)
        self.adopt()
        new: list[InputConfig] = []
        for input_ in self.config.inputs:
            feed = self.feed(input_, "end" if damaged else self.config.start_at, pipeline.wake)
            pipeline.feeds.append(feed)
            if stored := in_place_of(input_, gone):
                gone.remove(stored)
                feed.restore(stored)
            else:
                new.append(input_)
            if damaged:
                feed.journal.loss(input_.path, "state_damaged")
        assign_positions(self.inputs, self.store, pipeline.feeds, new, gone)
        for feed in pipeline.feeds:
            feed.pace = Pace(sum(feed.lines(self.store)))
        clock.follow()
        return pipeline

    def feed(self, input_: InputConfig, start_at: str, wake: Callable[[], None]) -> Feed:
        """The feed of a configured input."""
        journal = InputJournal(input_.name, self.store, input_.max_line_bytes)
        source = self.inputs.open(input_.name, place(input_), start_at, journal, wake)
        format_ = self.format_of(input_)
        return Feed(
            place(input_), input_.spec, source, format_.decoder, self.meter_of(input_, format_), journal, self._seal
        )

    def key_api(self, keys: KeyApiConfig) -> KeyApi:
        """The gateway's admin API, as a source of keys."""
        return KeyApi(keys.request, self.identity.hash, "emails" in self.config.show_in_full)

    def apply_keys(self, meters: list[Meter], entries: tuple[KeyEntry, ...] | None, at: float) -> None:
        """Apply the entries of a registry that was read at a time; None if they are the same as before."""
        waiting = self.context.limits.waiting
        for meter in meters if waiting or entries is not None else ():
            meter.forget()
        if entries is not None:
            self._register(entries)
            log.info("the key registry has %d keys", len(entries))
        if waiting:
            self.context.limits.answered()
        self.store.set(_REGISTRY_READ, to=at)
