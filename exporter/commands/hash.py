"""`hash`: the hashed names of raw keys, for the registry."""

import getpass
import sys
from pathlib import Path

from exporter.commands.select_input import named_input, with_secret
from exporter.config.config import Config
from exporter.config.load import load
from exporter.errors import UsageError
from exporter.formats.spec import resolved
from exporter.keys.identity import as_logged
from exporter.service.assembly import Assembly


def run(config: str, name: str | None) -> None:
    """Read raw keys from standard input, one per line, and print the names that the log of input `name` leads to. On a
    terminal, ask for one key.
    """
    # Without the registry: it may not exist yet, as this command helps to write it.
    loaded = with_secret(load(Path(config), registry=False))
    if not loaded.secret:
        raise UsageError(
            f"{config}: state.path or identity.secret_file is needed; "
            "without them, hashed key names change with every start"
        )
    key_hash = _key_hash(loaded.config, name)
    identity = Assembly(loaded).identity
    lines = [getpass.getpass("key: ")] if sys.stdin.isatty() else (line.strip() for line in sys.stdin)
    keys = [key for key in lines if key]
    if not keys:
        raise UsageError("hash needs a key on standard input; standard input was empty")
    for key in keys:
        print(identity.hash(as_logged(key, key_hash)))


def _key_hash(config: Config, name: str | None) -> dict[str, str]:
    """How the gateway has hashed the keys in its log; {} where it has not. UsageError where inputs differ in that."""
    inputs = [named_input(config, name)] if name else config.inputs
    found = {input_.name: resolved(input_.spec).key_hash for input_ in inputs}
    key_hash, *others = found.values()
    if any(other != key_hash for other in others):
        logged = ", ".join(f"{name}: {next(iter(hashes), 'as they are')}" for name, hashes in found.items())
        raise UsageError(f"the inputs log keys differently ({logged}); choose one with --input")
    return dict(key_hash.items())
