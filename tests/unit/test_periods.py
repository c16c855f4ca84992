"""Rows by period: a chunk's smallest and largest time lead to the same periods as each row's own time."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exporter.counting.periods import Periods
from exporter.formats.format import build
from exporter.formats.row_reader import RowReader
from exporter.formats.spec import FormatSpec
from exporter.formats.values import timestamp
from exporter.limits.calendar import Calendar

BERLIN = ZoneInfo("Europe/Berlin")
# The night in which Berlin's clocks are set back, at its most hostile minute.
BORDER = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
NOW = BORDER.timestamp() + 86_430


def dated(at: float, zone: Any = UTC) -> datetime:
    return datetime.fromtimestamp(at, zone)


# How gateways write times: a number, or text, of a moment in epoch seconds.
FORMS: dict[str, Callable[[float], Any]] = {
    "seconds": lambda at: at,
    "whole seconds": int,
    "milliseconds": lambda at: int(at * 1000),
    "nanoseconds": lambda at: int(at * 1000) * 1_000_000,
    "seconds as text": lambda at: f"{at:.3f}",
    "common log": lambda at: dated(at).strftime("%d/%b/%Y:%H:%M:%S +0000"),
    "common log at home": lambda at: dated(at, BERLIN).strftime("%d/%b/%Y:%H:%M:%S %z"),
    "without a zone": lambda at: dated(at, BERLIN).strftime("%d/%b/%Y:%H:%M:%S.%f")[:-3],
    "ISO": lambda at: dated(at).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "ISO with trimmed fractions": lambda at: dated(at).isoformat().replace("+00:00", "Z"),
    "ISO at home": lambda at: dated(at, BERLIN).isoformat(timespec="milliseconds"),
    "ISO elsewhere": lambda at: dated(at, timezone(timedelta(hours=-3))).isoformat(),
    "with a space": lambda at: dated(at).strftime("%Y/%m/%d %H:%M:%S"),
}
NOT_TIMES = (None, "", "-", "soon", True, 0, -1, 1e40, "2026-10-25", "25/Oct/2026", NOW + 1e6, "2099-01-01T00:00:00Z")


def reader(path: str = "t") -> RowReader:
    return RowReader(build(FormatSpec(json={"status": "s", "time": path})), {}, BERLIN)


def divided(raws: list[Any], calendar: Calendar) -> list[tuple[float, list[Any]]]:
    """The start of each period, and the raw times in it."""
    reads = reader()
    log = "".join(json.dumps({"s": 200, "t": raw, "n": n}) + "\n" for n, raw in enumerate(raws))
    rows = reads.decoder.decode(log.encode()).rows
    place = {id(row): n for n, row in enumerate(rows)}
    parts = Periods("log", reads, calendar).divide(rows, NOW)
    return [(period.start, [raws[place[id(row)]] for row in part]) for period, part in parts]


def expected(raws: list[Any], calendar: Calendar) -> list[tuple[float, list[Any]]]:
    """The same, each time read alone."""
    groups: dict[float, list[Any]] = {}
    for raw in raws:
        at = timestamp(raw, zone=BERLIN)
        groups.setdefault(calendar.period(NOW if at is None or at > NOW + 60 else at).start, []).append(raw)
    return sorted(groups.items())


@pytest.mark.parametrize("form", FORMS)
def test_the_last_line_of_a_period_and_the_first_of_the_next_are_told_apart(form: str) -> None:
    """Whatever the gateway writes; lines out of order, too."""
    border = BORDER.timestamp()
    write = FORMS[form]
    calendar = Calendar(ZoneInfo("UTC"))
    before, after = write(border - 1), write(border)
    assert divided([before] * 3, calendar)[0][1] == [before] * 3
    assert divided([after, before, after], calendar) == expected([after, before, after], calendar)
    assert len(divided([after, before, after], calendar)) == 2


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("windows", [("1m", "1h", "1d", "1mo"), ("1h",), ("1d", "1mo")])
def test_any_chunk_is_divided_as_its_lines_say(form: str, windows: tuple[str, ...]) -> None:
    """Chunks of a second to a day about the night when clocks are set; some with lines whose time is none."""
    for seed in range(60):
        chance = random.Random(seed)
        span = chance.choice((0.5, 30, 3_000, 80_000))
        start = BORDER.timestamp() + chance.uniform(-span, span) - chance.choice((0, 0, 7_200))
        raws = [FORMS[form](round(start + chance.uniform(0, span), 3)) for _ in range(chance.randrange(1, 40))]
        if chance.random() < 0.3:
            raws[chance.randrange(len(raws))] = chance.choice(NOT_TIMES)
        if chance.random() < 0.2:
            raws.append(FORMS[chance.choice(list(FORMS))](round(start + span, 3)))
        calendar = Calendar(BERLIN, windows)
        assert divided(raws, calendar) == expected(raws, calendar), f"seed {seed}"


def test_the_hour_that_clocks_repeat_is_read_as_it_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words mean another time an hour later."""
    reads = reader()
    rows = reads.decoder.decode(b'{"s":200,"t":"25/Oct/2026:02:15:07"}\n').rows
    periods = Periods("log", reads, Calendar(BERLIN, ("1m",)))
    for late in (-3600, 0):
        now = BORDER.timestamp() + late + 15 * 60 + 10
        monkeypatch.setattr("exporter.formats.values.wall_clock", lambda now=now: now)
        assert [period.start for period, _ in periods.divide(rows, now)] == [BORDER.timestamp() + late + 15 * 60]
    border = b'{"s":200,"t":"25/Oct/2026:02:59:58"}\n{"s":200,"t":"25/Oct/2026:02:00:03"}\n'
    now = BORDER.timestamp() + 5
    parts = periods.divide(reads.decoder.decode(border).rows, now)
    assert [period.start - BORDER.timestamp() for period, _ in parts] == [-60, 0]


def test_dates_that_are_written_in_no_order_are_read_one_by_one() -> None:
    """A period may be months long, where only prices divide time."""
    calendar = Calendar(BERLIN, (), [datetime(2026, 9, 20, tzinfo=UTC).timestamp()])
    raws = [f"{day}:12:00:00 +0000" for day in ("25/Sep/2026", "26/Sep/2025", "27/Sep/2026")]
    assert divided(raws, calendar) == expected(raws, calendar)
    assert len(divided(raws, calendar)) == 2


def test_lines_without_a_time_count_when_they_arrive_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A log may have no time at all."""
    reads = RowReader(build(FormatSpec(json={"status": "s"})), {})
    rows = reads.decoder.decode(b'{"s":200}\n' * 2).rows
    calendar = Calendar(BERLIN)
    periods = Periods("gateway", reads, calendar)
    for _ in range(3):
        assert periods.divide(rows, NOW) == [(calendar.period(NOW), rows)]
    assert caplog.messages == ["gateway: the log's lines have no time; limits count them at the time of reading"]


def test_a_clock_that_is_wrong_moves_no_window() -> None:
    """A line from the future counts when it arrives; a minute ahead is a clock like others."""
    calendar = Calendar(BERLIN)
    assert divided([NOW + 61], calendar) == [(calendar.period(NOW).start, [NOW + 61])]
    assert divided([NOW + 59], calendar) == [(calendar.period(NOW + 59).start, [NOW + 59])]
    assert calendar.period(NOW) != calendar.period(NOW + 59)
    assert Periods("log", reader(), calendar).divide([], NOW) == []
