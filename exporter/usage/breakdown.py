"""The breakdown of a report: by endpoint, HTTP method, status code, key, model, chain and origin."""

from typing import Any

from exporter.model import catalog
from exporter.usage.counters import Amounts, MissingError
from exporter.usage.facts import Facts

Row = dict[str, Any]

_HISTOGRAMS = {"key": catalog.KEY_REQUEST_DURATION_SECONDS, "model": catalog.MODEL_REQUEST_DURATION_SECONDS}
_VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")


class Breakdown:
    """The lists of a breakdown; each is None where no series has it. `requests` and `failed` are of the whole scope."""

    def __init__(self, facts: Facts, requests: float, failed: float | None) -> None:
        self._facts = facts
        self._requests = requests
        self._failed = failed

    def rows(self) -> dict[str, list[Row] | None]:
        """All lists."""
        calls = self._known("byEndpoint", lambda: self._facts.grown(catalog.CALLS, "method", "result"))
        return {
            "byEndpoint": None if calls is None else self._endpoints(calls),
            "byMethod": None if calls is None else self._verbs(calls),
            "byStatusCode": self._statuses(),
            "byKey": self._by("byKey", "key", "key"),
            "byModel": self._models(),
            "byChain": self._by("byChain", "chain", "chain"),
            "byOrigin": self._origins(),
        }

    def _endpoints(self, calls: Amounts) -> list[Row]:
        rows = self._of_calls(calls, "endpoint", lambda method: method)
        latency = None
        if not {*self._facts.scope.where()} - {"chain"}:
            latency = self._known("byEndpoint[].averageLatency", lambda: self._facts.latency("method"))
        else:
            self._facts.reasons["breakdown.byEndpoint[].averageLatency"] = (
                "latency is kept by endpoint, and by key, but not by both"
            )
        data = self._known("byEndpoint[].dataTransferred", lambda: self._facts.bytes_by("method"))
        for row in rows:
            place = (row["endpoint"],)
            row["averageLatency"] = None if latency is None else _rounded(latency.get(place))
            row["dataTransferred"] = None if data is None else round(data.get(place, 0.0))
        return rows

    def _verbs(self, calls: Amounts) -> list[Row]:
        """JSON-RPC is POST: what is no other verb. A batch is one request there, whatever its calls."""
        rows = [row for row in self._of_calls(calls, "method", _verb) if row["method"] != "POST"]
        rest = self._requests - sum(row["requests"] for row in rows)
        if rest > 0:
            failed = None if self._failed is None else self._failed - sum(row.pop("_failed") for row in rows)
            rows.append(self._row("method", "POST", rest, self._requests, failed))
        for row in rows:
            row.pop("_failed", None)
        return rows

    def _of_calls(self, calls: Amounts, name: str, called: Any) -> list[Row]:
        number: dict[str, float] = {}
        failed: dict[str, float] = {}
        for (method, result), amount in calls.items():
            place = called(method)
            number[place] = number.get(place, 0.0) + amount
            failed[place] = failed.get(place, 0.0) + (amount if result == "error" else 0.0)
        all_ = sum(number.values())
        rows = [self._row(name, place, amount, all_, failed[place]) for place, amount in number.items()]
        for row in rows if name == "method" else ():
            row["_failed"] = failed[row[name]]
        return rows

    def _statuses(self) -> list[Row] | None:
        found = self._known("byStatusCode", lambda: self._facts.requests("status"))
        if found is None:
            return None
        self._facts.reasons["breakdown.byStatusCode[].averageLatency"] = "latency is not kept by status"
        return [
            self._row("statusCode", status, amount, self._requests) | {"averageLatency": None}
            for (status,), amount in found.items()
        ]

    def _by(self, place: str, name: str, label: str) -> list[Row] | None:
        """By key or chain."""
        facts = self._facts
        found = self._known(place, lambda: facts.requests(label))
        if found is None:
            return None
        failed = self._known(f"{place}[].successRate", lambda: facts.failed(label))
        latency = self._known(f"{place}[].averageLatency", lambda: self._latency(label))
        data = self._known(f"{place}[].dataTransferred", lambda: facts.bytes_by(label))
        cost = self._known(f"{place}[].cost", lambda: facts.grown(catalog.COST, label)) if label == "key" else None
        rows = []
        for labels, amount in found.items():
            row = self._row(
                name, labels[0], amount, self._requests, None if failed is None else failed.get(labels, 0.0)
            )
            row["averageLatency"] = None if latency is None else _rounded(latency.get(labels))
            row["dataTransferred"] = None if data is None else round(data.get(labels, 0.0))
            if label == "key":
                row["cost"] = None if cost is None else round(cost.get(labels, 0.0), 6)
            rows.append(row)
        return rows

    def _latency(self, label: str) -> dict[tuple[str, ...], float]:
        """By key or model, from the histogram of theirs."""
        facts, own = self._facts, _HISTOGRAMS.get(label)
        where = facts.scope.where()
        if own is None:
            return facts.latency(label)
        if lacking := {*where} - {*own.labels}:
            words = " or ".join(sorted(lacking))
            raise MissingError(f"latency is kept by {label}, but not by {label} and {words}")
        name = own.name
        total, count = (facts.counters.grown(f"{name}_{part}", (label,), where) for part in ("sum", "count"))
        return {labels: 1000 * total.get(labels, 0.0) / number for labels, number in count.items() if number}

    def _models(self) -> list[Row] | None:
        facts = self._facts
        found = self._known("byModel", lambda: facts.grown(catalog.MODEL_REQUESTS, "model"))
        if found is None:
            return None
        tokens = self._known("byModel[].tokens", lambda: facts.grown(catalog.TOKENS, "model", "type")) or {}
        cost = self._known("byModel[].cost", lambda: facts.grown(catalog.COST, "model")) or {}
        latency = self._known("byModel[].averageLatency", lambda: self._latency("model"))
        all_ = sum(found.values())
        rows = []
        for (model,), amount in found.items():
            row = self._row("model", model, amount, all_)
            row["tokens"] = {type_: round(n) for (name, type_), n in sorted(tokens.items()) if name == model}
            row["averageLatency"] = None if latency is None else _rounded(latency.get((model,)))
            row["cost"] = round(cost.get((model,), 0.0), 6)
            rows.append(row)
        return rows

    def _origins(self) -> list[Row] | None:
        found = self._known("byOrigin", lambda: self._facts.grown(catalog.ORIGIN_REQUESTS, "origin"))
        if found is None:
            return None
        all_ = sum(found.values())
        return [self._row("origin", origin, amount, all_) for (origin,), amount in found.items()]

    def _row(self, name: str, value: str, amount: float, all_: float, failed: float | None = None) -> Row:
        row: Row = {name: value, "requests": round(amount), "percentage": percent(amount, all_)}
        if failed is not None:
            row["successRate"] = percent(amount - failed, amount)
        return row

    def _known(self, place: str, question: Any) -> Any:
        return self._facts.known(f"breakdown.{place}", question)


def percent(part: float, whole: float) -> float | None:
    """A share in percent, of nothing None."""
    return round(100 * part / whole, 4) if whole else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _verb(method: str) -> str:
    first = method.split(" ", maxsplit=1)[0]
    return first if first in _VERBS else "POST"
