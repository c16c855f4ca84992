"""The calendar: windows follow each other without a gap, where clocks are set and where they are not."""

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest

from exporter.limits.calendar import WINDOWS, Calendar, time_zone

# A zone, a moment, the window's name, its start and its end, all as written there.
EXPECTED = [
    ("UTC", "2026-03-03T14:05:09+00:00", "1m", "2026-03-03T14:05:00+00:00", "2026-03-03T14:06:00+00:00"),
    ("UTC", "2026-03-03T14:05:00+00:00", "1m", "2026-03-03T14:05:00+00:00", "2026-03-03T14:06:00+00:00"),
    ("UTC", "2026-03-03T23:59:59.999+00:00", "1h", "2026-03-03T23:00:00+00:00", "2026-03-04T00:00:00+00:00"),
    ("UTC", "2026-12-31T23:59:59.999+00:00", "1d", "2026-12-31T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
    # months: the first day, the last day, February in leap years and others, December
    ("UTC", "2026-01-01T00:00:00+00:00", "1mo", "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"),
    ("UTC", "2026-01-31T23:59:59+00:00", "1mo", "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"),
    ("UTC", "2026-02-28T12:00:00+00:00", "1mo", "2026-02-01T00:00:00+00:00", "2026-03-01T00:00:00+00:00"),
    ("UTC", "2028-02-29T23:59:59+00:00", "1mo", "2028-02-01T00:00:00+00:00", "2028-03-01T00:00:00+00:00"),
    ("UTC", "2028-02-29T23:59:59+00:00", "1d", "2028-02-29T00:00:00+00:00", "2028-03-01T00:00:00+00:00"),
    ("UTC", "2026-12-31T23:59:59+00:00", "1mo", "2026-12-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
    ("Europe/Berlin", "2026-01-31T23:30:00+00:00", "1mo", "2026-02-01T00:00:00+01:00", "2026-03-01T00:00:00+01:00"),
    # clocks forward: a day of 23 hours, a month that begins in winter and ends in summer
    ("Europe/Berlin", "2026-03-29T12:00:00+02:00", "1d", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
    ("Europe/Berlin", "2026-03-01T00:00:00+01:00", "1mo", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"),
    ("Europe/Berlin", "2026-03-31T23:59:59+02:00", "1mo", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"),
    ("Europe/Berlin", "2026-03-29T01:59:59+01:00", "1h", "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"),
    # clocks back: a day of 25 hours, two hours from two to three
    ("Europe/Berlin", "2026-10-25T12:00:00+01:00", "1d", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
    ("Europe/Berlin", "2026-10-25T02:30:00+02:00", "1h", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"),
    ("Europe/Berlin", "2026-10-25T02:30:00+01:00", "1h", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"),
    # offsets of half and quarter hours
    ("Asia/Kolkata", "2026-03-03T00:15:00+00:00", "1h", "2026-03-03T05:00:00+05:30", "2026-03-03T06:00:00+05:30"),
    ("Asia/Kathmandu", "2026-03-03T18:14:59+00:00", "1d", "2026-03-03T00:00:00+05:45", "2026-03-04T00:00:00+05:45"),
    ("Asia/Kathmandu", "2026-03-03T18:15:00+00:00", "1d", "2026-03-04T00:00:00+05:45", "2026-03-05T00:00:00+05:45"),
    # Lord Howe sets its clocks by half an hour: an hour of which the other half is missing, or another begins
    (
        "Australia/Lord_Howe",
        "2026-10-04T02:45:00+11:00",
        "1h",
        "2026-10-04T02:30:00+11:00",
        "2026-10-04T03:00:00+11:00",
    ),
    (
        "Australia/Lord_Howe",
        "2026-04-05T01:45:00+10:30",
        "1h",
        "2026-04-05T01:30:00+10:30",
        "2026-04-05T02:00:00+10:30",
    ),
    # clocks forward at midnight, back over midnight (St. John's, to 2011), and a day that never was
    ("Africa/Cairo", "2026-04-24T12:00:00+03:00", "1d", "2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"),
    ("America/St_Johns", "2010-11-06T23:30:00-03:30", "1d", "2010-11-07T00:00:00-02:30", "2010-11-08T00:00:00-03:30"),
    ("Pacific/Apia", "2011-12-29T12:00:00-10:00", "1d", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"),
]


def seconds(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


@pytest.mark.parametrize(("zone", "moment", "name", "start", "end"), EXPECTED)
def test_a_window_begins_and_ends_as_the_calendar_says(zone: str, moment: str, name: str, start: str, end: str) -> None:
    """To the second."""
    window = Calendar(ZoneInfo(zone)).window(name, seconds(moment))
    assert tuple(window) == (seconds(start), seconds(end))


def changes(zone: ZoneInfo, since: int, until: int) -> list[int]:
    """When clocks are set, to the second."""

    def offset(at: int) -> object:
        return datetime.fromtimestamp(at, zone).utcoffset()

    found = []
    for day in range(since, until, 86400):
        low, high = day, day + 86400
        if offset(low) != offset(high):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
            found.append(high)
    return found


def test_windows_have_no_gap_and_no_overlap_wherever_clocks_are_set() -> None:
    """Every zone there is, about each time its clocks are set in three years: each moment is in one window."""
    since, until = int(seconds("2024-01-01T00:00:00+00:00")), int(seconds("2027-01-01T00:00:00+00:00"))
    seen = 0
    for name in sorted(available_timezones()):
        calendar = Calendar(ZoneInfo(name))
        for change in changes(ZoneInfo(name), since, until):
            seen += 1
            for moment in (change - 1, change, change + 1799, change + 3600):
                for window in WINDOWS:
                    start, end = calendar.window(window, moment)
                    assert start <= moment < end, (name, window, moment)
                    assert calendar.window(window, end - 1) == (start, end), (name, window, moment)
                    assert calendar.window(window, start) == (start, end), (name, window, moment)
                    assert calendar.window(window, end).start == end, (name, window, moment)
                    assert window != "1h" or end - start <= 3600, (name, window, moment)
    assert seen > 500


def test_a_period_ends_at_the_next_boundary_of_any_kind() -> None:
    """Windows' and others': nothing counted in a period falls to two prices or two windows."""
    noon = int(seconds("2026-03-03T12:00:00+00:00"))
    calendar = Calendar(ZoneInfo("UTC"), ("1h", "1d"), [noon + 1800.5])
    first, second = calendar.period(noon), calendar.period(noon + 1800.5)
    assert (first.start, first.end) == (noon, noon + 1800.5)
    assert (second.start, second.end) == (noon + 1800.5, noon + 3600)
    assert first.windows == second.windows == {"1h": (noon, noon + 3600), "1d": (noon - 43200, noon + 43200)}
    assert calendar.period(noon + 1800.25) is first


def test_without_windows_only_boundaries_divide() -> None:
    """And without either nothing does."""
    assert not Calendar(ZoneInfo("UTC"), ()).divides
    calendar = Calendar(ZoneInfo("UTC"), (), [100.0])
    assert calendar.divides
    assert calendar.period(99)[:2] == (0.0, 100.0)
    assert calendar.period(100)[:2] == (100.0, float("inf"))


def test_a_zone_that_is_none_is_told_with_the_near_miss() -> None:
    """Names are IANA's."""
    with pytest.raises(ValueError, match=r"^unknown timezone 'Europe/Berln': did you mean 'Europe/Berlin'\?$"):
        time_zone("Europe/Berln")
    for name in ("Europe", "../etc/passwd", "x" * 300, ""):
        with pytest.raises(ValueError, match="unknown timezone"):
            time_zone(name)
