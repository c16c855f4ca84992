"""The whole config, and `load`, which reads and checks it with the files that it names."""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from exporter.config.alerts import AlertsConfig, Objective
from exporter.config.families import families_of
from exporter.config.inputs import InputConfig
from exporter.config.keys import KeyApiConfig
from exporter.config.labels import check_labels, fields_of
from exporter.config.limits import LimitsConfig, PlanConfig
from exporter.config.metrics import MetricsConfig
from exporter.config.requests import RequestsConfig
from exporter.config.server import FILES
from exporter.config.usage import UsageConfig
from exporter.config.values import NotNegative
from exporter.config.web import load_web
from exporter.environment import Placeholders
from exporter.errors import ConfigError, FieldError, Steps, dotted, unknown, within
from exporter.formats.spec import build, resolved
from exporter.inputs.syslog.address import is_syslog
from exporter.keys.file import load_keys
from exporter.keys.identity import KeyEntry
from exporter.keys.registry import kept
from exporter.model import catalog
from exporter.model.catalog import CATALOG, Family
from exporter.pricing.prices import Pricing
from exporter.pricing.tables import load_prices, read_credits
from exporter.yaml_file import Part, YamlFile

log = logging.getLogger(__name__)

# Fields that were renamed: the section, the old name, the new name.
_RENAMED: tuple[tuple[Steps, str, str], ...] = (
    (("metrics",), "own_families", "custom_families"),
    (("alerts",), "changes", "overrides"),
)
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
    """Where metrics are served, and to whom."""

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
    """Where metrics are served, and to whom."""
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


class Loaded(Struct, kw_only=True):
    """A valid config, with what its files hold. Paths are absolute.

    If `secret` is empty, a new one is to be written to `secret_file`, if that is set.
    """

    config: Config
    keys: tuple[KeyEntry, ...] = ()
    # In epoch seconds: when the copy of the keys was read, 0.0 if there is none; when the price table was changed.
    keys_read: float = 0.0
    prices_changed: float = 0.0
    pricing: Pricing = field(default_factory=Pricing)
    secret: bytes = b""
    secret_file: Path | None = None


def load(path: Path, registry: bool = True) -> Loaded:
    """Read and check a config, its key registry, price tables and secret. ConfigError names the first mistake."""
    placeholders = Placeholders(os.environ)
    try:
        return _load(path, placeholders, registry)
    except ConfigError as error:
        raise placeholders.hide(error) from None


def _load(path: Path, placeholders: Placeholders, registry: bool) -> Loaded:
    file = YamlFile(path, placeholders.fill)
    for steps, old, new in _RENAMED:
        if line := file.rename(steps, old, new):
            log.warning("%s:%d: %s is called %s now; the old name is still read", path, line, old, new)
    config = file.convert(Config)
    folder = path.resolve().parent
    _check_inputs(file, config)
    paths: dict[str, int] = {}
    for n, input_ in enumerate(config.inputs):
        if input_.path != "-" and not is_syslog(input_.path):
            input_.path = str(folder / input_.path)
        same = os.path.normpath(input_.path)
        if same in paths:
            raise file.error(
                ("inputs", n, "path"), f"inputs[{paths[same]}] reads {input_.path} too; each log has one input"
            )
        paths[same] = n
        if input_.rotated:
            input_.rotated = str(folder / input_.rotated)
    _check_labels(file, config)
    _check_families(file, config)
    _check_plans(file, config)
    if config.web.config:
        config.web.config = str(_readable(file, ("web", "config"), folder / config.web.config))
        load_web(Path(config.web.config))
    _find_files_of_usage(file, config, folder)
    loaded = Loaded(config=config)
    _load_secret(file, loaded, folder)
    if config.requests:
        beside_state = Path(config.state.path).with_name("requests")
        config.requests.path = str(folder / (config.requests.path or beside_state))
    if registry:
        _load_registry(file, loaded, folder)
    _load_pricing(file, loaded, folder)
    return loaded


def _find_files_of_usage(file: YamlFile, config: Config, folder: Path) -> None:
    if config.usage and config.usage.listen:
        with file.part("usage", "listen"):
            parse_address(config.usage.listen)
            if config.usage.listen == config.web.listen:
                raise ValueError(f"{config.usage.listen} is web.listen, too: customers must not reach the metrics")
    if config.usage:
        prometheus = config.usage.prometheus
        prometheus.find_files(folder)
        for name in FILES:
            if path := getattr(prometheus, name):
                _readable(file, ("usage", "prometheus", name), Path(path))


def _load_secret(file: YamlFile, loaded: Loaded, folder: Path) -> None:
    config = loaded.config
    if config.state.path:
        config.state.path = str(folder / config.state.path)
        loaded.secret_file = Path(config.state.path).with_name("key-hash.secret")
    if config.identity.secret_file:
        loaded.secret_file = folder / config.identity.secret_file
    if loaded.secret_file and (config.identity.secret_file or loaded.secret_file.exists()):
        loaded.secret = _secret(file, loaded.secret_file)


def _load_registry(file: YamlFile, loaded: Loaded, folder: Path) -> None:
    """The keys of the registry's file. Of an API, those of its copy, if there is a secret: it has hashed names."""
    keys = loaded.config.keys
    if isinstance(keys, KeyApiConfig):
        keys.find_files(folder)
        if keys.copy:
            keys.copy = str(folder / keys.copy)
        if loaded.config.state.path:
            keys.copy = keys.copy or str(Path(loaded.config.state.path).with_name("keys.copy.json"))
        if keys.copy and loaded.secret:
            loaded.keys, loaded.keys_read = kept(Path(keys.copy))
    elif keys:
        loaded.config.keys = str(folder / keys)
        loaded.keys = load_keys(_readable(file, ("keys",), folder / keys), loaded.config.plans)


def _load_pricing(file: YamlFile, loaded: Loaded, folder: Path) -> None:
    pricing = loaded.config.pricing
    if isinstance(pricing.models, str):
        paths = [_readable(file, ("pricing", "models"), folder / pricing.models)]
    else:
        paths = [_readable(file, ("pricing", "models", n), folder / path) for n, path in enumerate(pricing.models)]
    with file.part("pricing", "credits"):
        credits_ = None if pricing.credits is None else read_credits(pricing.credits)
    loaded.pricing = Pricing(
        currency=pricing.currency,
        tables=tuple(map(load_prices, paths)),
        credits=credits_,
        bill=pricing.bill,
        multipliers=pricing.multipliers,
        unbilled=tuple(pricing.unbilled),
    )
    loaded.prices_changed = min(max((path.stat().st_mtime for path in paths), default=0.0), time.time())


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port`; an empty host means all addresses. ValueError if the address is not valid."""
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit() or not 0 <= int(port) < 65536:
        raise ValueError(f"{address!r} is not a valid address; use HOST:PORT, as in 127.0.0.1:10114")
    return host.strip("[]"), int(port)


def _check_inputs(file: YamlFile, config: Config) -> None:
    """Check that formats are valid and names differ; name the inputs that have no name."""
    names: dict[str, int] = {}
    for n, input_ in enumerate(config.inputs):
        with file.part("inputs", n, "format"):
            build(input_.spec)
        input_.name = input_.name or _input_name(input_.path)
        if input_.name in names:
            problem = f"{input_.name!r} is the name of inputs[{names[input_.name]}] too; give each its own"
            raise file.error(("inputs", n, "name"), problem)
        names[input_.name] = n


def _check_labels(file: YamlFile, config: Config) -> None:
    """Check declared labels, which rules must not keep apart: not every family has them."""
    custom_fields = {name for input_ in config.inputs for name in resolved(input_.spec).custom_fields}
    of_inputs = {label for input_ in config.inputs for label in input_.labels}
    with file.part("metrics"):
        check_labels(config.metrics.labels, sorted(custom_fields), of_inputs)
    for n, label in enumerate(config.alerts.scope_labels):
        if label in config.metrics.labels:
            problem = f"{label!r} is declared in metrics.labels, and only some families have it"
            raise file.error(("alerts", "scope_labels", n), problem)


def _check_families(file: YamlFile, config: Config) -> None:
    """Check changed and custom families, and that limits and alerts have the families they need."""
    with file.part("metrics"):
        families = config.families
    for plan, config_of in config.plans.items():
        for limit in config_of.all_limits:
            name = f"gateway_{limit.unit}_total"
            if limit.unit != "requests" and name not in families:
                problem = f"can't be off: the plan {plan!r} limits {limit.unit}"
                raise file.error(("metrics", "families", name), problem)
    durations = families.get(catalog.REQUEST_DURATION_SECONDS.name)
    for n, one in enumerate(config.alerts.objectives.promises):
        at: Steps = ("alerts", "objectives", *(("each", n - 1) if n else ()), "latency_seconds")
        if one.latency is not None or not n:
            _check_bucket(file, families, at, one)
    if durations and config.alerts.slow_methods and "method" not in durations.labels:
        problem = f"can't be excluded: {durations.name} has no label method"
        raise file.error(("alerts", "slow_methods"), problem)


def _check_plans(file: YamlFile, config: Config) -> None:
    """ConfigError for an exception from an alert's thresholds that names a plan which is not there."""
    for name, change in config.alerts.overrides.items() if config.plans else ():
        for n, one in enumerate(change.exceptions):
            if one.plan and "*" not in one.plan and one.plan not in config.plans:
                at = ("alerts", "overrides", name, "exceptions", n, "plan")
                raise file.error(at, unknown("plan", one.plan, config.plans))


def _check_bucket(file: YamlFile, families: Mapping[str, Family], at: Steps, promised: Objective) -> None:
    """ConfigError where what is promised can't be measured: requests within a bucket are counted, no others."""
    name = {"model": catalog.MODEL_REQUEST_DURATION_SECONDS, "plan": catalog.KEY_REQUEST_DURATION_SECONDS}.get(
        promised.label, catalog.REQUEST_DURATION_SECONDS
    ).name
    durations, seconds_ = families.get(name), promised.latency_seconds
    if durations and seconds_ not in durations.buckets:
        if seconds_ in CATALOG[name].buckets:
            raise file.error(("metrics", "families", name, "buckets"), f"{seconds_:g} is missing: it is {dotted(at)}")
        bounds = ", ".join(f"{one:g}" for one in durations.buckets)
        raise file.error(at, f"{seconds_:g} is not a bucket of {name} (allowed: {bounds})")


def _readable(file: YamlFile, at: Steps, path: Path) -> Path:
    """The path of a file that the config names; ConfigError if it can't be read."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise file.error(at, f"{path} can't be read: {error.strerror}") from None
    return path


def _secret(file: YamlFile, path: Path) -> bytes:
    at = ("identity", "secret_file")
    secret = _readable(file, at, path).read_bytes().strip()
    if len(secret) < 16:
        raise file.error(at, f"{path} holds {len(secret)} bytes; at least 16 are needed")
    return secret


def _input_name(path: str) -> str:
    """A name for an input that has none: the file's, without wildcards."""
    name = Path(path).name.replace("*", "").replace("?", "").strip(".-_")
    return "stdin" if path == "-" else "syslog" if is_syslog(path) else name or "log"
