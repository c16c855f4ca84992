"""The whole config: its sections, and the rules that span them."""

from typing import Any, Literal

from msgspec import field

from exporter.config.alerts import AlertsConfig
from exporter.config.families import families_of
from exporter.config.inputs import InputConfig
from exporter.config.keys import KeyApiConfig
from exporter.config.labels import fields_of
from exporter.config.limits import LimitsConfig, PlanConfig
from exporter.config.metrics import MetricsConfig
from exporter.config.requests import RequestsConfig
from exporter.config.usage import UsageConfig
from exporter.config.values import NotNegative, parse_address
from exporter.errors import FieldError, within
from exporter.model.catalog import Family
from exporter.yaml_file import Part

# Parts of a route that stand for the key.
_KEY_PARTS = (":key", "{key}", ":apikey", "{apikey}", ":api_key", "{api_key}")


class IdentityConfig(Part):
    """How keys are hashed."""

    secret_file: str = ""
    """The file with the secret that key hashes are made with, at least 16 bytes. Share it among exporters that must
    show the same names. Default: `key-hash.secret` beside the state file, made on the first start.
    """


class PricingConfig(Part):
    """What requests cost. A cost in the log takes precedence over the price tables."""

    currency: str = "USD"
    """The currency of logged costs and of the price tables."""
    models: str | list[str] = field(default_factory=list)
    """Price tables: your own (YAML), or LiteLLM's public JSON file. The first that has a model decides."""
    credits: Any = None
    """Credits (compute units) for each call: a number by method, with `default`, `chains` and `statuses`."""
    bill: Literal["served", "requested"] = "served"
    """The model whose price applies if another one served than was requested."""
    multipliers: dict[str, NotNegative] = field(default_factory=dict)
    """By provider, a factor on prices from the tables."""
    unbilled: list[str] = field(default_factory=list)
    """Methods and routes that are free."""


class StateConfig(Part):
    """What is kept across restarts."""

    path: str = ""
    """The file that keeps counters and positions across restarts. Without it they end with the process."""


class WebConfig(Part):
    """Where metrics are served, and who may read them."""

    listen: str = "127.0.0.1:10114"
    """The address of metrics and the status page, as HOST:PORT."""
    config: str = ""
    """A web config: TLS, client certificates, passwords, headers. It is read again when it changes."""
    hosts: list[str] = field(default_factory=list)
    """Names by which people open the status page. Addresses always work."""

    def __post_init__(self) -> None:
        with within("listen"):
            parse_address(self.listen)


class Config(Part):
    """The whole config."""

    inputs: list[InputConfig]
    """The logs."""
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    """How keys are hashed."""
    keys: str | KeyApiConfig = ""
    """The key registry: a file, or the gateway's admin API."""
    plans: dict[str, PlanConfig] = field(default_factory=dict)
    """What keys may use, by plan."""
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    """When limits' windows begin and end."""
    routes: list[str] = field(default_factory=list)
    """Paths to count as one route: `:name` stands for one part, `*` at the end for all others, `:key` for the API
    key.
    """
    public_routes: list[str] = field(default_factory=list)
    """Routes whose success proves nothing about a key: health checks, static files."""
    show_in_full: list[Literal["emails", "users", "addresses"]] = field(default_factory=list)
    """What is not shortened: e-mail addresses in names, users in paths, IP addresses in Origin."""
    chains: dict[str, str | list[str]] = field(default_factory=dict)
    """By chain, paths (beginning with /) or host names, for logs that do not name the chain."""
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    """Bounds on series, and which families are served."""
    pricing: PricingConfig = field(default_factory=PricingConfig)
    """What requests cost."""
    state: StateConfig = field(default_factory=StateConfig)
    """What is kept across restarts."""
    requests: RequestsConfig | None = None
    """Whether single requests are kept, and how. Without this section none is."""
    web: WebConfig = field(default_factory=WebConfig)
    """Where metrics are served, and who may read them."""
    start_at: Literal["end", "beginning"] = "end"
    """Where to begin to read a log on the first start."""
    alerts: AlertsConfig = field(default_factory=AlertsConfig)
    """Thresholds and receivers for `gateway-exporter alerts`."""
    usage: UsageConfig | None = None
    """Reports of usage: the Prometheus to ask, prices, and an API for customers."""

    @property
    def families(self) -> dict[str, Family]:
        """The families that are served, by name. FieldError if the section `metrics` is not valid."""
        return families_of(self.metrics.families, self.metrics.custom_families, tuple(self.metrics.labels))

    @property
    def labels(self) -> dict[str, str]:
        """The declared labels that a family has, each with the field that it is made of."""
        used = {label for family in self.families.values() for label in family.labels}
        return {label: field_ for label, field_ in fields_of(self.metrics.labels).items() if label in used}

    def __post_init__(self) -> None:
        # Long, as it has a branch for each rule that spans sections.
        if not self.inputs:
            raise FieldError("inputs", "is empty: name at least one log")
        if self.requests and not self.state.path:
            raise FieldError("requests", "needs state.path: which requests are kept already stands in the state")
        for chain, patterns in self.chains.items():
            if not all([patterns] if isinstance(patterns, str) else patterns or [""]):
                raise FieldError(("chains", chain), "give a path or a host name, or a list of them")
        for name in ("routes", "public_routes"):
            for n, route in enumerate(getattr(self, name)):
                if not route.startswith("/"):
                    raise FieldError((name, n), f"{route!r} must start with /, as in /v1/scores/:identity")
                if sum(part in _KEY_PARTS for part in route.split("/")) > 1:
                    raise FieldError((name, n), f"{route!r} has more than one :key; a request has one key")
