"""Standard input, and anything else that is read once and keeps nothing."""

import os
import queue
import threading
from collections.abc import Callable

from exporter.inputs.base import Input
from exporter.inputs.events import InputEvents
from exporter.inputs.lines import CHUNK, SLICE, Lines


class PipeInput(Input):
    """Whole lines of a file descriptor that a thread reads, so that a silent writer blocks nobody else.

    The thread waits while the lines are not taken: a pipe's writer is slowed down, not dropped.
    """

    def __init__(self, fd: int, name: str, events: InputEvents, wake: Callable[[], None]) -> None:
        self.name = name
        self.finished = self._pending = False
        self._fd = fd
        self._events = events
        self._wake = wake
        self._lines = Lines()
        self._waiting: queue.Queue[bytes] = queue.Queue(maxsize=16)
        threading.Thread(target=self._pump, name=f"read {name}", daemon=True).start()

    def follow(self, name: str, events: InputEvents) -> None:
        """Continue under another name: there is one standard input, and one thread reads it."""
        self.name, self._events = name, events

    @property
    def pending(self) -> bool:
        """Whether the last read ended before its data did, without a whole line."""
        return self._pending

    @property
    def files(self) -> list[str]:
        """What is read, for people."""
        return [self.name]

    def scan(self) -> None:
        """There is nothing to look for."""

    def lag_bytes(self) -> int:
        """Bytes read and not counted yet, about."""
        return self._waiting.qsize() * CHUNK

    def read(self) -> bytes:
        """The next whole lines; b"" when there are none now, none any more (`finished`), or where more is `pending`."""
        self._pending = False
        for _ in range(SLICE // CHUNK):
            try:
                data = self._waiting.get_nowait()
            except queue.Empty:
                return b""
            if not data:
                self.finished = True
                return self._lines.finish()
            whole, dropped = self._lines.feed(data, self._events.longest_line)
            if dropped:
                self._events.too_long(self.name)
            if whole:
                return whole
        self._pending = True
        return b""

    def close(self) -> None:
        """The thread ends with the process."""

    def _pump(self) -> None:
        data = b"x"
        while data:
            try:
                data = os.read(self._fd, CHUNK)
            except OSError:
                data = b""
            self._waiting.put(data)
            self._wake()
