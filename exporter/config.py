"""The config's types and `load`: every rule of validity, every message.

The command line hands the parts on to the stages as plain values; no stage imports this file.
"""

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from exporter.admission import BUDGETS
from exporter.catalog import CATALOG
from exporter.config_alerts import AlertsConfig
from exporter.durations import seconds
from exporter.errors import unknown
from exporter.formats.format import FormatSpec, build, presets
from exporter.formats.source import parse_sources
from exporter.identity import KeyEntry
from exporter.keyapi import KeyApiConfig
from exporter.keyfile import CLASSES, load_keys
from exporter.plans import LimitsConfig, PlanConfig
from exporter.pricefile import load_prices, read_credits
from exporter.pricing import Pricing
from exporter.registry import kept
from exporter.windows import time_zone
from exporter.yamlfile import YamlFile

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_RESERVED = {"job", "instance", "le", "quantile"} | {label for family in CATALOG.values() for label in family.labels}


class _Part(Struct, kw_only=True, forbid_unknown_fields=True):
    """A mapping in the config; a field it does not know is a mistake."""


class InputConfig(_Part, rename={"class_": "class"}):
    """A log, or with `*` and `?` several that belong together. `-` is standard input.

    `name` is the value of the `input` label. `labels` are added to every family of records.
    `rotated` is a pattern of where old logs go, if that is not beside them. `timezone` is for formats
    that write times without a zone; the machine's unless said.
    """

    path: str
    name: str = ""
    format: str | FormatSpec = ""
    rotated: str = ""
    labels: dict[str, str] = {}
    class_: str = "business"
    timezone: str = ""

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("path is empty")
        if self.class_ not in CLASSES:
            raise ValueError(unknown("class", self.class_, CLASSES))
        if self.timezone:
            time_zone(self.timezone)
        for label in self.labels:
            if not _LABEL.fullmatch(label) or label.startswith("__"):
                raise ValueError(f"labels: {label!r} is no label name: letters, digits and _ are allowed")
            if label in _RESERVED:
                raise ValueError(f"labels: {label!r} is used by Prometheus or the catalogue; choose another name")

    @property
    def spec(self) -> FormatSpec:
        """The format; ValueError where it is missing or no preset."""
        if isinstance(self.format, FormatSpec):
            return self.format
        if not self.format:
            raise ValueError("is missing: name a preset, or describe the format with json, template or regex")
        if self.format not in presets():
            raise ValueError(unknown("preset", self.format, presets()))
        return FormatSpec(preset=self.format)

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone of times without one."""
        return time_zone(self.timezone) if self.timezone else None


class IdentityConfig(_Part):
    """`secret_file` holds the secret that key hashes are made with; share it among exporters that must agree."""

    secret_file: str = ""


class MetricsConfig(_Part):
    """What bounds the number of series and how long they live.

    `scrape_interval` is what is expected of scrapers until theirs is seen: a new series shows 0 for a while.
    """

    budgets: dict[str, int] = {}
    max_series: int = 200_000
    admit_after: int = 1
    scrape_interval: str = "15s"
    expire_after: str = "24h"
    created_timestamps: bool = False

    def __post_init__(self) -> None:
        for label, budget in self.budgets.items():
            if label not in BUDGETS:
                raise ValueError(unknown("label", label, BUDGETS))
            if budget < 1:
                raise ValueError(f"budgets: {label} must be at least 1")
        if self.max_series < 1 or self.admit_after < 1:
            raise ValueError("max_series and admit_after must be at least 1")
        if not 0 < _seconds("scrape_interval", self.scrape_interval) <= 3600:
            raise ValueError("scrape_interval must be more than 0s and at most 1h")
        if _seconds("expire_after", self.expire_after) < 3600:
            raise ValueError("expire_after must be at least 1h: a series that goes and comes is born again")


class PricingConfig(_Part):
    """What requests cost. `models` are price tables, of which the first that knows a model counts; `currency` is
    theirs, and that of the costs which gateways log. `bill` says whose price counts where another model `served`
    than the one `requested`. `multipliers` are of providers. `unbilled` are methods and routes that cost nothing.
    """

    currency: str = "USD"
    models: str | list[str] = []
    credits: Any = None
    bill: str = "served"
    multipliers: dict[str, float] = {}
    unbilled: list[str] = []

    def __post_init__(self) -> None:
        if self.bill not in ("served", "requested"):
            raise ValueError(unknown("bill", self.bill, ("served", "requested")))
        for provider, factor in self.multipliers.items():
            if not 0 <= factor < float("inf"):
                raise ValueError(f"multipliers: {provider}: a multiplier is 0 or more, not {factor}")


class StateConfig(_Part):
    """The file that holds counters and positions over restarts; without one, they last as long as the process."""

    path: str = ""


class WebConfig(_Part):
    """Where metrics are served."""

    listen: str = "127.0.0.1:10114"

    def __post_init__(self) -> None:
        parse_address(self.listen)


class Config(_Part):
    """The whole config."""

    inputs: list[InputConfig]
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    keys: str | KeyApiConfig = ""
    plans: dict[str, PlanConfig] = {}
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    routes: list[str] = []
    chains: dict[str, str | list[str]] = {}
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    pricing: PricingConfig = field(default_factory=PricingConfig)
    state: StateConfig = field(default_factory=StateConfig)
    web: WebConfig = field(default_factory=WebConfig)
    start_at: str = "end"
    alerts: AlertsConfig = field(default_factory=AlertsConfig)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ValueError("inputs is empty: name at least one log")
        if self.start_at not in ("end", "beginning"):
            raise ValueError(unknown("start_at", self.start_at, ("end", "beginning")))
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


def load(path: Path) -> Loaded:
    """Read and check a config, its key registry, price tables and secret. ConfigError names the first mistake."""
    file = YamlFile(path)
    config = file.convert(Config)
    folder = path.resolve().parent
    names: dict[str, int] = {}
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
        if one.rotated:
            one.rotated = str(folder / one.rotated)
    loaded = Loaded(config=config)
    _load_secret(file, loaded, folder)
    _load_registry(loaded, folder)
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


def _load_registry(loaded: Loaded, folder: Path) -> None:
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
        loaded.keys = load_keys(folder / keys, loaded.config.plans)


def _load_pricing(file: YamlFile, loaded: Loaded, folder: Path) -> None:
    pricing = loaded.config.pricing
    models = [pricing.models] if isinstance(pricing.models, str) else pricing.models
    paths = [folder / path for path in models]
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


def _secret(file: YamlFile, path: Path) -> bytes:
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise file.error("identity.secret_file", f"{path} can't be read: {error.strerror}") from None
    if len(secret) < 16:
        raise file.error("identity.secret_file", f"{path} holds {len(secret)} bytes; at least 16 are needed")
    return secret


def _seconds(name: str, duration: str) -> float:
    try:
        return seconds(duration)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _input_name(path: str) -> str:
    """A name for an input that has none: the file's, without what varies."""
    name = Path(path).name.replace("*", "").replace("?", "").strip(".-_")
    return "stdin" if path == "-" else name or "log"
