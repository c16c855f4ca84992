"""The secret for key names if the config names none: created once, next to the state file."""

import secrets
from pathlib import Path

from exporter import durable_file
from exporter.errors import ExporterError
from exporter.private_folder import make_private_folder, not_writable


def own_secret(path: Path) -> bytes:
    """The secret in a file that only its owner can read, created if it is missing. ExporterError if that fails.

    If root creates it, as with `hash`, it belongs to the owner of its folder: the exporter's user must read it.
    """
    try:
        make_private_folder(path.parent)
        durable_file.create(path, f"{secrets.token_hex(32)}\n".encode())
        return path.read_bytes().strip()
    except OSError as error:
        raise ExporterError(
            f"{path}: the secret for key names can't be created: {error.strerror}{not_writable(error)}"
        ) from None
