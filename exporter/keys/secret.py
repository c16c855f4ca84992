"""The secret for key names if the config names none: created once, next to the state file."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from exporter.errors import ExporterError
from exporter.private_folder import make_private_folder, not_writable


def own_secret(path: Path) -> bytes:
    """The secret in a file that only its owner can read, created if it is missing. ExporterError if that fails.

    If root creates it, as with `hash`, it belongs to the owner of its folder: the exporter's user must read it.
    """
    try:
        make_private_folder(path.parent)
        made = path.with_name(f"{path.name}.{os.getpid()}")
        made.unlink(missing_ok=True)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            if os.geteuid() == 0:
                os.fchown(file.fileno(), (owner := path.parent.stat()).st_uid, owner.st_gid)
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(made, path)  # complete, and never replaces an existing one
        made.unlink()
        return path.read_bytes().strip()
    except OSError as error:
        raise ExporterError(
            f"{path}: the secret for key names can't be created: {error.strerror}{not_writable(error)}"
        ) from None
