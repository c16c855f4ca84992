"""The config's section `usage`: the Prometheus that reports of usage ask, prices, and the API."""

from msgspec import field

from exporter.config.server import ServerPart
from exporter.config.values import Count, Duration, NotNegative, check_label
from exporter.yaml_file import Part


class PrometheusConfig(ServerPart):
    """A server with Prometheus' HTTP API: Prometheus, VictoriaMetrics, Mimir, Thanos."""

    match: dict[str, str] = field(default_factory=dict)
    """Labels that Prometheus gives its targets, with the values of those to count, if the server has others too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for label in self.match:
            check_label(("match", label), label)


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
