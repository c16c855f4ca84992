"""How far rows were sent, in a file beside them: written after each answer of the receiver, before the next request.

It is not in the state, because that is saved every few seconds: a crash would repeat all rows of this time. Numbers of
rows are used again if rows are deleted that the state does not know; only rows that it knows are sent, so what was sent
keeps its number. If the state is lost or older than this file, a new `instance` begins, so that no id ever stands for
two requests.
"""

import logging
import uuid
from pathlib import Path

import msgspec
from msgspec import Struct, field

from exporter import durable_file
from exporter.private_folder import make_private_folder

log = logging.getLogger(__name__)

NAME = "outbox.json"


class Place(Struct, kw_only=True):
    """All rows up to `cursor` were sent or refused; `sent` and `refused` are how many, ever. An id of a row is made of
    `instance` and its number.
    """

    instance: str = field(default_factory=lambda: str(uuid.uuid4()))
    cursor: int = 0
    sent: int = 0
    refused: int = 0

    def go_back(self, mark: int) -> None:
        """Continue at an earlier row: numbers behind it come again, for other requests."""
        self.instance = str(uuid.uuid4())
        self.cursor = mark


def load(folder: Path) -> Place:
    """The place in a folder; at its beginning if there is none. OSError if the file can't be read."""
    path = folder / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Place)
    except FileNotFoundError:
        return Place()
    except msgspec.DecodeError as error:
        log.error("%s is damaged (%s): all rows that are kept are sent again, with new ids", path, error)
        return Place()


def save(folder: Path, place: Place) -> None:
    """Write the place, durably: after a crash it is there as a whole, the old or the new one. Raises OSError."""
    make_private_folder(folder)
    durable_file.replace(folder / NAME, msgspec.json.encode(place))
