"""The config's `alerts.notify` section: who can be told, and who is told what."""

from urllib.parse import urlsplit

from msgspec import field

from exporter.durations import seconds
from exporter.errors import unknown
from exporter.yamlfile import Part

SEVERITIES = ("critical", "warning", "info")
# What a route is chosen by: the always-firing watchdog, the exporter, money and quotas, else the severity.
ROUTES = ("watchdog", "exporter", "cost", "quota", *SEVERITIES)


class Webhook(Part):
    """A URL that notifications are posted to; the file holds a bearer token."""

    url: str
    credentials_file: str = ""

    def __post_init__(self) -> None:
        check_url("url", self.url)


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
    """One or several ways to tell somebody."""

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
    """Alertmanager's waits: before the first notification of a group, before news of it, before it is repeated."""

    wait: str = "30s"
    interval: str = "5m"
    repeat: str = "4h"

    def __post_init__(self) -> None:
        for duration in (self.wait, self.interval, self.repeat):
            seconds(duration)


class Notify(Part):
    """Who is told what: `receivers` by name, `routes` to them, `owners` of keys who are told of theirs besides."""

    receivers: dict[str, Receiver] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    smtp: Smtp | None = None
    grouping: Grouping = field(default_factory=Grouping)

    def __post_init__(self) -> None:
        for name, receiver in self.receivers.items():
            if not any((receiver.webhook, receiver.slack, receiver.email, receiver.pagerduty)):
                raise ValueError(f"receivers: {name} tells nobody: give it webhook, slack, email or pagerduty")
            if receiver.email and not self.smtp:
                raise ValueError(f"receivers: {name} sends e-mail, and there is no smtp with a smarthost to send it by")
        for route, receiver_name in self.routes.items():
            if route not in ROUTES:
                raise ValueError(f"routes: {unknown('route', route, ROUTES)}")
            self._check_receiver(f"routes: {route}", receiver_name)
        for owner, receiver_name in self.owners.items():
            self._check_receiver(f"owners: {owner}", receiver_name)
        if self.receivers and "warning" not in self.routes:
            raise ValueError("routes: warning is missing: it is also who is told what has no route of its own")

    def _check_receiver(self, at: str, name: str) -> None:
        if name not in self.receivers:
            raise ValueError(f"{at}: {unknown('receiver', name, self.receivers)}")


def check_url(name: str, url: str) -> None:
    """ValueError where it is no URL of a web server."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"{name}: {url!r} is no URL: write it with http:// or https://")
