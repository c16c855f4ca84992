"""The config's section `alerts.notify.time_intervals`.

Source: https://prometheus.io/docs/alerting/latest/configuration/#time_interval
"""

from typing import Annotated

from msgspec import Meta, field

from exporter.yaml_file import Part


def _ranges(value: str) -> str:
    return rf"\A(?i:({value})(:({value}))?)\Z"


_DAYS = "sunday|monday|tuesday|wednesday|thursday|friday|saturday"
_DATES = r"-?([1-9]|[12]\d|3[01])"
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december|1[0-2]|[1-9]"


_DAY, _MONTH, _YEAR = 'as 1, "1:5" or "-3:-1"', 'as may, 5 or "march:may"', 'as 2026 or "2026:2028"'

Time = Annotated[
    str,
    Meta(pattern=r"\A(([01]\d|2[0-3]):[0-5]\d|24:00)\Z", description='a time in quotes, as "07:30" or "24:00"'),
]
Weekday = Annotated[str, Meta(pattern=_ranges(_DAYS), description="a day or a range, as sunday or monday:friday")]
Day = (
    Annotated[int, Meta(ge=-31, le=31, description=_DAY)]
    | Annotated[str, Meta(pattern=_ranges(_DATES), description=_DAY)]
)
Month = (
    Annotated[int, Meta(ge=1, le=12, description=_MONTH)]
    | Annotated[str, Meta(pattern=_ranges(_MONTHS), description=_MONTH)]
)
Year = (
    Annotated[int, Meta(ge=1, description=_YEAR)] | Annotated[str, Meta(pattern=_ranges(r"\d{4}"), description=_YEAR)]
)


class TimeRange(Part):
    """A part of a day."""

    start_time: Time
    """When it begins."""
    end_time: Time
    """When it ends."""


class TimeInterval(Part):
    """Times at which all of these are so."""

    times: list[TimeRange] = field(default_factory=list)
    """Parts of a day."""
    weekdays: list[Weekday] = field(default_factory=list)
    """Days, such as `sunday` or `monday:friday`."""
    days_of_month: list[Day] = field(default_factory=list)
    """Days of a month, such as `1` or `1:5`; negative ones count from its end."""
    months: list[Month] = field(default_factory=list)
    """Months, such as `may`, `5` or `march:may`."""
    years: list[Year] = field(default_factory=list)
    """Years, such as `2026` or `2026:2028`."""
    location: str = ""
    """The time zone, such as `Europe/Berlin`; UTC if it is empty."""
