"""Scrapes: one rendering serves every scraper that waits for it, and is kept in memory once, however many are slow to
read it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

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
        self._rounds = Rounds(self._render)
        self._packer = Packer()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)

    async def ask(self, scrape: Scrape) -> bytes:
        """The exposition, in the form that is asked for."""
        bodies = await self._rounds.ask(scrape)
        return bodies[scrape.openmetrics, scrape.packed]

    async def _render(self, scrapes: list[Scrape]) -> dict[_Form, bytes]:
        visitors = [scrape.visitor for scrape in scrapes]
        texts = await asyncio.wrap_future(self._pipeline.scrape(visitors, {scrape.openmetrics for scrape in scrapes}))
        forms = {(scrape.openmetrics, scrape.packed) for scrape in scrapes}
        return await asyncio.get_running_loop().run_in_executor(None, self._bodies, texts, forms)

    def _bodies(self, texts: dict[bool, list[bytes]], forms: set[_Form]) -> dict[_Form, bytes]:
        for openmetrics, lines in texts.items():
            generate = generate_openmetrics if openmetrics else generate_latest
            lines.append(generate(self._registry))  # OpenMetrics' ends with # EOF
        return {(form, packed): (self._packer.pack if packed else b"".join)(texts[form]) for form, packed in forms}


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
