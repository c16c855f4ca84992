"""`hash`: the hashed names of raw keys, for the registry."""

import getpass
import sys
from pathlib import Path

from exporter.commands.select_input import with_secret
from exporter.config.load import load
from exporter.errors import UsageError
from exporter.service.assembly import Assembly


def run(config: str) -> None:
    """Read raw keys from standard input, one per line, and print their names. On a terminal, ask for one key."""
    # Without the registry: it may not exist yet, as this command helps to write it.
    loaded = with_secret(load(Path(config), registry=False))
    if not loaded.secret:
        raise UsageError(
            f"{config}: state.path or identity.secret_file is needed; "
            "without them, hashed key names change with every start"
        )
    identity = Assembly(loaded).identity
    lines = [getpass.getpass("key: ")] if sys.stdin.isatty() else (line.strip() for line in sys.stdin)
    keys = [key for key in lines if key]
    if not keys:
        raise UsageError("hash needs a key on standard input; standard input was empty")
    for key in keys:
        print(identity.hash(key))
