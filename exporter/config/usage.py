"""The config's section `usage`: the Prometheus that reports of usage ask, and the API that serves them."""

from urllib.parse import urlsplit

from msgspec import field

from exporter.config.values import Count, Duration, NotNegative, check_label
from exporter.durations import seconds
from exporter.errors import FieldError
from exporter.usage.source import Source
from exporter.yaml_file import Part


class PrometheusConfig(Part):
    """A server with Prometheus' HTTP API: Prometheus, VictoriaMetrics, Mimir, Thanos. Secrets are read from files, for
    each request. `match` are labels, with their values, of the series to count, where the server has others too.
    """

    url: str
    username: str = ""
    password_file: str = ""
    token_file: str = ""
    headers_file: str = ""
    ca_file: str = ""
    timeout: Duration = "10s"
    match: dict[str, str] = field(default_factory=dict)

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
    gigabyte: NotNegative = 0.0


class UsageConfig(Part):
    """`listen` is the address of the API, which needs one of its own: customers ask there. Without it there is no API.
    A key may ask `requests_per_minute` times; the same question within `cache` gets the same answer (default:
    `metrics.scrape_interval`).
    """

    prometheus: PrometheusConfig
    listen: str = ""
    requests_per_minute: Count = 60
    cache: Duration | None = None
    prices: Prices = field(default_factory=Prices)


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
