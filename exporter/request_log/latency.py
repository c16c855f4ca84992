"""The latencies of the kept requests of a scope, for reports of usage."""

import logging
from collections.abc import Callable

from exporter.errors import ExporterError
from exporter.request_log.filters import Filter
from exporter.request_log.key_names import KeyNames
from exporter.request_log.log import RequestLogSettings
from exporter.request_log.search import Search, TooLongError
from exporter.usage.kept import Kept, Latency
from exporter.usage.scope import Scope

log = logging.getLogger(__name__)

# A report does not wait longer.
_PATIENCE_SECONDS = 5.0
# Steps of a report begin at multiples of a minute; days, weeks and months at those of a quarter of an hour.
_MINUTE_MS, _QUARTER_MS = 60_000, 900_000
_LATENCY = "CASE WHEN k.timed THEN r.duration END"
_NUMBERS = f"count(*), count({_LATENCY}), total({_LATENCY}), coalesce(max({_LATENCY}), 0)"
_FAILED = "k.error_type IS NOT NULL"


class KeptLatency:
    """Searches a request log. `near` is how many seconds after its end a request may be counted first."""

    def __init__(self, settings: RequestLogSettings, near: float) -> None:
        self._settings = settings
        self._near = near
        self.sampled = settings.successes < 1 or settings.failures < 1

    def kept(self, scope: Scope, step_of: Callable[[float], float]) -> Kept:
        """What is kept of a scope. ExporterError if it can't be searched, or not in time; the log says where."""
        try:
            return self._kept(scope, step_of)
        except TooLongError:
            raise ExporterError("the search among single requests took too long") from None
        except ExporterError as error:
            log.warning("%s", error)
            raise ExporterError("single requests can't be searched at present") from None

    def _kept(self, scope: Scope, step_of: Callable[[float], float]) -> Kept:
        search = Search(self._settings.path, KeyNames(), self._settings.keep, _PATIENCE_SECONDS)
        found = Kept(since=search.first_time())
        begin, end = scope.begin, scope.end
        whole = _filter(scope, begin, end)
        labels = ("method", "status", "model")
        columns = ", ".join(f"coalesce(k.{label}, '')" for label in labels)
        for failed, *values, number, timed, total, largest in search.grouped(
            whole, f"{_FAILED}, {columns}, {_NUMBERS}", "r.kind"
        ):
            weight = self._weight(failed)
            found.number += weight * number
            found.variance += weight * (weight - 1) * number
            latency = Latency(weight * timed, weight * total / 1000, largest / 1000)
            for label, value in zip(labels, values, strict=True):
                if timed:
                    found.by.setdefault(label, {}).setdefault(value, Latency()).add(latency)
        of_step = _MINUTE_MS if scope.granularity == "minute" else _QUARTER_MS
        part = f"r.time / {of_step}"
        for at, largest in search.grouped(whole, f"{part}, max({_LATENCY})", part):
            if largest is not None:
                step = step_of(max(at * of_step / 1000, begin))
                found.steps[step] = max(found.steps.get(step, 0.0), largest / 1000)
        found.before_begin = self._number(search, scope, begin)
        found.before_end = self._number(search, scope, end)
        return found

    def _number(self, search: Search, scope: Scope, before: float) -> float:
        """How many there are shortly before a time."""
        near = _filter(scope, before - self._near, before)
        rows = search.grouped(near, f"{_FAILED}, count(*)", _FAILED)
        return sum((self._weight(failed) * int(number) for failed, number in rows), 0.0)

    def _weight(self, failed: int) -> float:
        """How many requests a kept one stands for."""
        share = self._settings.failures if failed else self._settings.successes
        return 1 / share if share else 1.0


def _filter(scope: Scope, begin: float, end: float) -> Filter:
    found = Filter(since=round(begin * 1000), until=round(end * 1000))
    for label, values in scope.where().items():
        places = ", ".join("?" * len(values))
        found.add(f"kind IN (SELECT id FROM kind WHERE coalesce({label}, '') IN ({places}))", *values)
    return found
