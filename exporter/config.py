"""The config's types and `load`: every rule of validity, every message.

The command line hands the parts on to the stages as plain values; no stage imports this file.
"""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Struct, field

from exporter.admission import BUDGETS
from exporter.catalog import CATALOG
from exporter.config_alerts import AlertsConfig
from exporter.errors import unknown
from exporter.formats.format import FormatSpec, build, presets
from exporter.formats.source import parse_sources
from exporter.identity import KeyEntry
from exporter.yamlfile import YamlFile

CLASSES = ("business", "internal")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_HASH = re.compile(r"k_[0-9a-f]{16}")
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
        if self.timezone and self.timezone not in available_timezones():
            raise ValueError(f"unknown timezone {self.timezone!r}: names are like Europe/Berlin or UTC")
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
        return ZoneInfo(self.timezone) if self.timezone else None


class IdentityConfig(_Part):
    """`secret_file` holds the secret that key hashes are made with; share it among exporters that must agree."""

    secret_file: str = ""


class MetricsConfig(_Part):
    """What bounds the number of series."""

    budgets: dict[str, int] = {}
    max_series: int = 200_000
    admit_after: int = 1

    def __post_init__(self) -> None:
        for label, budget in self.budgets.items():
            if label not in BUDGETS:
                raise ValueError(unknown("label", label, BUDGETS))
            if budget < 1:
                raise ValueError(f"budgets: {label} must be at least 1")
        if self.max_series < 1 or self.admit_after < 1:
            raise ValueError("max_series and admit_after must be at least 1")


class PricingConfig(_Part):
    """The currency that the gateway's costs are in."""

    currency: str = "USD"


class WebConfig(_Part):
    """Where metrics are served."""

    listen: str = "127.0.0.1:10114"

    def __post_init__(self) -> None:
        parse_address(self.listen)


class Config(_Part):
    """The whole config."""

    inputs: list[InputConfig]
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    keys: str = ""
    routes: list[str] = []
    chains: dict[str, str | list[str]] = {}
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    pricing: PricingConfig = field(default_factory=PricingConfig)
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


class _KeyPart(_Part, rename={"class_": "class"}):
    """An entry of the key registry."""

    id: str = ""
    hash: str = ""
    name: str = ""
    owner: str = ""
    plan: str = ""
    created: Any = None
    expires: Any = None
    enabled: bool = True
    class_: str = ""

    def __post_init__(self) -> None:
        if not self.id and not self.hash:
            raise ValueError("a key needs an id, a hash (from `gateway-exporter hash`), or both")
        if self.hash and not _HASH.fullmatch(self.hash):
            raise ValueError("hash must be as `gateway-exporter hash` prints it: k_ and 16 hex digits. Never a raw key")
        if self.class_ and self.class_ not in CLASSES:
            raise ValueError(unknown("class", self.class_, CLASSES))
        self.created, self.expires = _date("created", self.created), _date("expires", self.expires)


class Loaded(Struct, kw_only=True):
    """A valid config, with what its files hold. Paths are absolute."""

    config: Config
    keys: tuple[KeyEntry, ...] = ()
    secret: bytes = b""


def load(path: Path) -> Loaded:
    """Read and check a config, its key registry and its secret. ConfigError names the first mistake."""
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
    keys: tuple[KeyEntry, ...] = ()
    if config.keys:
        keys = load_keys(folder / config.keys)
    secret = b""
    if config.identity.secret_file:
        secret = _secret(file, folder / config.identity.secret_file)
    return Loaded(config=config, keys=keys, secret=secret)


def load_keys(path: Path) -> tuple[KeyEntry, ...]:
    """Read a key registry: a list of entries. ConfigError names the first mistake."""
    file = YamlFile(path)
    if file.content is None:
        return ()
    parts = file.convert(list[_KeyPart])
    seen: dict[str, int] = {}
    for n, part in enumerate(parts):
        for name in {part.id, part.hash} - {""}:
            if name in seen:
                raise file.error(f"[{n}]", f"{name!r} is entry {seen[name]} too; a key stands once")
            seen[name] = n
    return tuple(KeyEntry(**{name: getattr(part, name) for name in part.__struct_fields__}) for part in parts)


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


def _date(name: str, value: Any) -> datetime | None:
    """A date of the registry as a time; a day is its beginning, a time without zone is UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{name}: {value!r} is no date; write 2026-12-31 or 2026-12-31T18:00:00Z") from None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ValueError(f"{name}: {value!r} is no date; write 2026-12-31 or 2026-12-31T18:00:00Z")


def _input_name(path: str) -> str:
    """A name for an input that has none: the file's, without what varies."""
    name = Path(path).name.replace("*", "").replace("?", "").strip(".-_")
    return "stdin" if path == "-" else name or "log"
