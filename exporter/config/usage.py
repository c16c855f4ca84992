"""The config's section `usage`: the Prometheus that reports of usage ask, prices, and the API."""

from urllib.parse import urlsplit

from msgspec import field

from exporter.config.values import Count, Duration, NotNegative, check_label
from exporter.durations import seconds
from exporter.errors import FieldError
from exporter.usage.source import Source
from exporter.yaml_file import Part


class PrometheusConfig(Part):
    """A server with Prometheus' HTTP API: Prometheus, VictoriaMetrics, Mimir, Thanos."""

    url: str
    """Its address, as http://prometheus.example:9090; with a path, if the API is below one."""
    username: str = ""
    """A user's name, with a `password_file`."""
    password_file: str = ""
    """The user's password; the files are read for each request."""
    token_file: str = ""
    """A bearer token, instead of a user."""
    headers_file: str = ""
    """Headers to send, with lines like `Name: value`, such as X-Scope-OrgID of Mimir."""
    ca_file: str = ""
    """Certificates that sign the server's own, if those of the machine do not."""
    timeout: Duration = "10s"
    """How long to wait for one answer."""
    match: dict[str, str] = field(default_factory=dict)
    """Labels that Prometheus gives its targets, with the values of those to count, if the server has others too."""

    def __post_init__(self) -> None:
        check_url("url", self.url)
        if bool(self.username) != bool(self.password_file):
            raise FieldError("username", "goes with a password_file, and only with one")
        if self.username and self.token_file:
            raise FieldError("token_file", "can't be used together with username: choose one")
        if seconds(self.timeout) < 1:
            raise FieldError("timeout", "must be at least 1s")
        for label in self.match:
            check_label(("match", label), label)

    @property
    def source(self) -> Source:
        """How the server is asked."""
        return Source(
            url=self.url.rstrip("/"),
            username=self.username,
            password_file=self.password_file,
            token_file=self.token_file,
            headers_file=self.headers_file,
            ca_file=self.ca_file,
            timeout=seconds(self.timeout),
            match=self.match,
        )


class Prices(Part):
    """What requests and traffic cost, in `pricing.currency`. What models cost is counted."""

    thousand_requests: NotNegative = 0.0
    """The price of a thousand requests."""
    gigabyte: NotNegative = 0.0
    """The price of a gigabyte sent to clients."""


class UsageConfig(Part):
    """Reports of usage."""

    prometheus: PrometheusConfig
    """The server that has the series."""
    prices: Prices = field(default_factory=Prices)
    """What requests and traffic cost."""
    listen: str = ""
    """The address of the API for customers, as HOST:PORT: one of its own. Default: there is no API."""
    requests_per_minute: Count = 60
    """How often a key may ask the API."""
    cache: Duration | None = None
    """How long the API gives the same answer to the same question. Default: `metrics.scrape_interval`."""


def check_url(name: str, url: str) -> None:
    """FieldError if it is not the URL of a server, or holds a password."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise FieldError(name, "must be like http://prometheus.example:9090")
    if parts.username or parts.password:
        raise FieldError(name, "contains a password; put it into a password_file or token_file")
