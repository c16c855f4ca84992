"""Putting the parts together, from a config's plain values. What `run`, `replay`, `explain` and `demo` share."""

import logging
import os
import sys
from collections.abc import Callable, Iterable
from datetime import tzinfo
from pathlib import Path

from exporter import __version__
from exporter.admission import Admissions
from exporter.config import InputConfig, Loaded
from exporter.counting import Meter
from exporter.enrich import BATCH, Enricher
from exporter.formats.format import FormatSpec, build
from exporter.formats.reader import RowReader
from exporter.identity import Identity, KeyEntry
from exporter.inputs.files import FileInput
from exporter.inputs.stdin import StreamInput
from exporter.journal import Journal
from exporter.keyapi import KeyApi
from exporter.keys import Keys
from exporter.pipeline import Input, Pipeline, Stream
from exporter.registry import KeyFile, Registry, Source
from exporter.routes import Routes, client_network, origin_host
from exporter.rpc import read_body
from exporter.series import Store
from exporter.slowest import Slowest

_REGISTRY_READ = "gateway_exporter_key_registry_timestamp_seconds"

log = logging.getLogger(__name__)


class Assembly:
    """What all inputs of one exporter share: the store, who keys are, routes, which values may be labels."""

    def __init__(self, loaded: Loaded) -> None:
        config = loaded.config
        if not loaded.secret:
            log.warning("no identity.secret_file: public key names (k_…) hold for this run only")
        self.config = config
        self._loaded = loaded
        self._meters: list[Meter] = []
        self.identity = Identity(loaded.secret or os.urandom(32), loaded.keys)
        self.store = Store(config.metrics.max_series)
        self.pricing = loaded.pricing
        self.keys = Keys(self.store, self.identity.entries)
        self.slowest = Slowest(self.store)
        chains = {chain: [one] if isinstance(one, str) else one for chain, one in config.chains.items()}
        self._routes = Routes(self.identity.public, config.routes, chains)
        declared: dict[str, Iterable[str]] = {
            "key": self.identity.entries,
            "chain": chains,
            "method": [BATCH, *config.routes],
        }
        self._admissions = Admissions(config.metrics.budgets, declared, config.metrics.admit_after)

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
        meter = Meter(
            name, reader, enricher, self.store, self._admissions, self.keys, self.slowest, labels, self.pricing
        )
        self._meters.append(meter)
        return meter

    def meter_of(self, one: InputConfig) -> Meter:
        """The meter of a configured input."""
        return self.meter(one.name, one.spec, one.labels, one.class_, one.zone)

    def pipeline(self) -> Pipeline:
        """The pipeline of all inputs, not yet running."""
        if self._loaded.prices_changed:
            self.store.set("gateway_exporter_price_table_timestamp_seconds", to=self._loaded.prices_changed)
        if self._loaded.keys_read:
            self.store.set(_REGISTRY_READ, to=self._loaded.keys_read)
        self.store.set("gateway_exporter_build_info", __version__, to=1)
        self.store.set("gateway_exporter_identity_info", self.identity.fingerprint, to=1)
        streams: list[Stream] = []
        pipeline = Pipeline(streams, self.store, self.slowest)
        for one in self.config.inputs:
            journal = Journal(one.name, self.store)
            source: Input
            if one.path == "-":
                source = StreamInput(sys.stdin.fileno(), one.name, journal, pipeline.wake)
            else:
                source = FileInput(one.path, journal, self.config.start_at, one.rotated)
            streams.append(Stream(one.name, source, self.meter_of(one), journal))
        return pipeline

    # --- keys, while it runs

    def registry(self, pipeline: Pipeline) -> Registry | None:
        """What keeps the keys up to date, not yet running; None where there is no registry."""
        keys = self.config.keys
        if not keys:
            return None
        source: Source = KeyFile(Path(keys)) if isinstance(keys, str) else KeyApi(keys, self.identity.hash)
        copy = None if isinstance(keys, str) or not (keys.copy and self._loaded.secret) else Path(keys.copy)
        return Registry(source, self._loaded.keys, lambda *read: pipeline.ask(lambda: self.take_keys(*read)), copy)

    def take_keys(self, entries: tuple[KeyEntry, ...] | None, at: float) -> None:
        """The registry was read at a time, and has these entries; None where they are the same as before."""
        if entries is not None:
            for meter in self._meters:
                meter.forget()
            self.identity.update(entries)
            self._admissions.declare("key", self.identity.entries)
            self.keys.update(self.identity.entries)
            log.info("the key registry has %d keys now", len(entries))
        self.store.set(_REGISTRY_READ, to=at)
