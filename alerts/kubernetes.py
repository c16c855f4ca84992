"""The objects of the Prometheus operator that `--kubernetes` writes: a PrometheusRule and an AlertmanagerConfig.

The latter is v1alpha1, which the operator 0.85 serves and stores; v1beta1 needs its conversion webhook. It has what
alertmanager.yml has, with its names in camel case, secrets as keys of a Secret, and texts inline.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from alerts.operator_receivers import LostError, Secrets, converted
from alerts.promql import Terms
from alerts.routing import alertmanager
from exporter.config.alerts import Kubernetes

_MATCHER = re.compile(r'\A(\w+)(=~|!~|!=|=)"(.*)"\Z', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Carried(Struct, frozen=True):
    """An AlertmanagerConfig, the Secret that it refers to, and why what is left out is."""

    manifest: dict[str, Any]
    secrets: Secrets
    lost: dict[str, str]


def prometheus_rule(terms: Terms, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """The PrometheusRule. Its alerts have the label `namespace`, by which the operator's routes select them."""
    namespace = terms.config.kubernetes.namespace
    if namespace and "namespace" not in terms.config.scope_labels:
        groups = [{**group, "rules": [_in_namespace(rule, namespace) for rule in group["rules"]]} for group in groups]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": _metadata(terms.config.kubernetes),
        "spec": {"groups": groups},
    }


def alertmanager_config(terms: Terms) -> Carried:
    """What alertmanager.yml has, as far as the operator knows it."""
    config = alertmanager(terms)
    secrets = Secrets(f"{terms.config.kubernetes.name}-receivers")
    lost: dict[str, str] = {}
    receivers = [_receiver(receiver, config.get("global", {}), secrets, lost) for receiver in config["receivers"]]
    intervals = _time_intervals(config.get("time_intervals", []), lost)
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": _metadata(terms.config.kubernetes),
        "spec": {
            "route": _route(config["route"], {interval["name"] for interval in intervals}),
            "inhibitRules": [
                {
                    "sourceMatch": _matchers(rule["source_matchers"]),
                    "targetMatch": _matchers(rule["target_matchers"]),
                    "equal": rule["equal"],
                }
                for rule in config["inhibit_rules"]
            ],
            "receivers": receivers,
            **({"muteTimeIntervals": intervals} if intervals else {}),
        },
    }
    return Carried(manifest, secrets, lost)


def _metadata(kubernetes: Kubernetes) -> dict[str, Any]:
    namespace = {"namespace": kubernetes.namespace} if kubernetes.namespace else {}
    labels = {"app.kubernetes.io/name": "gateway-exporter"} | kubernetes.labels
    return {"name": kubernetes.name, **namespace, "labels": labels}


def _in_namespace(rule: dict[str, Any], namespace: str) -> dict[str, Any]:
    return {**rule, "labels": rule["labels"] | {"namespace": namespace}} if "alert" in rule else rule


def _receiver(
    given: Mapping[str, Any], server: Mapping[str, Any], secrets: Secrets, lost: dict[str, str]
) -> dict[str, Any]:
    """A receiver without what can't be carried over."""
    made: dict[str, Any] = {"name": given["name"]}
    for configs, of_kind in given.items():
        if configs == "name":
            continue
        kind = configs.removesuffix("_configs")
        # An AlertmanagerConfig has no globals.
        more = {name.removeprefix("smtp_"): value for name, value in server.items()} if kind == "email" else {}
        before = dict(secrets.files)
        try:
            made[f"{kind}Configs"] = [converted(kind, more | config, secrets) for config in of_kind]
        except LostError as why:
            secrets.files = before
            lost[f"{given['name']}.{kind}"] = str(why)
    return made


def _time_intervals(given: Iterable[Mapping[str, Any]], lost: dict[str, str]) -> list[dict[str, Any]]:
    """Named times. Without their time zone they would be others."""
    made = []
    for named in given:
        if any(times.get("location", "UTC") != "UTC" for times in named["time_intervals"]):
            lost[f"the times {named['name']}"] = "the operator 0.85 knows no location, so alerts are sent then too"
        else:
            times = [_times(times) for times in named["time_intervals"]]
            made.append({"name": named["name"], "timeIntervals": times})
    return made


def _times(given: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "times": [{"startTime": times["start_time"], "endTime": times["end_time"]} for times in given.get("times", ())],
        "weekdays": given.get("weekdays"),
        "daysOfMonth": [_days(str(days)) for days in given.get("days_of_month", ())],
        "months": [str(month) for month in given.get("months", ())],
        "years": [str(year) for year in given.get("years", ())],
    }
    return {name: value for name, value in made.items() if value}


def _days(given: str) -> dict[str, int]:
    first, _, last = given.partition(":")
    return {"start": int(first), "end": int(last or first)}


def _route(given: Mapping[str, Any], intervals: set[str]) -> dict[str, Any]:
    made = {
        "receiver": given.get("receiver"),
        "matchers": _matchers(given.get("matchers", ())),
        "continue": given.get("continue"),
        "groupBy": given.get("group_by"),
        "groupWait": given.get("group_wait"),
        "groupInterval": given.get("group_interval"),
        "repeatInterval": given.get("repeat_interval"),
        "muteTimeIntervals": [name for name in given.get("mute_time_intervals", ()) if name in intervals],
        "routes": [_route(route, intervals) for route in given.get("routes", ())],
    }
    return {name: value for name, value in made.items() if value}


def _matchers(given: Iterable[str]) -> list[dict[str, str]]:
    split = [_MATCHER.findall(matcher)[0] for matcher in given]
    return [{"name": name, "matchType": how, "value": _ESCAPED.sub(r"\1", value)} for name, how, value in split]
