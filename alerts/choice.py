"""Which alerts a config has, and why it lacks the others."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, get_args, get_type_hints

import msgspec

from alerts.alert import Alert
from alerts.exceptions import excepted
from alerts.many import NAME, many
from alerts.promql import Terms
from alerts.rules import cost, errors, exporter, inputs, keys, latency, models, providers, quota
from exporter.config.alerts import AlertsConfig
from exporter.errors import Steps, dotted, unknown

_SUBJECTS = (quota, errors, latency, models, keys, cost, providers, exporter, inputs)


def chosen(terms: Terms) -> list[Alert]:
    """The alerts to write: without those that are switched off, or ask for what is not served. ValueError where
    `overrides` names an alert that the config lacks, or the severity of one that has two.
    """
    alerts = _possible(terms)
    _check_overrides(terms, alerts)
    single = [alert for alert in alerts if not _why_not(terms, alert)]
    # Last in their groups, so that what they count has just been evaluated.
    change = terms.config.overrides.get(NAME)
    return [*single, *(many(terms, single) if not change or change.enabled else ())]


def left_out(terms: Terms) -> dict[str, list[str]]:
    """Why alerts are left out → their names, with the severity where another of that name is there."""
    found: dict[str, list[str]] = {}
    made = chosen(terms)
    names = {alert.name for alert in made}
    for alert in _possible(terms):
        if why := _why_not(terms, alert):
            found.setdefault(why, []).append(_named(alert, names))
    for steps, config in _with_each_threshold(terms.config):
        served = msgspec.structs.replace(terms.served, alerts=config)
        known = {(alert.name, alert.severity) for alert in _possible(terms)}
        more = [alert for alert in _possible(Terms(served)) if (alert.name, alert.severity) not in known]
        if more:
            found[f"{dotted(('alerts', *steps))} is not set"] = [_named(alert, names) for alert in more]
    return {why: list(dict.fromkeys(names)) for why, names in found.items()}


def _possible(terms: Terms) -> list[Alert]:
    return [*excepted(terms, _general(terms), _general)]


def _general(terms: Terms) -> list[Alert]:
    return [alert for subject in _SUBJECTS for alert in subject.alerts(terms)]


def _named(alert: Alert, made: set[str]) -> str:
    return f"{alert.name} ({alert.severity})" if alert.name in made else alert.name


def _why_not(terms: Terms, alert: Alert) -> str:
    """The reason to leave an alert out, "" if there is none."""
    change = terms.config.overrides.get(alert.name)
    if change and not change.enabled:
        return "switched off in alerts.overrides"
    return f"not served: {missing}" if (missing := terms.missing(alert.expression)) else ""


def _check_overrides(terms: Terms, alerts: list[Alert]) -> None:
    severities: dict[str, set[str]] = {}
    for alert in alerts:
        severities.setdefault(alert.name, set()).add(alert.severity)
    for name, change in terms.config.overrides.items():
        if name not in {*severities, NAME}:
            raise ValueError(f"alerts.overrides: {unknown('alert of this config', name, {*severities, NAME})}")
        if change.severity and len(severities.get(name, (1, 2))) > 1:
            raise ValueError(
                f"alerts.overrides.{name}.severity: the alert has a threshold for each severity; set one of them to "
                "null instead"
            )


def _with_each_threshold(config: AlertsConfig) -> Iterator[tuple[Steps, AlertsConfig]]:
    """For each threshold that is null: the config with a value there, which says what alert the value would make."""
    for steps in _nulls(config):
        changed = deepcopy(config)
        part: Any = changed
        for step in steps[:-1]:
            part = getattr(part, str(step))
        name = str(steps[-1])
        field = next(field for field in msgspec.structs.fields(part) if field.encode_name == name)
        value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if value is None:
            value = "1h" if str in _types(part, name) else 0.5
        # Not `replace`: whether it fits the other thresholds does not matter here.
        msgspec.structs.force_setattr(part, name, value)
        yield steps, changed


def _types(part: Any, name: str) -> set[Any]:
    """The plain types that a field may have."""
    return {
        get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
        for hint in get_args(get_type_hints(type(part))[name])
    }


def _nulls(part: msgspec.Struct) -> Iterator[Steps]:
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        if field.name in ("notify", "kubernetes", "overrides"):
            continue
        if value is None:
            yield (field.encode_name,)
        elif isinstance(value, msgspec.Struct):
            yield from ((field.encode_name, *steps) for steps in _nulls(value))
