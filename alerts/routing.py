"""alertmanager.yml: who is notified of what, through which channel, and which alerts silence others."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import to_builtins

from alerts.customers import ADVICE
from alerts.many import NAME as MANY
from alerts.many import TROUBLES
from alerts.promql import Terms, escaped
from alerts.receivers import receiver
from alerts.texts import TEMPLATES
from exporter.config.notify import Notify, Smtp
from exporter.config.time_intervals import TimeInterval

_NOBODY = "nobody"
# Outages of the whole: the alerts that report one, what else must be so, and alerts of parts that then keep silent.
_OUTAGES = (
    (
        ("GatewaySuccessRateLow",),
        (),
        ("GatewayMethodSuccessRateLow", "GatewayKeySuccessRateLow", "GatewayProviderFailing"),
    ),
    (
        ("GatewayAvailabilityBurn",),
        ('severity="critical"',),
        ("GatewayMethodSuccessRateLow", "GatewayKeySuccessRateLow", "GatewayProviderFailing"),
    ),
    (("GatewayLatencyHigh",), (), ("GatewayMethodSlow",)),
)
# Labels that make two alerts of one name two matters. Alertmanager takes labels that both lack for equal.
_SAME_MATTER = (
    *("alertname", "key", "unit", "window", "scope", "chain", "method", "provider", "model", "currency"),
    *("gateway", "job", "instance", "input", "reason", "about"),
)


def alertmanager(terms: Terms) -> dict[str, Any]:
    """The Alertmanager config."""
    notify = terms.config.notify
    intervals = [
        {"name": name, "time_intervals": [_given(interval) for interval in times]}
        for name, times in notify.time_intervals.items()
    ]
    return {
        **({"global": _smtp(notify.smtp)} if notify.smtp else {}),
        "templates": [TEMPLATES],
        **({"time_intervals": intervals} if intervals else {}),
        "route": _route(notify, terms.served.record_scope),
        "inhibit_rules": _inhibitions(terms),
        "receivers": [
            {"name": _NOBODY},
            *(receiver(name, kinds, notify.is_for_customers(name)) for name, kinds in notify.receivers.items()),
        ],
    }


def _given(interval: TimeInterval) -> dict[str, Any]:
    """Alertmanager takes an empty list for no time at all."""
    return {name: value for name, value in to_builtins(interval).items() if value}


def _smtp(server: Smtp) -> dict[str, Any]:
    made: dict[str, Any] = {"smtp_smarthost": server.smarthost, "smtp_from": server.sender}
    if server.username:
        made["smtp_auth_username"] = server.username
    if server.password_file:
        made["smtp_auth_password_file"] = server.password_file
    return made | {"smtp_require_tls": server.require_tls}


def _route(notify: Notify, scope: tuple[str, ...]) -> dict[str, Any]:
    """The tree of routes. Each has a branch for each severity, which is repeated as often as that deserves."""
    watchdog: dict[str, Any] = {
        "matchers": ['alertname="GatewayWatchdog"'],
        "receiver": notify.routes.get("watchdog", _NOBODY),
        "group_wait": "0s",
        "group_interval": "1m",
        "repeat_interval": "5m",
    }
    owners = [
        {
            "matchers": [f'owner="{escaped(owner)}"', f'alertname=~"{"|".join(ADVICE)}"'],
            "receiver": name,
            "continue": True,
            "group_by": ["alertname", "severity", "key", *scope],
            "routes": _repeats(notify),
        }
        for owner, name in notify.owners.items()
    ]
    # The root's own receiver is asked only where no route fits, and an owner's does.
    everyone = notify.routes.get("warning", _NOBODY)
    return {
        "receiver": everyone,
        "group_by": ["alertname", "severity", *scope],
        "group_wait": notify.grouping.wait,
        "group_interval": notify.grouping.interval,
        "repeat_interval": notify.grouping.repeat,
        "routes": [watchdog, *owners, *_by_subject(notify, everyone)],
    }


def _by_subject(notify: Notify, everyone: str) -> list[dict[str, Any]]:
    """Criticals go to those on call whatever they are about, and to those whose subject it is."""
    oncall = notify.routes.get("critical")
    made = []
    for name, matcher in (
        ("critical", 'severity="critical"'),
        ("exporter", 'component="exporter"'),
        ("cost", 'category="cost"'),
        ("quota", 'category="quota"'),
        ("info", 'severity="info"'),
        ("warning", ""),
    ):
        to = everyone if name == "warning" else notify.routes.get(name)
        if not to:
            continue
        route: dict[str, Any] = {"matchers": [matcher] if matcher else [], "receiver": to}
        if name == "critical":
            route["continue"] = True
        elif oncall and (name == "warning" or to == oncall):
            route["matchers"].append('severity!="critical"')
        if name in notify.mute:
            route["mute_time_intervals"] = notify.mute[name]
        made.append({part: value for part, value in route.items() if value} | {"routes": _repeats(notify, route)})
    return made


def _repeats(notify: Notify, route: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """How often what still fires is sent again. Muted times are not inherited, so each branch has its route's."""
    muted = {"mute_time_intervals": route["mute_time_intervals"]} if route and "mute_time_intervals" in route else {}
    grouping = notify.grouping
    return [
        {"matchers": matchers, "repeat_interval": interval, **muted}
        for matchers, interval in (
            # A month's limit that is used up stays so for days.
            (['alertname="GatewayLimitReached"', 'window="1mo"'], grouping.repeat_warning),
            (['about="GatewayLimitReached"'], grouping.repeat_warning),
            (['severity="warning"'], grouping.repeat_warning),
            (['severity="info"'], grouping.repeat_info),
        )
    ]


def _inhibitions(terms: Terms) -> list[dict[str, Any]]:
    """What keeps silent about what. Alerts of keys whose owners have a receiver are never silenced by a fleet's: such a
    silence would be the owners' too.
    """
    scope = terms.served.record_scope
    owners = "|".join(escaped(re.escape(owner)) for owner in terms.config.notify.owners)
    others = [f'owner!~"{owners}"'] if owners else []
    own = tuple(label for label in scope if label not in _SAME_MATTER)
    return [
        {
            "source_matchers": ['severity="critical"'],
            "target_matchers": ['severity="warning"'],
            "equal": [*_SAME_MATTER, *own],
        },
        {
            "source_matchers": ['alertname="GatewayLimitReached"'],
            "target_matchers": ['alertname=~"GatewayLimitNear|GatewayLimitProjected"'],
            "equal": [*(label for label in _SAME_MATTER if label != "alertname"), *own],
        },
        {
            "source_matchers": [f'alertname="{MANY}"', 'about="GatewayLimitReached"'],
            "target_matchers": [f'alertname="{MANY}"', 'about=~"GatewayLimitNear|GatewayLimitProjected"'],
            "equal": list(scope),
        },
        {
            "source_matchers": ['alertname="GatewayExporterAbsent"'],
            "target_matchers": ['alertname="GatewayExporterDown"'],
            "equal": ["job"],
        },
        *(
            {
                "source_matchers": [f'alertname=~"{"|".join(whole)}"', *only],
                "target_matchers": [f'alertname=~"{"|".join(parts)}"', *others],
                "equal": list(scope),
            }
            for whole, only, parts in _OUTAGES
        ),
        *(
            {
                "source_matchers": [f'alertname="{MANY}"', f'about="{name}"'],
                "target_matchers": [f'alertname="{name}"', *others],
                "equal": ["severity", *terms.served.target_scope],
            }
            for name in TROUBLES
        ),
    ]
