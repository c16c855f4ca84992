"""Costs and capacity: this week, the week before, and where it leads.

By the method of the dashboards: the next days cost as much as the last seven did, or, if growth goes on, every week
adds what the last one added to the one before.
"""

from typing import Any, NamedTuple

from exporter.model.growth import GROWN, HOUR, UNSTEADY
from exporter.usage.counters import MissingError
from exporter.usage.prometheus import Prometheus
from exporter.usage.scope import Scope, Terms
from exporter.usage.select import selector
from exporter.usage.words import CAPACITY

_WEEK = 7 * 86400
# A few hours may be missing of a week that counts as whole.
_HOURS_OF_A_WEEK = 160
_AHEAD = {"nextMonth": 30, "nextQuarter": 91, "nextYear": 365}
_CAPACITY_DAYS = 30


class Week(NamedTuple):
    """What a week came to."""

    requests: float
    failed: float
    seconds: float
    timed: float
    sent: float
    models: float

    def cost(self, terms: Terms) -> float:
        """Requests, traffic and models."""
        return self.requests / 1000 * terms.thousand_requests + self.sent / 1e9 * terms.gigabyte + self.models

    @property
    def latency(self) -> float | None:
        """The average, in milliseconds."""
        return 1000 * self.seconds / self.timed if self.timed else None


class Ahead:
    """Looks ahead from the end of a scope. The weeks are of recorded hours."""

    def __init__(self, prometheus: Prometheus, scope: Scope, terms: Terms) -> None:
        self._prometheus = prometheus
        self._scope = scope
        self._terms = terms
        self._weeks: tuple[Week, Week] | None = None

    @property
    def weeks(self) -> tuple[Week, Week]:
        """This week and the week before. MissingError if they were not recorded."""
        if self._weeks is None:
            for back in (0, _WEEK):
                self._check_recorded(back)
            self._weeks = self._week(0), self._week(_WEEK)
        return self._weeks

    def costs(self) -> dict[str, Any]:
        """What the next month, quarter and year cost."""
        week, before = (week.cost(self._terms) for week in self.weeks)
        return {
            name: {
                "atThisRate": _money(days / 7 * week),
                "ifGrowthGoesOn": _money(_growing(week, before, days)),
            }
            for name, days in _AHEAD.items()
        }

    def capacity(self) -> dict[str, Any]:
        """Load an hour, now and in a month, with what to do."""
        week, before = self.weeks
        weeks = _CAPACITY_DAYS / 7
        hours = _WEEK / HOUR
        now: dict[str, float | None] = {
            "requestsPerHour": week.requests / hours,
            "failedPerHour": week.failed / hours,
            "averageLatency": week.latency,
        }
        then: dict[str, float | None] = {
            "requestsPerHour": _on(week.requests, before.requests, weeks) / hours,
            "failedPerHour": _on(week.failed, before.failed, weeks) / hours,
            "averageLatency": None
            if week.latency is None or before.latency is None
            else _on(week.latency, before.latency, weeks),
        }
        rounded = [
            {name: None if value is None else round(value, 2) for name, value in spending.items()}
            for spending in (now, then)
        ]
        return {"now": rounded[0], "projected": rounded[1], "recommendations": _recommended(now, then)}

    def _check_recorded(self, back: float) -> None:
        query = f"count_over_time({UNSTEADY}[{_WEEK // HOUR}h])"
        found = self._prometheus.instant(query, self._scope.end - back)
        hours = found[0].value if found else 0
        if hours < _HOURS_OF_A_WEEK:
            raise MissingError(f"needs 14 days of recorded hours; of a week of them {hours:.0f} of 168 are there")

    def _week(self, back: float) -> Week:
        if self._scope.model:
            requests, failed, durations = "gateway_model_requests_total", "", "gateway_model_request_duration_seconds"
        else:
            requests, failed = "gateway_requests_total", "gateway_errors_total"
            of = "key_request" if self._scope.keys else "request"
            durations = f"gateway_{of}_duration_seconds"
        names = (requests, failed, f"{durations}_sum", f"{durations}_count", "gateway_response_bytes_total")
        return Week(*(self._grown(name, back) for name in (*names, "gateway_cost_total")))

    def _grown(self, counter: str, back: float) -> float:
        """The growth in a week; 0 where no series says it."""
        where = self._scope.where()
        recorded = next((grown for grown in GROWN if grown.counter == counter and {*where} <= {*grown.labels}), None)
        if recorded is None:
            return 0.0
        query = f"sum(sum_over_time({selector(recorded.name, where | self._terms.match)}[{_WEEK // HOUR}h]))"
        found = self._prometheus.instant(query, self._scope.end - back)
        return found[0].value if found else 0.0


def _growing(week: float, before: float, days: int) -> float:
    weeks = days / 7
    return max(weeks * week + weeks * (weeks + 1) / 2 * (week - before), 0.0)


def _on(week: float, before: float, weeks: float) -> float:
    return max(week + weeks * (week - before), 0.0)


def _money(amount: float) -> float:
    return round(amount, 6)


def _recommended(now: dict[str, float | None], then: dict[str, float | None]) -> list[str]:
    def more(name: str, factor: float) -> bool:
        return (then[name] or 0.0) > factor * (now[name] or 0.0) > 0

    found = [CAPACITY["requests"]] if more("requestsPerHour", 1.5) else []
    found += [CAPACITY["latency"]] if more("averageLatency", 1.1) else []
    requests = (then["requestsPerHour"] or 0.0) / (now["requestsPerHour"] or 1.0)
    found += [CAPACITY["errors"]] if more("failedPerHour", max(requests, 1.0) * 1.1) else []
    return found or [CAPACITY["none"]]
