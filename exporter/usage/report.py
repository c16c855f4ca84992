"""The report: everything about the usage of a scope, as docs/usage.md and its OpenAPI document describe it.

What no series says is None, and `reasons` says why.
"""

import time
from collections.abc import Callable
from typing import Any

from exporter.model import catalog
from exporter.usage.ahead import Ahead
from exporter.usage.breakdown import Breakdown, Row, percent
from exporter.usage.counters import Amounts, Counters, Steps
from exporter.usage.division import divide
from exporter.usage.facts import Facts
from exporter.usage.judgement import alerts, bottlenecks, trend
from exporter.usage.kept import Filling, Keeper
from exporter.usage.limits import rate_limits
from exporter.usage.moments import shown
from exporter.usage.prometheus import Prometheus
from exporter.usage.scope import Scope, Terms
from exporter.usage.steps import Timeline, whole
from exporter.usage.words import ERRORS

Json = dict[str, Any]

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


class Report:
    """Builds the report of a scope. `progress` is called before each part, with its name. `keeper` has single requests,
    which fill what no series says.
    """

    def __init__(
        self,
        prometheus: Prometheus,
        scope: Scope,
        terms: Terms,
        progress: Callable[[str], object] = lambda _: None,
        keeper: Keeper | None = None,
    ) -> None:
        self._prometheus = prometheus
        self._keeper = keeper
        self._scope = scope
        self._terms = terms
        self._progress = progress

    def build(self) -> Json:
        """The whole report. QueryError if Prometheus does not answer; UsageError if the scope is not possible."""
        scope, terms = self._scope, self._terms
        self._progress("usage")
        division = divide(self._prometheus, terms.match, scope.begin, scope.end)
        counters = Counters(self._prometheus, terms.families, terms.match, division)
        facts = self._facts = Facts(self._prometheus, scope, terms, counters)
        timeline = Timeline(self._prometheus, scope, terms, counters)
        usage = self._usage(facts)
        self._progress("time series")
        series, halves = self._time_series(timeline)
        usage["peakRequestsPerHour"] = self._peak_per_hour(counters)
        self._progress("breakdown")
        breakdown = Breakdown(facts, usage["totalRequests"], usage["failedRequests"]).rows()
        self._progress("single requests")
        filling = Filling(self._keeper, scope, facts.reasons)
        filling.fill(usage, series, breakdown, timeline.step_of)
        self._progress("errors and limits")
        limits = rate_limits(facts)
        judged = bottlenecks(breakdown["byEndpoint"], limits, terms)
        self._progress("costs and capacity")
        ahead = Ahead(self._prometheus, scope, terms)
        costs = self._costs(usage, ahead)
        capacity = facts.known("capacity", ahead.capacity)
        pages, pagination = self._paged(breakdown)
        return {
            "timestamp": shown(time.time()),
            "from": shown(scope.begin),
            "to": shown(scope.end),
            "granularity": scope.granularity,
            "keys": None if scope.keys is None else list(scope.keys),
            "chain": scope.chain or None,
            "model": scope.model or None,
            "usage": usage,
            "timeSeries": self._sorted(series),
            "breakdown": pages,
            "errors": self._errors(facts, usage),
            "rateLimits": limits,
            "alerts": alerts(usage, limits, terms),
            "trends": {name: trend(*both) for name, both in halves.items()},
            "bottlenecks": judged,
            "costs": costs,
            "capacity": capacity,
            "pagination": pagination,
            "reasons": facts.reasons,
            "sources": filling.sources,
            "notes": division.notes,
        }

    def _usage(self, facts: Facts) -> Json:
        # Long, as each number is a question of its own.
        scope = self._scope
        requests = facts.known("usage.totalRequests", lambda: _all(facts.requests())) or 0.0
        failed = facts.known("usage.failedRequests", lambda: _all(facts.failed()))
        latency = facts.known("usage.averageLatency", facts.latency)
        data = facts.known("usage.dataTransferred", lambda: _all(facts.bytes_by()))
        tokens = facts.known("usage.tokens", lambda: facts.grown(catalog.TOKENS, "type"))
        cost = facts.known("usage.cost", lambda: _all(facts.grown(catalog.COST)))
        peak = facts.known("usage.peakLatency", facts.peak_latency)
        per_minute = facts.known("usage.peakRequestsPerMinute", facts.peak_per_minute)
        return {
            "totalRequests": round(requests),
            "successfulRequests": None if failed is None else round(requests - failed),
            "failedRequests": None if failed is None else round(failed),
            "successRate": None if failed is None else percent(requests - failed, requests),
            "averageLatency": _rounded((latency or {}).get(())),
            "peakLatency": _rounded(peak),
            **{
                name: round(requests * seconds / scope.seconds, 4)
                for name, seconds in (
                    ("requestsPerMinute", _MINUTE),
                    ("requestsPerHour", _HOUR),
                    ("requestsPerDay", _DAY),
                )
            },
            "peakRequestsPerMinute": _rounded(per_minute),
            "peakRequestsPerHour": None,
            "dataTransferred": None if data is None else round(data),
            "averageDataPerRequest": None if data is None or not requests else round(data / requests, 2),
            "tokens": None if tokens is None else {type_: round(n) for (type_,), n in sorted(tokens.items())},
            "cost": None if cost is None else round(cost, 6),
            "currency": self._terms.currency,
        }

    def _peak_per_hour(self, counters: Counters) -> float | None:
        family = catalog.MODEL_REQUESTS if self._scope.model else catalog.REQUESTS
        hours = self._facts.known("usage.peakRequestsPerHour", lambda: counters.hours(family.name, self._scope.where()))
        if hours == []:
            self._facts.reasons["usage.peakRequestsPerHour"] = "no whole hour of this time was recorded"
        return round(max(hours)) if hours else None

    def _sorted(self, series: dict[float, Row]) -> list[Row]:
        backwards = self._scope.sort == "timestamp" and self._scope.order == "desc"
        return [series[at] for at in sorted(series, reverse=backwards)]

    def _time_series(self, timeline: Timeline) -> tuple[dict[float, Row], dict[str, tuple[float | None, float | None]]]:
        """Rows by the begin of their step, and what the halves of the time came to."""
        # Long, as each number is a question of its own.
        facts, scope = self._facts, self._scope

        def steps(place: str, counter: str, *by: str) -> Steps | None:
            return facts.known(f"timeSeries[].{place}", lambda: timeline.grown(counter, *by))

        durations = facts.durations.name
        requests = steps("requests", (catalog.MODEL_REQUESTS if scope.model else catalog.REQUESTS).name) or {}
        if scope.model:
            failed = steps("failedRequests", catalog.MODEL_REQUESTS.name, "status")
            failed = None if failed is None else {at: _failures(amounts) for at, amounts in failed.items()}
        else:
            failed = steps("failedRequests", catalog.ERRORS.name)
        seconds, timed = (steps("averageLatency", f"{durations}_{part}") for part in ("sum", "count"))
        received, sent = (
            steps("dataTransferred", family.name) for family in (catalog.REQUEST_BYTES, catalog.RESPONSE_BYTES)
        )
        tokens = steps("tokens", catalog.TOKENS.name)
        cost = steps("cost", catalog.COST.name)
        facts.reasons["timeSeries[].peakLatency"] = "the slowest request is kept for the whole time only"
        all_ = {
            name: None if found is None else whole(found)
            for name, found in (
                ("requests", requests),
                ("failed", failed),
                ("seconds", seconds),
                ("timed", timed),
                ("received", received),
                ("sent", sent),
                ("tokens", tokens),
                ("cost", cost),
            )
        }
        rows = {
            at: _step(at, {name: None if of_step is None else of_step.get(at, 0.0) for name, of_step in all_.items()})
            for at in timeline.edges[:-1]
        }
        halves = {
            "requests": _halves(all_["requests"], scope),
            "latency": _mean_halves(all_["seconds"], all_["timed"], scope),
            "errors": _halves(all_["failed"], scope),
        }
        return rows, halves

    def _errors(self, facts: Facts, usage: Json) -> Json | None:
        if facts.of_model:
            facts.reasons["errors"] = "errors are kept by method and key, not by model"
            return None
        found = facts.known("errors", lambda: facts.grown(catalog.ERRORS, "method", "status", "type"))
        if found is None:
            return None
        number = sum(found.values())

        def by(place: int, name: str) -> list[Row]:
            counted: dict[str, float] = {}
            for labels, amount in found.items():
                counted[labels[place]] = counted.get(labels[place], 0.0) + amount
            ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
            return [{name: value, "count": round(n), "percentage": percent(n, number)} for value, n in ordered]

        types = [row | {"description": ERRORS.get(row["type"], "")} for row in by(2, "type")]
        return {
            "totalErrors": round(number),
            "errorRate": percent(number, usage["totalRequests"]),
            "byType": types,
            "byEndpoint": by(0, "endpoint"),
            "byStatusCode": by(1, "statusCode"),
        }

    def _costs(self, usage: Json, ahead: Ahead) -> Json:
        terms, facts = self._terms, self._facts
        requests = usage["totalRequests"] / 1000 * terms.thousand_requests
        sent = facts.known("costs.data", lambda: _all(facts.grown(catalog.RESPONSE_BYTES)))
        data = None if sent is None else sent / 1e9 * terms.gigabyte
        parts = [requests, data, usage["cost"]]
        if self._scope.chain:
            facts.reasons["costs.projected"] = "costs of traffic and models are not kept by chain"
            projected = None
        else:
            projected = facts.known("costs.projected", ahead.costs)
        return {
            "currency": terms.currency,
            "requests": round(requests, 6),
            "data": None if data is None else round(data, 6),
            "tokens": usage["cost"],
            "current": round(sum(part for part in parts if part is not None), 6),
            "projected": projected,
        }

    def _paged(self, breakdown: dict[str, list[Row] | None]) -> tuple[Json, Json]:
        """Each list sorted, and the part of it that was asked for."""
        scope = self._scope
        longest = max((len(rows) for rows in breakdown.values() if rows), default=0)
        pages: Json = {}
        for name, rows in breakdown.items():
            label = next(iter(rows[0])) if rows else ""
            ordered = sorted(rows or (), key=lambda row: (_weight(row, scope.sort), row[label]), reverse=True)
            if scope.order == "asc":
                ordered.reverse()
            pages[name] = None if rows is None else ordered[scope.offset : scope.offset + scope.limit]
        more = scope.offset + scope.limit < longest
        return pages, {"total": longest, "limit": scope.limit, "offset": scope.offset, "hasMore": more}


def _all(amounts: Amounts) -> float:
    return sum(amounts.values())


def _failures(amounts: Amounts) -> Amounts:
    return {labels: n for labels, n in amounts.items() if not labels[0].startswith(("1", "2", "3"))}


def _step(at: float, now: dict[str, float | None]) -> Row:
    requests, failed, timed = now["requests"] or 0.0, now["failed"], now["timed"]
    data = None if now["received"] is None or now["sent"] is None else now["received"] + now["sent"]
    return {
        "timestamp": shown(at),
        "requests": round(requests),
        "successfulRequests": None if failed is None else round(requests - failed),
        "failedRequests": None if failed is None else round(failed),
        "averageLatency": round(1000 * (now["seconds"] or 0.0) / timed, 3) if timed else None,
        "peakLatency": None,
        "dataTransferred": None if data is None else round(data),
        "tokens": None if now["tokens"] is None else round(now["tokens"]),
        "cost": None if now["cost"] is None else round(now["cost"], 6),
    }


def _halves(steps: dict[float, float] | None, scope: Scope) -> tuple[float | None, float | None]:
    if steps is None or len(steps) < 2:
        return None, None
    middle = (scope.begin + scope.end) / 2
    first = sum(amount for at, amount in steps.items() if at < middle)
    return first, sum(steps.values()) - first


def _mean_halves(
    seconds: dict[float, float] | None, timed: dict[float, float] | None, scope: Scope
) -> tuple[float | None, float | None]:
    sums, counts = _halves(seconds, scope), _halves(timed, scope)
    first, second = (None if not part or not n else part / n for part, n in zip(sums, counts, strict=True))
    return first, second


def _weight(row: Row, sort: str) -> float:
    """What a row is sorted by; rows without it come last."""
    if sort == "errors":
        success = row.get("successRate")
        return 0.0 if success is None else float(row["requests"] * (100 - success))
    name = {"latency": "averageLatency", "cost": "cost"}.get(sort, "requests")
    return float(row.get(name) or 0.0)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
