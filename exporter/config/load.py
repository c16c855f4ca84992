"""`load`, which reads and checks the config with the files that it names."""

import logging
import os
import time
from pathlib import Path

from msgspec import Struct, field

from exporter.config.checks import check_families, check_inputs, check_labels, check_plans
from exporter.config.config import Config
from exporter.config.keys import KeyApiConfig
from exporter.config.server import ServerPart
from exporter.config.values import parse_address
from exporter.config.web import load_web
from exporter.environment import Placeholders
from exporter.errors import ConfigError, Steps
from exporter.inputs.syslog.address import is_syslog
from exporter.keys.file import load_keys
from exporter.keys.identity import KeyEntry
from exporter.keys.registry import kept
from exporter.pricing.pricing import Pricing
from exporter.pricing.tables import load_prices, read_credits
from exporter.yaml_file import YamlFile

log = logging.getLogger(__name__)

# Fields that were renamed: the section, the old name, the new name.
_RENAMED: tuple[tuple[Steps, str, str], ...] = (
    (("metrics",), "own_families", "custom_families"),
    (("alerts",), "changes", "overrides"),
)


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
    check_inputs(file, config)
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
    check_labels(file, config)
    check_families(file, config)
    check_plans(file, config)
    if config.web.config:
        config.web.config = str(_readable(file, ("web", "config"), folder / config.web.config))
        load_web(Path(config.web.config))
    _find_files_of_usage(file, config, folder)
    loaded = Loaded(config=config)
    _load_secret(file, loaded, folder)
    if config.requests:
        beside_state = Path(config.state.path).with_name("requests")
        config.requests.path = str(folder / (config.requests.path or beside_state))
        _find_files(file, config.requests.otlp, ("requests", "otlp"), folder)
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
        _find_files(file, config.usage.prometheus, ("usage", "prometheus"), folder)


def _find_files(file: YamlFile, server: ServerPart | None, at: Steps, folder: Path) -> None:
    """Find the files of a server that is asked; ConfigError if one can't be read."""
    if server:
        server.find_files(folder)
        for name in server.files:
            if path := getattr(server, name):
                _readable(file, (*at, name), Path(path))


def _load_secret(file: YamlFile, loaded: Loaded, folder: Path) -> None:
    config = loaded.config
    if config.state.path:
        config.state.path = str(folder / config.state.path)
        loaded.secret_file = Path(config.state.path).with_name("key-hash.secret")
    if config.identity.secret_file:
        loaded.secret_file = folder / config.identity.secret_file
    if loaded.secret_file and (config.identity.secret_file or _exists(file, ("state", "path"), loaded.secret_file)):
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


def _exists(file: YamlFile, at: Steps, path: Path) -> bool:
    """ConfigError if nobody can say: another user may not look into the folder of a service's state."""
    try:
        return path.exists()
    except OSError as error:
        raise file.error(at, f"{path} can't be read: {error.strerror}") from None


def _readable(file: YamlFile, at: Steps, path: Path) -> Path:
    """The path of a file that the config names; ConfigError if it can't be read."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise file.error(at, f"{path} can't be read: {error.strerror}") from None
    return path


def _secret(file: YamlFile, path: Path) -> bytes:
    at = ("identity", "secret_file")
    if _readable(file, at, path).is_char_device():
        raise file.error(at, f"{path} is a device; write the secret into a file, as with openssl rand -hex 32")
    secret = path.read_bytes().strip()
    if len(secret) < 16:
        raise file.error(at, f"{path} holds {len(secret)} bytes; at least 16 are needed")
    return secret
