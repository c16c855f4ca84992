"""Folders that only their owner may enter."""

import errno
import os
from pathlib import Path

# Where a service keeps its state; systemd's unit, the image and the packages use it.
SERVICE_STATE = "/var/lib/gateway-exporter"


def service_state() -> str:
    """The folder of a service's state if this user can write there or create it, else ""."""
    folder = Path(SERVICE_STATE)
    return SERVICE_STATE if os.access(folder if folder.exists() else folder.parent, os.W_OK) else ""


def not_writable(error: OSError) -> str:
    """What to do if the folder of the state can't be written to; "" for other errors."""
    if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
        return ""
    return f"; state.path must be in a folder that this user can write to; a service's is {SERVICE_STATE}"


def make_private_folder(path: Path) -> None:
    """Make a folder with mode 0700, whatever the umask; one that is there stays as it is. OSError if it can't be."""
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    path.chmod(0o700)
