"""What the gateway cost over a time, and what it will: requests and bytes at typed prices, and models."""

from dashboards.metrics import Metrics
from dashboards.promql import total
from exporter.config.served import ABSENT

# The time that the page asks for, also within a subquery, where `time()` is each of its steps.
_END = "last_over_time(vector(time())[1m:1m] @ end())"
# A recorded hour stands at its end: that of midnight belongs to the month before.
_IN_THIS_MONTH = f"and on () (month(vector(time() - 1)) == month({_END}))"
_DAYS_LEFT = (
    "(days_in_month(vector(time())) - day_of_month(vector(time())) + 1"
    " - hour(vector(time())) / 24 - minute(vector(time())) / 1440)"
)
_READ = ("key:gateway_requests", "key:gateway_response_bytes", "key_model:gateway_cost")
# A few hours may be missing of a week that counts as whole.
HOURS_OF_A_WEEK = 160


class Costs:
    """Queries by whatever labels; each part is nothing where there is none of it."""

    def __init__(self, m: Metrics) -> None:
        self._m = m

    def requests(self, at: str = "") -> str:
        """Requests of the last day."""
        return self._m.hours("key:gateway_requests", hours=24, at=at)

    def parts(self, at: str = "", hours: int = 24, by: str = "") -> dict[str, str]:
        """What a time cost, part by part."""
        return _priced(*(self._m.hours(name, by=by, hours=hours, at=at) for name in _READ))

    def all(self, at: str = "", hours: int = 24, by: str = "") -> str:
        """What a time cost."""
        return _sum(self.parts(at, hours, by), by)

    def day(self, at: str = "") -> str:
        """What the last 24 whole hours cost."""
        return self.all(at)

    def week(self) -> str:
        """What the last seven days cost; nothing before there are seven."""
        return self._if_whole(self.all(hours=24 * 7), "")

    def week_before(self) -> str:
        """What the seven days before them cost; nothing where they are not whole."""
        return self._if_whole(self.all("offset 7d", 24 * 7), " offset 7d")

    def this_month(self) -> str:
        """What this month cost up to now."""
        return _sum(_priced(*(self._of_this_month(name) for name in _READ)))

    def whole_month(self) -> str:
        """What this month will cost, if the days that are left are as the last seven; nothing before there is a day."""
        days = f"{self._hours_of_a_week()} / 24 >= 1"
        return f"({self.this_month()}) + {_DAYS_LEFT} * ({self.all(hours=24 * 7)}) / ({days})"

    def at_this_rate(self, days: int) -> str:
        """What the next days cost, if they are as the last seven."""
        return f"{days / 7:.4g} * ({self.week()})"

    def growing(self, days: int) -> str:
        """What the next days cost, if every week adds what the last one added to the one before."""
        weeks = days / 7
        added = f"(({self.week()}) - ({self.week_before()}))"
        return f"clamp_min({weeks:.4g} * ({self.week()}) + {weeks * (weeks + 1) / 2:.5g} * {added}, 0)"

    def _of_this_month(self, name: str) -> str:
        summed = (
            total(f"sum_over_time(({hourly} {_IN_THIS_MONTH})[31d:1h]) or {hourly}")
            for hourly in self._m.levels(f"{name}:increase1h")
        )
        return f"({' or '.join(summed)})"

    def _if_whole(self, query: str, at: str) -> str:
        return f"({query}) and on () ({self._hours_of_a_week(at)} >= {HOURS_OF_A_WEEK})"

    def _hours_of_a_week(self, at: str = "") -> str:
        """How many were recorded."""
        levels = self._m.levels("key:gateway_requests:increase1h")
        return f"({' or '.join(f'count_over_time(({total(each)})[{24 * 7 * 60 - 1}m:1h]{at})' for each in levels)})"


def _priced(requests: str, sent: str, models: str) -> dict[str, str]:
    return {
        "requests": f"{requests} / 1000 * $request_price",
        "bytes sent": f"{sent} / 1e9 * $gigabyte_price",
        "models": models,
    }


def _sum(parts: dict[str, str], by: str = "") -> str:
    """Their sum, each read once; of those that there are."""
    apart = (
        f'label_replace({query}, "part", "{name}", "", "")' for name, query in parts.items() if ABSENT not in query
    )
    return total(" or ".join(apart), by) if ABSENT not in parts["requests"] else ABSENT
