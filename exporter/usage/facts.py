"""The numbers of a report: each question asked once, and why there is no answer where there is none."""

from collections.abc import Callable
from typing import TypeVar

from exporter.durations import duration
from exporter.model import catalog
from exporter.usage.counters import Amounts, Counters, MissingError
from exporter.usage.prometheus import Prometheus
from exporter.usage.scope import Scope, Terms
from exporter.usage.select import selector

T = TypeVar("T")

_HOUR = 3600.0


class Facts:
    """Numbers of a scope. `reasons` says of each place in the report why it is null."""

    def __init__(self, prometheus: Prometheus, scope: Scope, terms: Terms, counters: Counters) -> None:
        self.scope = scope
        self.counters = counters
        self.reasons: dict[str, str] = {}
        self._prometheus = prometheus
        self._terms = terms
        self.of_model = bool(scope.model)

    def known(self, place: str, question: Callable[[], T]) -> T | None:
        """The answer to a question; None, and the reason under `place`, if no series has it."""
        try:
            return question()
        except MissingError as missing:
            self.reasons[place] = str(missing)
            return None

    def has(self, family: catalog.Family) -> bool:
        """Whether a family is served."""
        return family.name in self._terms.families

    # --- counters

    def requests(self, *by: str) -> Amounts:
        """Requests by labels; of a model, those to it."""
        family = catalog.MODEL_REQUESTS if self.of_model else catalog.REQUESTS
        return self.counters.grown(family.name, by, self.scope.where())

    def failed(self, *by: str) -> Amounts:
        """Failed requests by labels. Errors have no model: of a model, those with a status of 400 or more."""
        if not self.of_model:
            return self.counters.grown(catalog.ERRORS.name, by, self.scope.where())
        found: Amounts = {}
        for (*labels, status), amount in self.requests(*by, "status").items():
            if not status.startswith(("1", "2", "3")):
                found[tuple(labels)] = found.get(tuple(labels), 0.0) + amount
        return found

    def grown(self, family: catalog.Family, *by: str) -> Amounts:
        """Any counter by labels."""
        return self.counters.grown(family.name, by, self.scope.where())

    def seconds(self, *by: str) -> tuple[Amounts, Amounts]:
        """The durations of requests by labels: their sum, and how many there are."""
        name = self.durations.name
        return (
            self.counters.grown(f"{name}_sum", by, self.scope.where()),
            self.counters.grown(f"{name}_count", by, self.scope.where()),
        )

    @property
    def durations(self) -> catalog.Family:
        """The histogram that has the durations of the scope."""
        if self.of_model:
            return catalog.MODEL_REQUEST_DURATION_SECONDS
        return catalog.KEY_REQUEST_DURATION_SECONDS if self.scope.keys else catalog.REQUEST_DURATION_SECONDS

    def latency(self, *by: str) -> dict[tuple[str, ...], float]:
        """The average duration by labels, in milliseconds."""
        total, count = self.seconds(*by)
        return {labels: 1000 * total.get(labels, 0.0) / number for labels, number in count.items() if number}

    def bytes_by(self, *by: str) -> Amounts:
        """Bytes in both directions by labels."""
        found = self.grown(catalog.REQUEST_BYTES, *by)
        for labels, amount in self.grown(catalog.RESPONSE_BYTES, *by).items():
            found[labels] = found.get(labels, 0.0) + amount
        return found

    # --- gauges and rates

    def peak_latency(self) -> float | None:
        """The slowest request, in milliseconds; None if there was none."""
        where = self.scope.where()
        if set(where) - {"chain"}:
            raise MissingError("the slowest request is kept by chain and method, not by key or model")
        family = catalog.REQUEST_DURATION_MAX_SECONDS
        if not self.has(family):
            raise MissingError(f"{family.name} is switched off in metrics.families")
        recorded = self.scope.seconds > 2 * _HOUR
        name = f"method:{family.name}:max1h" if recorded else family.name
        seconds = self.scope.seconds - (_HOUR if recorded else 0.0)
        # Each has an hour, so that one in half an hour will do, and the last one.
        series = self._all(name, where)
        each = f"{duration(seconds)}:30m" if recorded else duration(seconds)
        query = f"max({series} > max_over_time({series}[{each}]) or max_over_time({series}[{each}]) or {series})"
        found = self._prometheus.instant(query, self.scope.end)
        return 1000 * found[0].value if found else None

    def peak_per_minute(self) -> float:
        """The busiest minute, by the average of five."""
        where = self.scope.where()
        if self.of_model:
            name, has = "model:gateway_model_requests:rate5m", {"model"}
        elif self.scope.keys:
            name, has = "key:gateway_requests:rate5m", {"key"}
        elif "chain" in where:
            name, has = "method:gateway_requests:rate5m", {"chain"}
        else:
            name, has = "fleet:gateway_requests:rate5m", set()
        if set(where) - has:
            raise MissingError(f"{name} has no label {' or '.join(sorted(set(where) - has))}")
        series, time = self._all(name, where), duration(self.scope.seconds)
        found = self._prometheus.instant(f"max_over_time({series}[{time}])", self.scope.end)
        if len(found) > 1:  # else what is summed is one series, and each minute a step less
            found = self._prometheus.instant(f"max_over_time((sum({series}))[{time}:1m])", self.scope.end)
        if not found:
            raise MissingError(f"{name} was not recorded: recording.rules.yml is not loaded")
        return 60 * found[0].value

    def gauge(self, name: str, *by: str, of: str = "max") -> Amounts:
        """A gauge at the end of the time, by labels."""
        where = {"key": self.scope.keys} if self.scope.keys else {}
        query = f"{of} by ({', '.join(by)}) ({self._all(name, where)})"
        found = self._prometheus.instant(query, self.scope.end)
        return {tuple(series.labels.get(label, "") for label in by): series.value for series in found}

    def _all(self, name: str, where: dict[str, tuple[str, ...]]) -> str:
        return selector(name, where | self._terms.match)
