"""alertmanager.yml: who is told what, what keeps silent about what, and through which channel."""

from typing import Any

from alerts.promql import Terms
from exporter.config.notify import Notify, Receiver

TEMPLATES = "gateway.tmpl"
_NOBODY = "nobody"
# Labels that make two alerts of one name two matters. Alertmanager takes labels that both lack for equal.
_SAME_MATTER = (
    *("alertname", "key", "unit", "window", "scope", "chain", "method", "provider", "model", "currency"),
    *("gateway", "job", "instance", "input", "reason"),
)
_TITLE, _TEXT, _LINK = (f'{{{{ template "gateway.{part}" . }}}}' for part in ("title", "text", "link"))


def alertmanager(terms: Terms) -> dict[str, Any]:
    """The Alertmanager config."""
    notify = terms.config.notify
    smtp: dict[str, Any] = {}
    if notify.smtp:
        smtp = {"smtp_smarthost": notify.smtp.smarthost, "smtp_from": notify.smtp.sender}
        if notify.smtp.username:
            smtp |= {"smtp_auth_username": notify.smtp.username}
        if notify.smtp.password_file:
            smtp |= {"smtp_auth_password_file": notify.smtp.password_file}
    return {
        **({"global": smtp} if smtp else {}),
        "templates": [TEMPLATES],
        "route": _route(notify, terms.served.record_scope),
        "inhibit_rules": _inhibitions(terms.served.record_scope),
        "receivers": [{"name": _NOBODY}, *(_receiver(name, one) for name, one in notify.receivers.items())],
    }


def _route(notify: Notify, scope: tuple[str, ...]) -> dict[str, Any]:
    routes: list[dict[str, Any]] = [
        {
            "matchers": ['alertname="GatewayWatchdog"'],
            "receiver": notify.routes.get("watchdog", _NOBODY),
            "group_wait": "0s",
            "group_interval": "1m",
            "repeat_interval": "5m",
        }
    ]
    routes += [
        {"matchers": [f'owner="{_escaped(owner)}"'], "receiver": receiver, "continue": True}
        for owner, receiver in notify.owners.items()
    ]
    routes += [
        {"matchers": [matcher], "receiver": notify.routes[name]}
        for name, matcher in (
            ("exporter", 'component="exporter"'),
            ("cost", 'category="cost"'),
            ("quota", 'category="quota"'),
            ("critical", 'severity="critical"'),
            ("info", 'severity="info"'),
        )
        if name in notify.routes
    ]
    # The root's own receiver is asked only where no route fits, and an owner's does.
    everyone = notify.routes.get("warning", _NOBODY)
    routes.append({"receiver": everyone})
    return {
        "receiver": everyone,
        "group_by": ["alertname", "key", *scope],
        "group_wait": notify.grouping.wait,
        "group_interval": notify.grouping.interval,
        "repeat_interval": notify.grouping.repeat,
        "routes": routes,
    }


def _inhibitions(scope: tuple[str, ...]) -> list[dict[str, Any]]:
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
            "source_matchers": ['alertname="GatewayExporterAbsent"'],
            "target_matchers": ['alertname="GatewayExporterDown"'],
            "equal": ["job"],
        },
    ]


def _receiver(name: str, receiver: Receiver) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name}
    if receiver.webhook:
        webhook: dict[str, Any] = {"url": receiver.webhook.url, "send_resolved": True}
        if receiver.webhook.credentials_file:
            webhook["http_config"] = {"authorization": {"credentials_file": receiver.webhook.credentials_file}}
        made["webhook_configs"] = [webhook]
    if receiver.slack:
        made["slack_configs"] = [
            {
                "api_url_file": receiver.slack.api_url_file,
                "channel": receiver.slack.channel,
                "send_resolved": True,
                "title": _TITLE,
                "title_link": _LINK,
                "text": _TEXT,
            }
        ]
    if receiver.email:
        made["email_configs"] = [
            {"to": receiver.email.to, "send_resolved": True, "headers": {"Subject": _TITLE}, "text": _TEXT, "html": ""}
        ]
    if receiver.pagerduty:
        made["pagerduty_configs"] = [
            {
                "routing_key_file": receiver.pagerduty.routing_key_file,
                "send_resolved": True,
                "description": _TITLE,
                "severity": "{{ with .CommonLabels.severity }}{{ . }}{{ else }}critical{{ end }}",
                "client": "gateway-exporter",
                "client_url": _LINK,
                "details": {"text": _TEXT},
            }
        ]
    return made


def _escaped(text: str) -> str:
    """A text inside a matcher's quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
