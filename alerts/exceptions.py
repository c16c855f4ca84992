"""Exceptions from an alert's thresholds: a rule for each, and a general rule that leaves them out."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from alerts.alert import Alert
from alerts.promql import Terms, either, escaped
from exporter.config.overrides import THRESHOLDS, Excepted, with_thresholds

_INFO = "key:gateway_key_info:unique"
_REQUESTS = "method:gateway_requests:rate5m"


def excepted(terms: Terms, alerts: list[Alert], again: Callable[[Terms], list[Alert]]) -> Iterator[Alert]:
    """The alerts, each without its exceptions, and what `again` makes of the terms of each exception."""
    for alert in alerts:
        yield _only(alert, terms, None, _exceptions(terms, alert.name))
    for name, change in terms.config.overrides.items():
        for n, exception in enumerate(change.exceptions):
            other = Terms(msgspec.structs.replace(terms.served, alerts=with_thresholds(terms.config, name, exception)))
            for alert in again(other):
                if alert.name == name:
                    yield _only(alert, terms, exception, change.exceptions[:n])


def _exceptions(terms: Terms, name: str) -> list[Excepted]:
    return terms.config.overrides[name].exceptions if name in terms.config.overrides else []


def _only(alert: Alert, terms: Terms, exception: Excepted | None, before: Iterable[Excepted]) -> Alert:
    """An alert about what fits an exception, and none of those before it."""
    parts = [f"({alert.expression})"]
    parts += [f"and {_fitting(alert.name, exception, terms)}"] if exception else []
    parts += [f"unless {_fitting(alert.name, other, terms)}" for other in before]
    return alert if len(parts) == 1 else msgspec.structs.replace(alert, expression="\n".join(parts))


def _fitting(alert: str, exception: Excepted, terms: Terms) -> str:
    """What fits an exception, with the labels to match on."""
    matchers = ", ".join(
        f'{name}=~"{either([value])}"' if "*" in value else f'{name}="{escaped(value)}"'
        for name, value in exception.names.items()
    )
    if "key" in THRESHOLDS[alert].names:
        return f"on {terms.by_target('key')} {_INFO}{{{matchers}}}"
    return f"on {terms.by('chain', 'method')} {terms.kept(f'{_REQUESTS}{{{matchers}}}')}"
