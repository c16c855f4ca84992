"""How much counters grew, exactly: what is recorded of it each hour, and the PromQL for it.

`increase()` extrapolates to the edges of its range. Our counters never fall and are born at zero, so the growth in a
window is a difference: the last value minus the last one before the window. A series that has a smaller value in
between had expired and was born again. It had been idle for at least an hour, so in windows of up to an hour its whole
new value is what it grew by.

Windows that follow each other share their edges, so their growth adds up exactly, also over gaps in scraping. A gap
hides what an exporter had counted when it was lost with its state, and the rebirth of a series that then came to more
than it had before.
"""

from msgspec import Struct

from exporter.durations import duration

# Since when an exporter's counters count. They restart from zero only if this changes.
FIRST_START = "gateway_exporter_first_start_timestamp_seconds"
# An exporter that misses scrapes keeps its last values for so long.
EDGE_SECONDS = 1200
# A recorded hour ends so long before it is recorded: scrapes that had begun are stored by then.
SETTLED_SECONDS = 60
HOUR = 3600
# How many exporters were not seen at both ends of the recorded hour, or lost their state in it: it is not exact then.
UNSTEADY = "fleet:gateway_exporter_unsteady:count1h"


class Grown(Struct, frozen=True):
    """A counter whose growth is recorded: by a level of labels, which are left of its own."""

    level: str
    counter: str
    labels: tuple[str, ...]

    @property
    def family(self) -> str:
        """The family in the catalogue."""
        return self.counter if self.counter.endswith("_total") else self.counter.rpartition("_")[0]

    @property
    def name(self) -> str:
        """The recorded series' name."""
        return f"{self.level}:{self.counter.removesuffix('_total')}:growth1h"


_SECONDS = ("seconds_sum", "seconds_count")
# Those with fewer series first: the first that has the labels answers a question.
GROWN = (
    Grown("fleet", "gateway_requests_total", ()),
    Grown("method", "gateway_calls_total", ("chain", "method", "result")),
    Grown("method", "gateway_errors_total", ("chain", "method", "status", "type")),
    Grown("method_status", "gateway_requests_total", ("chain", "method", "status")),
    *(Grown("method", f"gateway_request_duration_{part}", ("chain", "method")) for part in _SECONDS),
    *(Grown("model", f"gateway_model_request_duration_{part}", ("model", "provider")) for part in _SECONDS),
    Grown("model", "gateway_model_requests_total", ("model", "provider", "status")),
    Grown("model", "gateway_tokens_total", ("model", "provider", "type")),
    Grown("model", "gateway_cost_total", ("model", "provider", "currency")),
    Grown("origin", "gateway_origin_requests_total", ("origin",)),
    *(Grown("key", f"gateway_key_request_duration_{part}", ("key",)) for part in _SECONDS),
    Grown("key", "gateway_request_bytes_total", ("key",)),
    Grown("key", "gateway_response_bytes_total", ("key",)),
    Grown("key", "gateway_credits_total", ("key",)),
    Grown("key", "gateway_errors_total", ("key",)),
    Grown("key_status", "gateway_requests_total", ("key", "status")),
    Grown("key_chain", "gateway_requests_total", ("key", "chain")),
    Grown("key_model", "gateway_model_requests_total", ("key", "model", "provider")),
    Grown("key_model", "gateway_tokens_total", ("key", "model", "provider", "type")),
    Grown("key_model", "gateway_cost_total", ("key", "model", "provider", "currency")),
    Grown("key_method", "gateway_calls_total", ("key", "method", "result")),
    Grown("key_method", "gateway_errors_total", ("key", "method", "status", "type")),
    Grown("key_origin", "gateway_origin_requests_total", ("key", "origin")),
)


def growth(series: str, seconds: float, back: float = 0.0) -> str:
    """How much each series of a selector grew in a window of `seconds`, an hour at most, that ended `back` seconds ago.
    It holds for exporters that were seen at both its ends, with the same state.
    """
    newest = last(series, back, min(seconds, EDGE_SECONDS))  # not what was there before the window, and is gone
    before = last(series, back + seconds)
    least = f"min_over_time({series}[{duration(seconds)}]{_offset(back)})"
    return f"{newest} - ({before} <= {least}) or {newest}"


def growth_of_known(series: str, seconds: float, back: float = 0.0) -> str:
    """The same, without exporters that were not seen at the begin: nobody knows what they had counted by then."""
    return f"({growth(series, seconds, back)})\nand on (job, instance) {last(FIRST_START, back + seconds)}"


def recorded_growth(counter: str) -> str:
    """The growth in the last settled hour."""
    return growth_of_known(counter, HOUR, SETTLED_SECONDS)


def unsteady() -> str:
    """The number of exporters seen in a recorded hour for which it is not exact."""
    begin, end = last(FIRST_START, HOUR + SETTLED_SECONDS), last(FIRST_START, SETTLED_SECONDS)
    seen = f"last_over_time({FIRST_START}[{duration(HOUR + EDGE_SECONDS)}]{_offset(SETTLED_SECONDS)})"
    return f"count({seen}) - (count({end} == {begin}) or vector(0))"


def last(series: str, back: float = 0.0, edge: float = EDGE_SECONDS) -> str:
    """The last value of each series `back` seconds ago, at most `edge` seconds old then."""
    return f"last_over_time({series}[{duration(edge)}]{_offset(back)})"


def at_once(series: str) -> str:
    """The value of each series in the scrape at this very time."""
    return last(series, edge=0.001)


def _offset(back: float) -> str:
    return f" offset {duration(back)}" if back else ""
