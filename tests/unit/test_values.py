"""What a logged value means, for every way in which gateways write it."""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exporter.formats.values import ESCAPES, PICKS, elapsed, listed, number, picked, seconds, text, timestamp

MARCH = 1772546709.0  # 2026-03-03T14:05:09Z


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, ""),
        ("", ""),
        ("-", ""),
        (b"-", ""),
        ("--", "--"),
        (200, "200"),
        (200.0, "200"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
        (b"\xd0\xba\xff", "к\ufffd"),
        (float("nan"), "nan"),
        (1e300, "1e+300"),
    ],
)
def test_text(raw: Any, expected: str) -> None:
    """Any value is text, absence is empty, and bytes that are no UTF-8 are marked."""
    assert text(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (12, 12),
        ("12", 12),
        (b"12", 12),
        ("+160", 160),
        ("0.5", 0.5),
        (0, 0),
        ("-1", None),
        (-1, None),
        ("-", None),
        ("", None),
        (None, None),
        (True, None),
        ("12 kB", None),
    ],
)
def test_number(raw: Any, expected: float | None) -> None:
    """A number is not negative; what is none, and -1, is absent."""
    assert number(raw) == expected


@pytest.mark.parametrize(
    "raw",
    ["nan", "-inf", "1e400", b"9" * 5000, math.inf, math.nan, 1e25, 2**64 * 10, 10**309, -2, "-0.5", -(2**63)],
)
def test_a_number_that_no_amount_can_be(raw: Any) -> None:
    """It is NaN, which is neither absent nor in any range: every comparison with it is false."""
    found = number(raw)
    assert found is not None
    assert math.isnan(found)
    assert (found < 0, found >= 0, 0 <= found <= 1e300) == (False, False, False)
    assert math.isnan(seconds(raw, 1e-3) or 0)
    assert timestamp(raw) is None


def test_a_list_with_a_number_that_no_amount_can_be() -> None:
    """Its sum is none that can be, either."""
    assert math.isnan(float(picked("0.1, 1e300", "sum") or 0))


@pytest.mark.parametrize(
    ("raw", "scale", "expected"),
    [
        (0.013, 1.0, 0.013),
        ("13", 1e-3, 0.013),
        (13487211, 1e-9, 0.013487211),
        (b"+31", 1e-3, 0.031),
        ("13ms", 1.0, 0.013),
        ("13ms", 1e-3, 0.013),
        ("1m30.5s", 1.0, 90.5),
        ("1h2m3s", 1.0, 3723.0),
        ("250µs", 1.0, 0.00025),
        ("250us", 1.0, 0.00025),
        ("10ns", 1.0, 1e-8),
        (b"1.5 s", 1.0, 1.5),
        ("-1", 1.0, None),
        ("-3s", 1.0, None),
        ("s", 1.0, None),
        ("3 parsecs", 1.0, None),
        ("9" * 400 + "h", 1.0, None),
        ("-", 1.0, None),
        (None, 1.0, None),
    ],
)
def test_seconds(raw: Any, scale: float, expected: float | None) -> None:
    """A duration is a number in the field's unit, or Go's way of writing one in its own."""
    assert seconds(raw, scale) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (1772546709.331, MARCH + 0.331),
        ("1772546709.331", MARCH + 0.331),
        (b"1772546709", MARCH),
        (1772546709331, MARCH + 0.331),
        (1772546709331204871, MARCH + 0.331204871),
        ("2026-03-03T14:05:09Z", MARCH),
        ("2026-03-03T14:05:09.331204871Z", MARCH + 0.331204),
        ("2026-03-03T14:05:09.3+01:00", MARCH - 3600 + 0.3),
        ("2026-03-03T14:05:09", MARCH - 3600),
        ("2026-03-03 14:05:09.331 +0000 UTC", MARCH + 0.331),
        ("2026/03/03 14:05:09", MARCH - 3600),
        ("2026-03-03 14:05:09,331", MARCH - 3600 + 0.331),
        ("2026-03-03", 1772492400.0),
        ("03/Mar/2026:14:05:09 +0000", MARCH),
        (b"03/Mar/2026:15:05:09 +0100", MARCH),
        ("03/Mar/2026:14:05:09.331", MARCH - 3600 + 0.331),
        ("2026-03-03T14:05:09 UTC", MARCH),
        ("2026-03-03 14:05:60", MARCH - 3600 + 50),
        ("2026-03-03T14:05:60.5Z", MARCH + 50.5),
        ("03/Mar/2026:14:05:60 +0000", MARCH + 50),
        ("Tue, 03 Mar 2026 14:05:09 GMT", MARCH),
        ("3 Mar 2026 14:05:09 +0000", MARCH),
        ("Tue, 03 Mar 2026 14:05:09 PST", None),
        ("Tue, 03 Mar 2026", None),
        ("2026-03-03T14:60:09Z", None),
        ("17 72", None),
        ("03/Foo/2026:14:05:09 +0000", None),
        ("32/Mar/2026:14:05:09 +0000", None),
        ("2026-13-45T99:99:99Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("٣٣/Mar/2026:14:05:09", None),
        ("yesterday", None),
        ("-", None),
        ("", None),
        (0, None),
        (-5, None),
        (True, None),
        (None, None),
    ],
)
def test_timestamp(raw: Any, expected: float | None) -> None:
    """A time is an epoch whose size tells its unit, or a date; one without a zone is in the input's."""
    found = timestamp(raw, zone=ZoneInfo("Europe/Berlin"))
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(
    ("raw", "now", "expected"),
    [
        ("25/Oct/2026:02:15:00", "00:15:00", "00:15:00"),
        ("25/Oct/2026:02:15:00", "01:10:00", "00:15:00"),
        ("25/Oct/2026:02:15:00", "01:15:00", "01:15:00"),
        ("2026-10-25T02:15:00", "23:00:00", "01:15:00"),
        ("2026-10-25 02:15:00 CEST", "01:30:00", "00:15:00"),
        ("2026-10-25 02:15:00 CET", "00:15:00", "01:15:00"),
        ("2026-10-25 02:15:00 +0100", "00:15:00", "01:15:00"),
        ("2026-10-25 01:59:59", "01:30:00", "23:59:59"),
        ("2026-10-25 03:00:00", "01:30:00", "02:00:00"),
        ("2026-03-29 02:30:00", "01:30:00", "01:30:00"),
    ],
)
def test_a_date_that_occurs_twice(raw: str, now: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As clocks are set back, the later one is meant unless it is still to come, or the name of its zone says which."""
    clock = datetime.fromisoformat(f"2026-10-25T{now}Z").timestamp()
    monkeypatch.setattr("exporter.formats.values.wall_clock", lambda: clock)
    found = timestamp(raw, zone=ZoneInfo("Europe/Berlin"))
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).strftime("%H:%M:%S") == expected


@pytest.mark.parametrize("days", [-1, 0, 1, 40, 363])
def test_a_date_without_a_year_is_of_the_last_year(days: int) -> None:
    """Go's and syslog's dates name no year: it is the last one in which the day was not after tomorrow."""
    zone = ZoneInfo("Europe/Berlin")
    day = (datetime.now(zone) - timedelta(days=days)).replace(hour=8, minute=27, second=9, microsecond=0)
    assert timestamp(f"{day:%b %d %H:%M:%S}", zone=zone) == day.timestamp()
    assert timestamp(f"{day:%b} {day.day:2} {day:%H:%M:%S}".encode(), zone=zone) == day.timestamp()


@pytest.mark.parametrize("raw", ["Foo 29 08:27:09", "Feb 30 08:27:09", "Jan 29 25:27:09", "Jan 29", "Jan  0 08:27:09"])
def test_what_is_no_date_without_a_year(raw: str) -> None:
    """A day that no year has is absent."""
    assert timestamp(raw) is None


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (1772546709.331, 1772546710.774, 1.443),
        ("2026-03-03T14:05:09.331204Z", "2026-03-03T14:05:09.344Z", 0.012796),
        ("2026-03-03T14:05:20Z", "2026-03-03T14:05:20Z", 0.0),
        ("2026-03-03T14:05:20Z", "2026-03-03T14:05:19Z", None),
        (None, 1772546710.774, None),
        (1772546709.331, "-", None),
    ],
)
def test_elapsed(start: Any, end: Any, expected: float | None) -> None:
    """The time between two times; absent where one is, or they are reversed."""
    assert elapsed(start, end) == (None if expected is None else pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(
    ("raw", "first", "last", "total", "count"),
    [
        ("0.101, 0.045", "0.101", "0.045", 0.146, 2),
        ("-, 0.044", "-", "0.044", 0.044, 2),
        ("0.1, 0.2 : 0.3", "0.1", "0.3", 0.6, 3),
        ("502,200", "502", "200", 702, 2),
        (b"0.5", "0.5", "0.5", 0.5, 1),
        ("-", None, None, None, 0),
        ("", None, None, None, 0),
        (None, None, None, None, 0),
        (7, "7", "7", 7, 1),
    ],
)
def test_picked(raw: Any, first: str | None, last: str | None, total: float | None, count: int) -> None:
    """Of nginx's lists: the first, the last, the sum of what is there, the number of entries."""
    assert (picked(raw, "first"), picked(raw, "last"), picked(raw, "count")) == (first, last, count)
    assert picked(raw, "sum") == (None if total is None else pytest.approx(total))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("0.101, 0.045", 0.101),
        ("0.1, 0.2 : 0.3", 0.3),
        ("-, 0.044", None),
        ("0.5", None),
        (7, None),
        ("", None),
    ],
)
def test_all_but_the_last(raw: Any, expected: float | None) -> None:
    """What retries took: nothing where the first attempt was the last."""
    assert picked(raw, "before_last") == (None if expected is None else pytest.approx(expected))


def test_a_list_of_json_is_written_as_gateways_write_lists() -> None:
    """Entry by entry; a comma in one would make two of it."""
    assert listed(["a, b", 2, 2.5, None, True, "-", "c : d"]) == "a b, 2, 2.5, -, true, -, c d"
    assert listed([]) == ""


def test_escapes() -> None:
    """Bytes that a text log writes in hex come back, and what only looks like them stays."""
    assert ESCAPES["nginx"](rb"a\x22b\xD0\xBA\x5Cx41\q") == b'a"b\xd0\xba\\x41\\q'
    assert ESCAPES["haproxy"](b"a#22#D0#BA#7C#zz#") == b'a"\xd0\xba|#zz#'


def test_nothing_raises() -> None:
    """Whatever a log holds, a value is read or absent."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    pieces = [
        "-",
        "+",
        ".",
        ",",
        " : ",
        "1",
        "99",
        "e",
        "h",
        "ms",
        "Z",
        "T",
        "/Mar/",
        "2026",
        ":",
        "\x00",
        "é",
        "\ud800",
    ]
    for _ in range(5000):
        raw: Any = "".join(chance.choices(pieces, k=chance.randrange(12)))
        if chance.random() < 0.3:
            raw = chance.randbytes(12)
        try:
            text(raw), number(raw), seconds(raw), timestamp(raw), elapsed(raw, raw)
            [picked(raw, pick) for pick in PICKS]
        except Exception as error:
            raise AssertionError(f"seed {seed}: {raw!r}") from error
