"""What is committed together with the store, and restored from it: all that is neither a series nor a label's value."""

import time

import msgspec
from msgspec.structs import replace as changed

from exporter.counting.context import Context
from exporter.inputs.elsewhere import Elsewhere, StoredInput
from exporter.limits.stored_use import UseParts, restored
from exporter.model import catalog
from exporter.service.feed import stored_inputs
from exporter.service.forwarder import Forwarder
from exporter.service.pipeline import Pipeline
from exporter.state.checkpoint import Parts


class StoredParts:
    """The use of keys and limits, the inputs with their positions, and how far single requests are kept and sent."""

    def __init__(self, context: Context, elsewhere: Elsewhere, forwarder: Forwarder) -> None:
        self._context = context
        self._elsewhere = elsewhere
        self._forwarder = forwarder
        self._first_start = time.time()
        self._use = UseParts(context.limits)

    def take(self, pipeline: Pipeline) -> Parts:
        """The parts as they are now."""
        parts: Parts = {"first_start": self._first_start, "keys": self._context.keys.snapshot()}
        parts |= {**self._use.parts(), "inputs": {}}
        if pipeline.request_log:
            parts["row_mark"] = pipeline.request_log.mark
        if self._forwarder.part:
            parts["outbox"] = self._forwarder.part
        for feed in pipeline.feeds:
            parts["inputs"][feed.name], pages = feed.stored()
            parts |= pages
        parts["former"] = [
            changed(former, positions=[position.stored() for position in former.positions])
            for former in self._elsewhere.former
        ]
        return parts

    def restore(self, parts: Parts) -> list[StoredInput]:
        """Restore what no input has for itself; {} if there is no state. Returns what the inputs have to restore."""
        self._forwarder.restored = parts.get("outbox")
        self._first_start = parts.get("first_start", self._first_start)
        self._context.store.set(catalog.FIRST_START_TIMESTAMP_SECONDS, to=self._first_start)
        self._context.keys.restore(parts.get("keys", {}))
        self._context.limits.restore(restored(parts))
        self._elsewhere.former = [
            changed(former, positions=[position.restored() for position in former.positions])
            for former in msgspec.convert(parts.get("former", []), list[StoredInput])
        ]
        return stored_inputs(parts)
