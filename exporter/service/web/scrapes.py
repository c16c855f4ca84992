"""Scrapes: one rendering serves every scraper that waits for it, and is kept in memory once, however many are slow to
read it.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.memory import give_back
from exporter.metrics.exposition import Renderer, Shown
from exporter.metrics.packing import Packer
from exporter.metrics.zero_hold import Visitor
from exporter.service.pipeline import Pipeline
from exporter.service.web.connections import Connection
from exporter.service.web.rounds import Rounds


class Scrape(NamedTuple):
    """A scraper, and the form that it asks for: OpenMetrics or text, compressed with gzip or not."""

    visitor: Visitor
    openmetrics: bool
    packed: bool


_Form = tuple[bool, bool]


class Scrapes:
    """Answers scrapes of one pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._rounds = Rounds(self._answer)
        self._renderer = Renderer()
        self._packer = Packer()
        # Renders while the pipeline counts on. One thread, as a round that was given up may still be in it.
        self._thread = ThreadPoolExecutor(1, "render")
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)

    async def ask(self, scrape: Scrape) -> bytes:
        """The exposition, in the form that is asked for."""
        bodies = await self._rounds.ask(scrape)
        return bodies[scrape.openmetrics, scrape.packed]

    async def _answer(self, scrapes: list[Scrape]) -> dict[_Form, bytes]:
        families = await asyncio.wrap_future(self._pipeline.scrape([scrape.visitor for scrape in scrapes]))
        forms = {(scrape.openmetrics, scrape.packed) for scrape in scrapes}
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._bodies, families, forms)

    def _bodies(self, families: list[Shown], forms: set[_Form]) -> dict[_Form, bytes]:
        """Blocks are packed one by one, so a large exposition that is packed is never in memory as it was."""
        ends = {form: self._of_the_process(form) for form, _ in forms}
        bodies = {
            (form, packed): (self._packer.pack if packed else b"".join)(
                chain(self._renderer.blocks(families, form), (ends[form],))
            )
            for form, packed in forms
        }
        give_back()  # buffers of this rendering, and of the commit before it
        return bodies

    def _of_the_process(self, openmetrics: bool) -> bytes:
        generate = generate_openmetrics if openmetrics else generate_latest
        return generate(self._registry)  # OpenMetrics' ends with # EOF


class Held:
    """The answers that are being sent, each in memory once. When they take more than `most` bytes, the connection that
    has been reading an older answer for longest is closed; scrapers' connections last.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._readers: dict[Connection, bytes] = {}  # in the order in which they began to read

    @contextmanager
    def by(self, reader: Connection, body: bytes) -> Iterator[None]:
        """Hold an answer while a connection reads it."""
        self._readers[reader] = body
        self._make_room(body)
        try:
            yield
        finally:
            self._readers.pop(reader, None)

    def _make_room(self, newest: bytes) -> None:
        while self._size() > self._most:
            older = [reader for reader, body in self._readers.items() if body is not newest]
            if not older:
                return
            reader = min(older, key=lambda connection: connection.is_scraper)
            del self._readers[reader]
            reader.end("it holds an old answer")

    def _size(self) -> int:
        return sum({id(body): len(body) for body in self._readers.values()}.values())
