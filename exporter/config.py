"""The config's types and `load`: every rule of validity, every message.

The command line hands the parts on to the stages as plain values; no stage imports this file.
"""

import os
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from exporter.catalog import CATALOG, Family
from exporter.config_alerts import AlertsConfig
from exporter.config_families import FamilyError, families_of
from exporter.config_inputs import InputConfig
from exporter.config_metrics import MetricsConfig
from exporter.errors import unknown
from exporter.formats.format import FormatSpec, build
from exporter.formats.source import parse_sources
from exporter.identity import KeyEntry
from exporter.keyapi import KeyApiConfig
from exporter.keyfile import load_keys
from exporter.plans import LimitsConfig, PlanConfig
from exporter.pricefile import load_prices, read_credits
from exporter.pricing import Pricing
from exporter.registry import kept
from exporter.yamlfile import Part, YamlFile


class IdentityConfig(Part):
    """`secret_file` holds the secret that key hashes are made with; share it among exporters that must agree."""

    secret_file: str = ""


class PricingConfig(Part):
    """What requests cost. `models` are price tables, of which the first that knows a model counts; `currency` is
    theirs, and that of the costs which gateways log. `bill` says whose price counts where another model `served`
    than the one `requested`. `multipliers` are of providers. `unbilled` are methods and routes that cost nothing.
    """

    currency: str = "USD"
    models: str | list[str] = field(default_factory=list)
    credits: Any = None
    bill: str = "served"
    multipliers: dict[str, float] = field(default_factory=dict)
    unbilled: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.bill not in ("served", "requested"):
            raise ValueError(unknown("bill", self.bill, ("served", "requested")))
        for provider, factor in self.multipliers.items():
            if not 0 <= factor < float("inf"):
                raise ValueError(f"multipliers: {provider}: a multiplier is 0 or more, not {factor}")


class StateConfig(Part):
    """The file that holds counters and positions over restarts; without one, they last as long as the process."""

    path: str = ""


class WebConfig(Part):
    """Where metrics are served."""

    listen: str = "127.0.0.1:10114"

    def __post_init__(self) -> None:
        try:
            parse_address(self.listen)
        except ValueError as error:
            raise ValueError(f"listen: {error}") from None


class Config(Part):
    """The whole config."""

    inputs: list[InputConfig]
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    keys: str | KeyApiConfig = ""
    plans: dict[str, PlanConfig] = field(default_factory=dict)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    routes: list[str] = field(default_factory=list)
    chains: dict[str, str | list[str]] = field(default_factory=dict)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    pricing: PricingConfig = field(default_factory=PricingConfig)
    state: StateConfig = field(default_factory=StateConfig)
    web: WebConfig = field(default_factory=WebConfig)
    start_at: str = "end"
    alerts: AlertsConfig = field(default_factory=AlertsConfig)

    @property
    def families(self) -> dict[str, Family]:
        """The families that are served, by name. FamilyError where the section `metrics` makes none of them."""
        return families_of(self.metrics.families, self.metrics.own_families)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ValueError("inputs is empty: name at least one log")
        if self.start_at not in ("end", "beginning"):
            raise ValueError(unknown("start_at", self.start_at, ("end", "beginning")))
        for chain, patterns in self.chains.items():
            if not all([patterns] if isinstance(patterns, str) else patterns or [""]):
                raise ValueError(f"chains: {chain}: give a path or a host name, or a list of them")
        for route in self.routes:
            if not route.startswith("/"):
                raise ValueError(f"routes: {route!r} must start with /, as in /v1/scores/:identity")
            if (
                sum(
                    part in (":key", "{key}", ":apikey", "{apikey}", ":api_key", "{api_key}")
                    for part in route.split("/")
                )
                > 1
            ):
                raise ValueError(f"routes: {route!r} has more than one :key; a request has one key")


class Loaded(Struct, kw_only=True):
    """A valid config, with what its files hold. Paths are absolute.

    `secret` may be missing as yet; then `secret_file` is where one is to be made, if anywhere.
    """

    config: Config
    keys: tuple[KeyEntry, ...] = ()
    # When the keys were read, where that was before the start; when the price table was changed. Epoch seconds.
    keys_read: float = 0.0
    prices_changed: float = 0.0
    pricing: Pricing = field(default_factory=Pricing)
    secret: bytes = b""
    secret_file: Path | None = None


def load(path: Path, registry: bool = True) -> Loaded:
    """Read and check a config, its key registry, price tables and secret. ConfigError names the first mistake."""
    file = YamlFile(path)
    config = file.convert(Config)
    folder = path.resolve().parent
    names: dict[str, int] = {}
    paths: dict[str, int] = {}
    for n, one in enumerate(config.inputs):
        at = f"inputs[{n}]"
        try:
            spec = one.spec
        except ValueError as error:
            raise file.error(f"{at}.format", str(error)) from None
        _check_format(file, f"{at}.format", spec)
        one.name = one.name or _input_name(one.path)
        if one.name in names:
            raise file.error(
                f"{at}.name", f"{one.name!r} is the name of inputs[{names[one.name]}] too; give each its own"
            )
        names[one.name] = n
        if one.path != "-":
            one.path = str(folder / one.path)
        same = os.path.normpath(one.path)
        if same in paths:
            raise file.error(f"{at}.path", f"inputs[{paths[same]}] reads {one.path} too; each log has one input")
        paths[same] = n
        if one.rotated:
            one.rotated = str(folder / one.rotated)
    _check_families(file, config)
    loaded = Loaded(config=config)
    _load_secret(file, loaded, folder)
    if registry:
        _load_registry(file, loaded, folder)
    _load_pricing(file, loaded, folder)
    return loaded


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
    """The keys of the registry's file; of an API those of its copy, which are of no use without the secret."""
    keys = loaded.config.keys
    if isinstance(keys, KeyApiConfig):
        for name in ("token_file", "headers_file", "copy"):
            if getattr(keys, name):
                setattr(keys, name, str(folder / getattr(keys, name)))
        if loaded.config.state.path:
            keys.copy = keys.copy or str(Path(loaded.config.state.path).with_name("keys.copy.json"))
        if keys.copy and loaded.secret:
            loaded.keys, loaded.keys_read = kept(Path(keys.copy))
    elif keys:
        loaded.config.keys = str(folder / keys)
        loaded.keys = load_keys(_readable(file, "keys", folder / keys), loaded.config.plans)


def _load_pricing(file: YamlFile, loaded: Loaded, folder: Path) -> None:
    pricing = loaded.config.pricing
    if isinstance(pricing.models, str):
        paths = [_readable(file, "pricing.models", folder / pricing.models)]
    else:
        paths = [_readable(file, f"pricing.models[{n}]", folder / path) for n, path in enumerate(pricing.models)]
    loaded.pricing = Pricing(
        currency=pricing.currency,
        tables=tuple(map(load_prices, paths)),
        credits=None if pricing.credits is None else read_credits(file, "pricing.credits", pricing.credits),
        bill=pricing.bill,
        multipliers=pricing.multipliers,
        unbilled=tuple(pricing.unbilled),
    )
    loaded.prices_changed = max((path.stat().st_mtime for path in paths), default=0.0)


def parse_address(address: str) -> tuple[str, int]:
    """`host:port` → both; an empty host is every address. ValueError where it is neither."""
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit() or not 0 <= int(port) < 65536:
        raise ValueError(f"{address!r} is no address: write host:port, as in 127.0.0.1:10114")
    return host.strip("[]"), int(port)


def _check_format(file: YamlFile, at: str, spec: FormatSpec) -> None:
    """Fields one by one, so that a mistake is told where it stands; then the whole."""
    for part in ("json", "fields"):
        for name, sources in (getattr(spec, part) or {}).items():
            try:
                parse_sources(name, sources)
            except ValueError as error:
                raise file.error(f"{at}.{part}.{name}", str(error).removeprefix(f"{name}: ")) from None
    try:
        build(spec)
    except ValueError as error:
        raise file.error(at, str(error)) from None


def _check_families(file: YamlFile, config: Config) -> None:
    """Changes and families of one's own; and whether what limits and alerts stand on is there."""
    try:
        families = config.families
    except FamilyError as error:
        raise file.error(f"metrics.{error.field}", str(error)) from None
    for plan, config_of in config.plans.items():
        for limit in config_of.all_limits:
            name = f"gateway_{limit.unit}_total"
            if limit.unit != "requests" and name not in families:
                raise file.error(f"metrics.families.{name}", f"can't be off: the plan {plan!r} limits {limit.unit}")
    durations = families.get("gateway_request_duration_seconds")
    objective = config.alerts.objectives.latency_seconds
    if durations and objective not in durations.buckets:
        at, bounds = "alerts.objectives.latency_seconds", ", ".join(f"{bound:g}" for bound in durations.buckets)
        if objective in CATALOG[durations.name].buckets:
            raise file.error(f"metrics.families.{durations.name}.buckets", f"{objective:g} is missing: it is {at}")
        raise file.error(at, f"{objective:g} is no bucket of {durations.name} (allowed: {bounds})")
    if durations and config.alerts.slow_methods and "method" not in durations.labels:
        raise file.error("alerts.slow_methods", f"can't be told apart: {durations.name} is without its label method")


def _readable(file: YamlFile, at: str, path: Path) -> Path:
    """A file that the config names."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise file.error(at, f"{path} can't be read: {error.strerror}") from None
    return path


def _secret(file: YamlFile, path: Path) -> bytes:
    secret = _readable(file, "identity.secret_file", path).read_bytes().strip()
    if len(secret) < 16:
        raise file.error("identity.secret_file", f"{path} holds {len(secret)} bytes; at least 16 are needed")
    return secret


def _input_name(path: str) -> str:
    """A name for an input that has none: the file's, without what varies."""
    name = Path(path).name.replace("*", "").replace("?", "").strip(".-_")
    return "stdin" if path == "-" else name or "log"
