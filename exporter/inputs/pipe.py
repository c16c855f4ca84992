"""Reads standard input, or another stream that can't be read twice."""

import os
import queue
import threading
from collections.abc import Callable

from exporter.inputs.base import Input
from exporter.inputs.events import InputEvents
from exporter.inputs.lines import CHUNK, SLICE, Lines


class PipeInput(Input):
    """The lines of a file descriptor. A thread reads it, so that a silent writer does not block other inputs.

    The thread waits until the lines are counted: the writer is slowed down, and no lines are dropped.
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
        """The input's name, as it has no file."""
        return [self.name]

    def scan(self) -> None:
        """Nothing to do: there are no files."""

    def lag_bytes(self) -> int:
        """About how many bytes were read and are not counted yet."""
        return self._waiting.qsize() * CHUNK

    def read(self) -> bytes:
        """The next whole lines. b"" if there are none now, if the stream has ended (`finished`), or if the read stopped
        within a long line (`pending`).
        """
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
