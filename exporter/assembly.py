"""Putting the parts together, from a config's plain values. What `run`, `replay`, `explain` and `demo` share."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import tzinfo
from pathlib import Path

from exporter import __version__
from exporter.admission import Admissions
from exporter.births import Births
from exporter.checkpoint import Checkpoint, Parts
from exporter.config import InputConfig, Loaded
from exporter.counting import Meter
from exporter.durations import seconds
from exporter.enrich import BATCH, Enricher
from exporter.expiry import Expiry
from exporter.exposition import render
from exporter.formats.format import FormatSpec, build
from exporter.formats.reader import RowReader
from exporter.identity import Identity
from exporter.inputs.files import FileInput
from exporter.inputs.stdin import StreamInput
from exporter.journal import Journal
from exporter.keys import Keys
from exporter.limits import Limits
from exporter.pipeline import Pipeline
from exporter.routes import Routes, client_network, origin_host
from exporter.rpc import read_body
from exporter.series import Store
from exporter.slowest import Slowest
from exporter.state import State
from exporter.stream import Input, Stream
from exporter.windows import WINDOWS

log = logging.getLogger(__name__)


class Assembly:
    """What all inputs of one exporter share: the store, who keys are, routes, which values may be labels.

    `serving` holds new series at zero first, as scrapers need it.
    """

    def __init__(self, loaded: Loaded, serving: bool = False) -> None:
        if not loaded.secret:
            log.warning(
                "no secret for key names, and no state to keep one beside: names like k_… hold for this run only"
            )
        self.identity = Identity(loaded.secret or os.urandom(32))
        self.store = Store(hold=serving)
        self.keys = Keys(self.store, {})
        self.slowest = Slowest(self.store)
        self.limits = Limits(self.store)
        self._admissions = Admissions()
        self.take(loaded)

    def take(self, loaded: Loaded) -> None:
        """Let what is shared be as a config says, at the start and at a reload."""
        config = self.config = loaded.config
        self.store.bound(config.metrics.max_series, config.metrics.created_timestamps)
        self.identity.update(loaded.keys)
        self.keys.update(self.identity.entries)
        self.limits.configure(
            plans={name: plan.all_limits for name, plan in config.plans.items()},
            windows=WINDOWS if config.keys else (),
            zone=config.limits.zone,
            grace=seconds(config.limits.grace),
        )
        self.limits.register({key: entry.plan for key, entry in self.identity.entries.items()})
        chains = {chain: [one] if isinstance(one, str) else one for chain, one in config.chains.items()}
        self._routes = Routes(self.identity.public, config.routes, chains)
        declared: dict[str, Iterable[str]] = {
            "key": self.identity.entries,
            "chain": chains,
            "method": [BATCH, *config.routes],
        }
        self._admissions.update(config.metrics.budgets, declared, config.metrics.admit_after)

    def meter(
        self,
        name: str,
        spec: FormatSpec,
        labels: dict[str, str] | None = None,
        class_: str = "business",
        zone: tzinfo | None = None,
    ) -> Meter:
        """A meter for one input. ValueError where the format is wrong."""
        canonical: dict[str, Callable[[str], object]] = {
            "key": self.identity.public,
            "path": self._routes.target,
            "host": self._routes.chain_of_host,
            "request": self._routes.request,
            "origin": origin_host,
            "referer": origin_host,
            "client": client_network,
            "body": read_body,
        }
        reader = RowReader(build(spec), canonical, zone)
        enricher = Enricher(class_, self.keys.class_of)
        currency = self.config.pricing.currency
        return Meter(
            name,
            reader,
            enricher,
            self.store,
            self._admissions,
            self.keys,
            self.slowest,
            self.limits,
            labels,
            currency,
        )

    def meter_of(self, one: InputConfig) -> Meter:
        """The meter of a configured input."""
        return self.meter(one.name, one.spec, one.labels, one.class_, one.zone)

    def pipeline(self) -> Pipeline:
        """The pipeline of all inputs, not yet running. StateError where the state file can't be used."""
        self.store.set("gateway_exporter_build_info", __version__, to=1)
        self.store.set("gateway_exporter_identity_info", self.identity.fingerprint, to=1)
        now = time.monotonic()
        metrics = self.config.metrics
        births = Births(seconds(metrics.scrape_interval))
        expiry = Expiry(self.store, seconds(metrics.expire_after), self.keys.__contains__, now)
        pipeline = Pipeline([], self.store, self.slowest, self.limits, births, expiry)
        remembered: Parts = {}
        start_at = self.config.start_at
        if self.config.state.path:
            state = State(Path(self.config.state.path))
            pipeline.checkpoint = Checkpoint(state, self.store, self._admissions, lambda: self._parts(pipeline))
            remembered = pipeline.checkpoint.restore()
            start_at = "end" if state.damaged else start_at
            births.begin(render(self.store)[1], now)
        self.keys.restore(remembered.get("keys", {}))
        self.limits.restore(remembered.get("limits"))
        for one in self.config.inputs:
            stream = self.stream(one, start_at, pipeline.wake)
            if one.name in remembered.get("inputs", ()):
                stream.restore(remembered["inputs"][one.name])
            stream.lines_before = sum(stream.lines(self.store))
            pipeline.streams.append(stream)
        return pipeline

    def stream(self, one: InputConfig, start_at: str, wake: Callable[[], None]) -> Stream:
        """A configured input on its way to the store."""
        journal = Journal(one.name, self.store)
        source: Input
        if one.path == "-":
            source = StreamInput(sys.stdin.fileno(), one.name, journal, wake)
        else:
            source = FileInput(one.path, journal, start_at, one.rotated)
        return Stream((one.path, one.rotated), source, self.meter_of(one), journal)

    def _parts(self, pipeline: Pipeline) -> Parts:
        """What is committed beside the store."""
        inputs = {stream.name: stream.remembered() for stream in pipeline.streams}
        return {"inputs": inputs, "keys": self.keys.remembered(), "limits": self.limits.remembered()}
