"""The journal: what is no record is counted by reason, logged once, and never shown as it is."""

import logging

import pytest

from exporter.formats.decoders.decoder import Decoded
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.service.input_journal import InputJournal, shape


def test_a_rejected_line_is_counted_each_time_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    journal = InputJournal("a", store)
    with caplog.at_level(logging.WARNING):
        journal.note(Decoded([], [("no_status", b'{"key":"sk-live-5"}')] * 3))
    assert store.series(catalog.LINES, "a", "rejected").value == 3
    assert store.series(catalog.REJECTED_LINES, "a", "no_status").value == 3
    assert len(caplog.records) == 1
    assert [(sample.reason, sample.length, sample.shape) for sample in journal.samples] == [
        ("no_status", 19, '{"a":"a-a-0"}'),
    ] * 3
    assert "live" not in caplog.text


def test_lost_bytes_are_an_event_and_a_size() -> None:
    """A loss of unknown size is an event alone."""
    store = Store()
    journal = InputJournal("a", store)
    journal.lost("a.log", "truncated", 7)
    journal.lost("a.log", "truncated", 5)
    journal.loss("a.log", "truncated")
    assert store.series(catalog.LOSSES, "a", "truncated").value == 3
    assert store.series(catalog.LOST_BYTES, "a", "truncated").value == 12


@pytest.mark.parametrize(
    ("is_damaged", "why"),
    [
        (False, "to count them, set start_at: beginning before the first start"),
        (True, "they may be in Prometheus already: the state was damaged"),
    ],
)
def test_a_log_that_is_read_from_its_end_is_reported_with_the_reason(
    caplog: pytest.LogCaptureFixture, is_damaged: bool, why: str
) -> None:
    """After a damaged state, `start_at` has no say."""
    journal = InputJournal("a", Store())
    if is_damaged:
        journal.loss("a.log", "state_damaged")
    journal.opened("a.log", 7)
    assert caplog.messages[-1] == f"a: reading a.log from its end; the 7 bytes before are not counted ({why})"


def test_the_last_twenty_rejected_lines_are_kept() -> None:
    journal = InputJournal("a", Store())
    journal.note(Decoded([], [("no_status", b"x" * n) for n in range(30)]))
    assert [sample.length for sample in journal.samples] == [*range(10, 30)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"id":12,"key":"sk-9f3a"}', '{"a":0,"a":"a-a"}'),
        (b"\xff\x00", "??"),
        (b"!" * 200, "!" * 120 + "…"),
    ],
)
def test_a_shape_gives_nothing_away(line: bytes, expected: str) -> None:
    assert shape(line) == expected


def test_lines_without_a_time_are_reported_once_by_a_run_that_has_some(caplog: pytest.LogCaptureFixture) -> None:
    """What a state knows of lines before a restart says nothing about their times."""
    store = Store()
    InputJournal("a", store).warn_no_time()
    store.add(catalog.LINES, "a", "parsed", amount=5)
    restarted = InputJournal("a", store)
    restarted.warn_no_time()
    assert not caplog.records
    store.add(catalog.LINES, "a", "parsed")
    for _ in range(2):
        restarted.warn_no_time()
    assert caplog.text.count("no record has a time") == 1
