"""Finished objects, as clouds write them to a bucket: packed files in a folder that is kept in step with it.

An object is opened, read to its end and closed; what is known of it then is its position with its stamp. One that a
tool writes in place, not under another name first, is read as far as it can be unpacked, and on as it grows.
"""

import os
import time
from collections.abc import Callable

from msgspec.structs import replace as changed

from exporter.inputs.disk.content import open_content
from exporter.inputs.disk.fingerprint import TICK, Identity, Stamp, whole
from exporter.inputs.disk.tail import Tail
from exporter.inputs.logs.discovery import LogFinder
from exporter.inputs.logs.sorting import InputFiles

# So many are open at a time.
MOST = 256
# How long nobody must have written to an object (ns) whose last line does not end, and to one that can't be unpacked to
# its end, before it is closed.
_UNENDED, _BROKEN = 10_000_000_000, 60_000_000_000


class Objects:
    """The objects of one input. `are_closed` if some were read whole."""

    def __init__(self, files: InputFiles, finder: LogFinder) -> None:
        self.are_closed = False
        self._files = files.opened
        self._known = files.known
        self._events = files.events
        self._finder = finder
        # Those without any content, of which no position is kept.
        self._empty: set[Stamp] = set()

    def unread(self, there: dict[Identity, str]) -> dict[Identity, str]:
        """Of the objects that are there, those that were not read whole, or were written to since. What is known of
        those that are gone is forgotten; not if all are, as their folder may be away.
        """
        stamps = self._finder.stamps
        left = dict(there)
        self._empty.intersection_update(stamps.values())
        closed = {position.identity: position for position in self._known.finished() if position.size}
        for identity, position in closed.items():
            if there and identity not in there:
                self._known.is_gone(position)
            elif identity not in self._files.live and stamps.get(identity) == position.stamp:
                left.pop(identity, None)
        self.are_closed = bool(closed or self._empty)
        return {identity: path for identity, path in left.items() if stamps.get(identity) not in self._empty}

    def leave_out(self, there: dict[Identity, str], is_followed: Callable[[str], bool]) -> dict[Identity, str]:
        """Take the objects that are there before a new input is for read. Returns those that were followed before."""
        followed = {identity: path for identity, path in there.items() if is_followed(path)}
        for identity, path in there.items() - followed.items():
            try:
                content = open_content(path)
            except OSError as error:
                self._finder.trouble(path, error)
                continue
            position = whole(path, content, identity)
            self._known.finish(position, self._finder.stamps[identity])
            self._events.opened(path, position.offset)
            content.close()
        return followed

    def let_go(self, tail: Tail, stamp: Stamp) -> bytes:
        """Close an object that is read to its end if nobody writes to it. `stamp` is that of before the last read.
        Returns its unfinished line, b"" if it has none.
        """
        is_broken = tail.content.damaged
        quiet = time.time_ns() - os.fstat(tail.content.fileno()).st_ctime_ns
        if quiet < (_BROKEN if is_broken else _UNENDED if tail.lines.rest else TICK):
            return b""
        rest = b""
        if is_broken:  # should it become whole, it is read on from the start of the unfinished line
            self._events.loss(tail.name, "damaged")
        else:
            rest = tail.finish()
        position = changed(tail.position(), columns=())
        if position.offset:
            self._known.finish(position, stamp)
        else:
            self._empty.add(stamp)
        self.are_closed = True
        self._files.remove(tail)
        return rest
