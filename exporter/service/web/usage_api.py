"""`GET /api/v1/usage`: a key's report to its owner, that of any keys to operators."""

import re
import time
from collections.abc import Callable
from typing import Any

from exporter.errors import UsageError, unknown
from exporter.formats.values import timestamp
from exporter.http_client import Server
from exporter.service.web.callers import Caller, RefusedError
from exporter.service.web.parameters import check_names, whole
from exporter.usage.ask import Wanted, length, scope_of
from exporter.usage.kept import Keeper
from exporter.usage.prometheus import Prometheus
from exporter.usage.report import Report
from exporter.usage.scope import ENTRIES, GRANULARITIES, MOST_ENTRIES, ORDERS, SORTS, Terms

PATH = "/api/v1/usage"
# What customers may ask, and what operators may ask besides.
OF_CUSTOMERS = ("timeframe", "from", "to", "chain", "model", "granularity", "sort", "order", "limit", "offset")
OF_OPERATORS = ("key", "owner", "plan")
# All questions of a report together.
_PATIENCE_SECONDS = 30.0
_NAMED = re.compile(r"\A\S+ was seen")


class UsageApi:
    """Answers from a Prometheus. `retention` is what it keeps, if it does not say so itself; `keeper` returns where
    single requests are kept, None if they are not.
    """

    def __init__(self, server: Server, terms: Terms, retention: str, keeper: Callable[[], Keeper | None]) -> None:
        self._server = server
        self._terms = terms
        self._retention = retention
        self._keeper = keeper

    def answer(self, caller: Caller, parameters: dict[str, str]) -> dict[str, Any]:
        """The report. UsageError if a parameter is wrong; QueryError if Prometheus does not answer."""
        wanted = self._wanted(caller, parameters)
        prometheus = Prometheus(self._server, time.monotonic() + max(self._server.timeout, _PATIENCE_SECONDS))
        try:
            scope = scope_of(prometheus, self._terms.match, wanted, time.time(), self._retention)
            report = Report(prometheus, scope, self._terms, keeper=self._keeper()).build()
        finally:
            prometheus.close()
        if not caller.operator:  # addresses of exporters are nothing for customers
            report["notes"] = [_NAMED.sub("A gateway was seen", note) for note in report["notes"]]
        return report

    def _wanted(self, caller: Caller, parameters: dict[str, str]) -> Wanted:
        allowed = OF_CUSTOMERS + (OF_OPERATORS if caller.operator else ("key",))
        check_names(parameters, allowed)
        keys = [parameters["key"]] if parameters.get("key") else []
        if not caller.operator:
            if keys not in ([], [caller.key]):
                raise RefusedError(403, "An API key opens its own usage only; leave out the parameter key.")
            keys = [caller.key]
        if "timeframe" in parameters and "from" in parameters:
            raise UsageError("timeframe and from both say when it begins; give one")
        return Wanted(
            keys=keys,
            registered=not caller.operator,
            owner=parameters.get("owner", ""),
            plan=parameters.get("plan", ""),
            chain=parameters.get("chain", ""),
            model=parameters.get("model", ""),
            since=length("timeframe", parameters["timeframe"]) if "timeframe" in parameters else None,
            begin=_moment("from", parameters),
            end=_moment("to", parameters),
            granularity=_chosen("granularity", parameters, GRANULARITIES, None),
            sort=_chosen("sort", parameters, SORTS, "requests"),
            order=_chosen("order", parameters, ORDERS, "desc"),
            limit=whole("limit", parameters.get("limit", ""), ENTRIES, MOST_ENTRIES),
            offset=whole("offset", parameters.get("offset", ""), 0),
        )


def _moment(name: str, parameters: dict[str, str]) -> float | None:
    if name not in parameters:
        return None
    found = timestamp(parameters[name])
    if found is None:
        raise UsageError(f"{name}: not a valid time; use 2026-03-01, 2026-03-01T12:00:00Z or epoch seconds")
    return found


def _chosen(name: str, parameters: dict[str, str], allowed: tuple[Any, ...], default: Any) -> Any:
    value = parameters.get(name, default)
    if value is not default and value not in allowed:
        raise UsageError(f"{name}: {unknown('value', value[:40], allowed)}")
    return value
