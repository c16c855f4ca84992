"""The secret that key hashes are made with, where the config names none: made once, beside the state."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from exporter.errors import ExporterError
from exporter.private_folder import make_private_folder


def own_secret(path: Path) -> bytes:
    """The secret in a file that only its owner can read; made if it is not there. ExporterError where it can't be."""
    try:
        make_private_folder(path.parent)
        made = path.with_name(f"{path.name}.{os.getpid()}")
        made.unlink(missing_ok=True)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(made, path)  # whole, and never over one that is there
        made.unlink()
        return path.read_bytes().strip()
    except OSError as error:
        raise ExporterError(f"{path}: the secret for key names can't be made: {error.strerror}") from None
