"""Follows the key registry while the exporter runs."""

from pathlib import Path

from exporter.keys.identity import KeyEntry
from exporter.keys.registry import KeyFile, Registry, Source
from exporter.service.assembly import Assembly
from exporter.service.pipeline import Pipeline


class KeyWatch:
    """Reads the registry of the config in a thread of its own, and has the pipeline apply its entries."""

    def __init__(self, assembly: Assembly, pipeline: Pipeline) -> None:
        self._assembly = assembly
        self._pipeline = pipeline
        self._registry: Registry | None = None

    def start(self) -> None:
        """Follow the registry that the config names now, and no other any more."""
        self.stop()
        self._pipeline.refuse("key registry", "")
        keys = self._assembly.config.keys
        if not keys:
            return
        if isinstance(keys, str):
            source: Source = KeyFile(Path(keys), self._assembly.config.plans)
            copy = None
        else:
            source = self._assembly.key_api(keys)
            copy = Path(keys.copy) if keys.copy and self._assembly.has_secret else None
        registry = self._registry = Registry(
            source,
            self._assembly.entries,
            lambda entries, at: self._pipeline.ask(lambda: self._apply(registry, entries, at)),
            copy,
            lambda problem: self._pipeline.ask(lambda: self._refuse(registry, problem)),
        )
        registry.start()

    def stop(self) -> None:
        """Follow it no more."""
        if self._registry:
            self._registry.stop()

    def _apply(self, registry: Registry, entries: tuple[KeyEntry, ...] | None, at: float) -> None:
        if registry is self._registry:  # and was not replaced meanwhile
            self._assembly.apply_keys([feed.meter for feed in self._pipeline.feeds], entries, at)

    def _refuse(self, registry: Registry, problem: str) -> None:
        if registry is self._registry:
            self._pipeline.refuse("key registry", problem)
