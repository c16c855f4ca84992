"""The config's section `alerts.notify`: receivers of alerts, and which alert goes to whom."""

from msgspec import field

from exporter.config.values import Duration, Url
from exporter.errors import FieldError, Steps, unknown
from exporter.yaml_file import Part

SEVERITIES = ("critical", "warning", "info")
# The routes: of the always-firing watchdog, the exporter, money and quotas; of all other alerts by severity.
ROUTES = ("watchdog", "exporter", "cost", "quota", *SEVERITIES)


class Webhook(Part):
    """A URL that notifications are posted to; the file holds a bearer token."""

    url: Url
    credentials_file: str = ""


class Slack(Part):
    """A channel; the file holds the incoming webhook's URL."""

    channel: str
    api_url_file: str


class Email(Part):
    """An address; the server is `smtp`."""

    to: str


class PagerDuty(Part):
    """A service; the file holds its integration key (Events API v2)."""

    routing_key_file: str


class Receiver(Part):
    """Where notifications of a receiver go; one destination or several."""

    webhook: Webhook | None = None
    slack: Slack | None = None
    email: Email | None = None
    pagerduty: PagerDuty | None = None


class Smtp(Part):
    """The mail server; the file holds the password."""

    smarthost: str
    sender: str
    username: str = ""
    password_file: str = ""


class Grouping(Part):
    """Alertmanager's group_wait, group_interval and repeat_interval."""

    wait: Duration = "30s"
    interval: Duration = "5m"
    repeat: Duration = "4h"


class Notify(Part):
    """`receivers` by name; `routes` maps kinds of alerts to them, `owners` the owners of keys, who also get alerts
    about their own keys."""

    receivers: dict[str, Receiver] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    smtp: Smtp | None = None
    grouping: Grouping = field(default_factory=Grouping)

    def __post_init__(self) -> None:
        for name, receiver in self.receivers.items():
            at = ("receivers", name)
            if not any((receiver.webhook, receiver.slack, receiver.email, receiver.pagerduty)):
                raise FieldError(at, "has no destination; add webhook, slack, email or pagerduty")
            if receiver.email and not self.smtp:
                raise FieldError(at, "sends e-mail, but no smtp server is configured; add smtp with a smarthost")
        for route, receiver_name in self.routes.items():
            if route not in ROUTES:
                raise FieldError(("routes", route), unknown("route", route, ROUTES))
            self._check_receiver(("routes", route), receiver_name)
        for owner, receiver_name in self.owners.items():
            self._check_receiver(("owners", owner), receiver_name)
        if self.receivers and "warning" not in self.routes:
            raise FieldError("routes", "warning is missing; alerts without a route of their own go to its receiver")

    def _check_receiver(self, at: Steps, name: str) -> None:
        if name not in self.receivers:
            raise FieldError(at, unknown("receiver", name, self.receivers))
