"""A feed turns one log's chunks into rows and cells, and keeps a journal of lines that are not records."""

from pathlib import Path
from typing import Any, cast

import pytest

from exporter.formats.spec import FormatSpec
from exporter.inputs.base import Input
from exporter.keys.seal import Seal
from exporter.service.feed import Feed
from exporter.service.input_journal import InputJournal
from tests.counted import Counting, of

FORMAT: dict[str, Any] = {"time": "t", "status": "s"}
CONFIG = """
inputs: [{path: access.json, name: log, format: {json: {time: t, status: s}}}]
identity: {secret_file: secret}
"""


class Chunks:
    """An input that has the given chunks; `pending` while there are more than it gives at once."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = [*chunks]
        self.pending = False

    def read_headers(self, reader: object, is_new: bool) -> None:
        """It has no files."""

    def read(self) -> bytes:
        return self.chunks.pop(0) if self.chunks else b""

    def lag_bytes(self) -> int:
        return sum(map(len, self.chunks))


@pytest.fixture
def counted(tmp_path: Path) -> Counting:
    (tmp_path / "secret").write_text("a secret of the tests", encoding="utf-8")
    return Counting(tmp_path, CONFIG)


def feed_of(counted: Counting, chunks: Chunks) -> Feed:
    journal = InputJournal("log", counted.assembly.store)
    spec = FormatSpec(json=FORMAT)
    return Feed(
        ("access.json", ""), spec, cast("Input", chunks), counted.decoder, counted.meter, journal, Seal(b"secret")
    )


def test_each_line_of_a_chunk_is_parsed_or_rejected(counted: Counting) -> None:
    feed = feed_of(counted, Chunks(b'{"t":1,"s":200}\nnot JSON\n{"t":2}\n', b'{"t":3,"s":404}\n'))
    assert feed.count_next_chunk()
    assert feed.count_next_chunk()
    assert not feed.count_next_chunk()
    feed.fold()
    assert feed.lines(counted.assembly.store) == (2, 0, 2)
    assert sum(of(counted.samples(), "gateway_requests_total").values()) == 2
    assert feed.meter.last_time == 3


def test_there_is_more_to_do_while_the_input_says_so(counted: Counting) -> None:
    """An empty chunk is no end: an input may have skipped something, and go on."""
    chunks = Chunks()
    feed = feed_of(counted, chunks)
    chunks.pending = True
    assert feed.count_next_chunk()


def test_the_lag_is_the_age_of_the_last_record_while_bytes_are_unread(counted: Counting) -> None:
    """Nothing unread is no lag, however old the last record is; a record ahead of the clock is no negative one."""
    feed = feed_of(counted, Chunks(b'{"t":100,"s":200}\n', b'{"t":101,"s":200}\n'))
    feed.count_next_chunk()
    feed.fold()
    assert feed.lag_seconds(150) == 50
    assert feed.lag_seconds(90) == 0
    feed.count_next_chunk()
    assert feed.lag_seconds(150) == 0


def test_what_waits_in_a_log_that_is_read_to_its_end_counts_in_time(tmp_path: Path) -> None:
    """A request whose other line never comes is counted without another line; one that is whole counts once."""
    config = """
inputs:
- {path: a.json, name: log, format: {json: {status: [s, {value: 200}]}, join: {by: id, until: s, seconds: 0}}}
"""
    counted = Counting(tmp_path, config)
    chunks = Chunks(b'{"id":"a","t":1}\n{"id":"b","t":1}\n')
    feed = feed_of(counted, chunks)

    def requests() -> float:
        feed.fold()
        return sum(of(counted.samples(), "gateway_requests_total").values())

    assert feed.count_next_chunk()
    assert not feed.count_next_chunk()
    chunks.chunks.append(b'{"id":"b","s":404}\n')
    assert feed.count_next_chunk()
    assert requests() == 1
    assert not feed.count_next_chunk()
    assert requests() == 2
    assert not feed.count_next_chunk()
    assert requests() == 2
