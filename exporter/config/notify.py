"""The config's section `alerts.notify`: receivers of alerts, who gets which alert, and when none are sent."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import field

from exporter.config.time_intervals import TimeInterval
from exporter.config.values import Duration
from exporter.errors import FieldError, Steps, unknown
from exporter.yaml_file import Part

SEVERITIES = ("critical", "warning", "info")
# The routes: of the always-firing watchdog, the exporter, money and quotas; of all other alerts by severity.
ROUTES = ("watchdog", "exporter", "cost", "quota", *SEVERITIES)
# Alertmanager's integrations: https://prometheus.io/docs/alerting/latest/configuration/#receiver-integration-settings
KINDS = (
    *("discord", "email", "incidentio", "jira", "mattermost", "msteams", "msteamsv2", "opsgenie", "pagerduty"),
    *("pushover", "rocketchat", "slack", "sns", "telegram", "victorops", "webex", "webhook", "wechat"),
)
# Fields whose value is a secret. All but those in _NO_FILE can be read from a file: the same name with `_file`.
_SECRETS = {
    *("alert_source_token", "api_key", "api_secret", "app_token", "auth_password", "auth_secret", "bearer_token"),
    *("bot_token", "client_secret", "credentials", "password", "secret_key", "service_key", "token"),
    *("token_id", "user_key", "webhook_url"),
}
_MORE_SECRETS = {"pagerduty": "routing_key", "slack": "api_url"}
_NO_FILE = {
    "bearer_token": "use http_config.authorization.credentials_file",
    "secret_key": "leave it out, so that Alertmanager uses the credentials of its environment",
}


class Smtp(Part):
    """The mail server."""

    smarthost: str
    """The mail server, as HOST:PORT."""
    sender: str
    """The address that mails come from."""
    username: str = ""
    """The user to log in as."""
    password_file: str = ""
    """The file with the password."""
    require_tls: bool = True
    """`false` is for servers without STARTTLS."""


class Grouping(Part):
    """How alerts are grouped, and how often they are repeated."""

    wait: Duration = "30s"
    """Alertmanager's `group_wait`."""
    interval: Duration = "5m"
    """Alertmanager's `group_interval`."""
    repeat: Duration = "4h"
    """Alertmanager's `repeat_interval` for critical alerts."""
    repeat_warning: Duration = "1d"
    """The same for warnings."""
    repeat_info: Duration = "7d"
    """The same for information."""


class Notify(Part):
    """Who gets which alert, and when none are sent."""

    receivers: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """By name, the fields of Alertmanager's own config, by kind: `{team: {slack: {channel: …, api_url_file: …}}}`.
    Titles and texts are added.
    """
    routes: dict[str, str] = field(default_factory=dict)
    """Who gets which alerts: a receiver for `watchdog`, `exporter`, `cost`, `quota`, `critical`, `warning`, `info`."""
    owners: dict[str, str] = field(default_factory=dict)
    """By owner of keys, the receiver who also gets alerts about their own keys."""
    smtp: Smtp | None = None
    """The mail server, for receivers of kind `email`."""
    grouping: Grouping = field(default_factory=Grouping)
    """How alerts are grouped, and how often they are repeated."""
    time_intervals: dict[str, list[TimeInterval]] = field(default_factory=dict)
    """Named times, as in Alertmanager's config."""
    mute: dict[str, list[str]] = field(default_factory=dict)
    """By route, the `time_intervals` in which its alerts are not sent."""

    def __post_init__(self) -> None:
        for name, receiver in self.receivers.items():
            self._check_kinds(("receivers", name), receiver)
        for route, receiver_name in self.routes.items():
            if route not in ROUTES:
                raise FieldError(("routes", route), unknown("route", route, ROUTES))
            self._check_receiver(("routes", route), receiver_name)
        for owner, receiver_name in self.owners.items():
            self._check_receiver(("owners", owner), receiver_name)
        if self.receivers and "warning" not in self.routes:
            raise FieldError("routes", "warning is missing; alerts without a route of their own go to its receiver")
        for route, intervals in self.mute.items():
            if route not in self.routes:
                raise FieldError(("mute", route), unknown("route", route, self.routes))
            for n, name in enumerate(intervals):
                if name not in self.time_intervals:
                    raise FieldError(("mute", route, n), unknown("time interval", name, self.time_intervals))

    def is_for_customers(self, receiver: str) -> bool:
        """Whether a receiver gets nothing but alerts for owners about their own keys."""
        return receiver in self.owners.values() and receiver not in self.routes.values()

    def _check_kinds(self, at: Steps, receiver: Mapping[str, Mapping[str, Any]]) -> None:
        if not receiver:
            raise FieldError(at, f"has no destination; add one of {', '.join(KINDS)}")
        for kind, fields in receiver.items():
            if kind not in KINDS:
                raise FieldError((*at, kind), unknown("kind of receiver", kind, KINDS))
            if kind == "email" and not self.smtp and "smarthost" not in fields:
                raise FieldError(at, "sends e-mail, but no smtp server is configured; add smtp with a smarthost")
            for steps, value in _fields(fields):
                if isinstance(value, str):
                    _check_text((*at, kind, *steps), value, _MORE_SECRETS.get(kind, ""))
                elif steps[-1].endswith("_file"):
                    raise FieldError((*at, kind, *steps), "must be the path of a file")
                elif steps[-1] == "http_config" and not isinstance(value, Mapping):
                    raise FieldError((*at, kind, *steps), "must be a mapping")

    def _check_receiver(self, at: Steps, name: str) -> None:
        if name not in self.receivers:
            raise FieldError(at, unknown("receiver", name, self.receivers))


def _fields(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value in a receiver's fields, and where it is."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield (str(name),), inner
            yield from (((str(name), *steps), field) for steps, field in _fields(inner))


def _check_text(at: Steps, text: str, secret: str) -> None:
    """Raise FieldError for a secret, by its field's name, and for an address that is none; repeat neither."""
    name = str(at[-1])
    if name in _SECRETS or name == secret:
        instead = _NO_FILE.get(name, f"put it into a file, and the file's path into {name}_file")
        raise FieldError(at, f"is a secret; {instead}")
    if (name == "url" or name.endswith("_url")) and not text.startswith(("http://", "https://", "{{")):
        raise FieldError(at, "must be a URL that begins with http:// or https://")
