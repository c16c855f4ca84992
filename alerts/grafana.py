"""Rules for Grafana's own alerting, as a provisioning file: each recorded series is replaced by what it is made of.

Source: Grafana's documentation, "Use configuration files to provision alerting resources". Grafana records nothing and
shows no `ALERTS`, so what looks back far, compares with the past or counts alerts can't be carried over.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from alerts.alert import CATEGORIES, Alert
from alerts.choice import chosen
from alerts.promql import Terms
from alerts.recording import groups
from exporter.config.served import family_of
from exporter.durations import seconds

FOLDER = "Gateway alerts"
# The uid of the data source that `gateway-exporter dashboards` provisions.
_SOURCE = "prometheus"
# Rules read raw series at each evaluation, so they look back no further.
_FURTHEST_SECONDS = 3600
# A method that succeeded so lately is one of ours; recorded, it is three days.
_LATELY = ("method:gateway_success:max3d", "max_over_time(method:gateway_success:ratio_rate5m[1h:5m])")

_RECORDED = re.compile(r"(?<![\w:])(\w+:gateway_\w+:\w+)(\{[^}]*\})?(\[\w+\])?( offset \w+)?")
_RAW = re.compile(r"(?<![\w:\"])(gateway_\w+)(\{[^}]*\})?(?!\w|:)")
_MATCHER = re.compile(r"(\w+)(?:=~|!~|!=|=)\"")
_RANGE = re.compile(r"\[(\w+)(?::\w+)?\]")
# Grafana has no `query`, so what it would look up is left out of texts.
_LOOKED_UP = re.compile(r"\{\{ with printf .*?\| query \}\}.*?\{\{ end \}\}")


class LostError(Exception):
    """An alert that can't be carried over, and why."""


class _Terms(Terms, frozen=True):
    """Without what stands on records of the past: nothing is kept while an exporter is away."""

    def kept(self, series: str) -> str:
        return series

    def kept_over(self, counted: str) -> str:
        return f"({counted})"


def provisioning(terms: Terms) -> dict[str, Any]:
    """The file's content."""
    rules: dict[str, list[dict[str, Any]]] = {category: [] for category in CATEGORIES}
    titles: dict[str, int] = {}
    for alert, expression in _carried(terms):
        if not isinstance(expression, LostError):
            title = " ".join((alert.name, *alert.labels.values(), alert.severity))
            # Exceptions from a threshold have the alert's name too.
            titles[title] = n = titles.get(title, 0) + 1
            rules[alert.category].append(_rule(alert, title if n == 1 else f"{title} {n}", expression, terms))
    # Grafana evaluates at multiples of ten seconds.
    interval = -(-terms.interval // 10) * 10
    return {
        "apiVersion": 1,
        "groups": [
            {"orgId": 1, "name": f"gateway-{name}", "folder": FOLDER, "interval": f"{interval}s", "rules": some}
            for name, some in rules.items()
            if some
        ],
    }


def lost(terms: Terms) -> dict[str, list[str]]:
    """Why alerts are not carried over → their names."""
    found: dict[str, dict[str, None]] = {}
    for alert, why in _carried(terms):
        if isinstance(why, LostError):
            found.setdefault(str(why), {})[" ".join(filter(None, (alert.name, alert.labels.get("range"))))] = None
    return {why: [*names] for why, names in found.items()}


def _carried(terms: Terms) -> Iterator[tuple[Alert, str | LostError]]:
    """Each alert with its expression without recorded series, or why there is none."""
    plain = _Terms(terms.served)
    recorded = {rule["record"]: rule["expr"] for group in groups(plain) for rule in group["rules"]}
    recorded |= dict([_LATELY]) if _LATELY[0] in recorded else {}
    for alert in chosen(plain):
        try:
            yield alert, _raw(alert.expression, recorded, plain)
        except LostError as why:
            yield alert, why


def _raw(expression: str, recorded: Mapping[str, str], terms: Terms) -> str:
    """An expression without recorded series. Raises LostError."""
    if "ALERTS{" in expression:
        raise LostError("counts alerts of Prometheus")
    if "prometheus_rule_group" in expression:
        raise LostError("is about Prometheus' rules")

    def inlined(found: re.Match[str]) -> str:
        name, matchers, over, offset = found.groups()
        if offset:
            raise LostError(f"compares with what was recorded {offset.removeprefix(' offset ')} ago")
        made = _with(_raw(recorded[name], recorded, terms), matchers or "", terms)
        if not over:
            return f"({made})"
        return f"({made})[{over[1:-1]}:{terms.interval}s]"

    made = _RECORDED.sub(inlined, expression)
    for back in _RANGE.findall(made):
        if seconds(back) > _FURTHEST_SECONDS:
            raise LostError(f"looks back {back}")
    return made


def _with(expression: str, matchers: str, terms: Terms) -> str:
    """An expression whose raw series are selected by matchers too. Those of the exporter only leave exporters out."""
    if not matchers:
        return expression

    def selected(found: re.Match[str]) -> str:
        name, own = found[1], found[2] or "{}"
        if name.startswith("gateway_exporter_"):
            return found[0]
        labels = terms.served.families[family_of(name)].labels
        if not {*_MATCHER.findall(matchers)} <= {*labels}:
            raise LostError(f"selects by a label that {name} lacks")
        inner = ", ".join(filter(None, (own[1:-1], matchers[1:-1])))
        return f"{name}{{{inner}}}"

    return _RAW.sub(selected, expression)


def _rule(alert: Alert, title: str, expression: str, terms: Terms) -> dict[str, Any]:
    """A rule that fires for each series of the query, whatever its value."""
    rule = alert.rule(terms)
    annotations = {
        name: _LOOKED_UP.sub("", text).replace("$value", "$values.A.Value")
        for name, text in rule["annotations"].items()
    }
    return {
        "uid": f"gateway-{sha256(title.encode()).hexdigest()[:16]}",
        "title": title,
        "condition": "B",
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": {"from": 600, "to": 0},
                "datasourceUid": _SOURCE,
                "model": {"refId": "A", "expr": expression, "instant": True, "range": False},
            },
            {
                "refId": "B",
                "relativeTimeRange": {"from": 0, "to": 0},
                "datasourceUid": "__expr__",
                "model": {"refId": "B", "type": "math", "expression": "is_number($A)"},
            },
        ],
        "for": rule["for"],
        "noDataState": "OK",
        "execErrState": "Error",
        "annotations": annotations,
        "labels": rule["labels"],
    }
