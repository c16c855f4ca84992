"""The thread that reads a syslog socket and the connections to it."""

import logging
import selectors
import socket
import threading
from collections.abc import Callable
from typing import NamedTuple

from exporter import descriptors
from exporter.errors import place
from exporter.inputs.lines import CHUNK
from exporter.inputs.syslog.message import Frames, line_of
from exporter.inputs.syslog.sockets import dropped_by_kernel

log = logging.getLogger(__name__)

# A sender keeps one connection. Each may hold one unfinished message, so this bounds the memory, too.
MOST_CONNECTIONS = 64
# Lines that wait to be counted.
MOST_WAITING_BYTES = 8 << 20
# After a connection that could not be accepted.
_PAUSE_SECONDS = 0.1
_DATAGRAM = 1 << 16


class Dropped(NamedTuple):
    """How many messages were dropped until now: longer than allowed, cut off by the end of their connection, or by the
    kernel (modulo 2^32).
    """

    too_long: int = 0
    cut_off: int = 0
    by_kernel: int = 0


class Receiver:
    """Reads a bound socket; `longest` gives the length of the longest message, in bytes, `wake` is called when lines
    have come. The other methods are for another thread.
    """

    def __init__(self, opened: socket.socket, longest: Callable[[], int], wake: Callable[[], None]) -> None:
        self._socket = opened
        self._longest = longest
        self._wake = wake
        self._frames: dict[socket.socket, Frames] = {}
        self._waiting = bytearray()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._too_long = self._cut_off = 0
        self._full = False
        self._selector = selectors.DefaultSelector()
        self._interrupt, self._interrupted = socket.socketpair()
        self._selector.register(self._interrupted, selectors.EVENT_READ)
        self._selector.register(opened, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="receive syslog", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it receives."""
        return self._thread.is_alive()

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait to be taken."""
        return len(self._waiting)

    def take(self) -> bytes:
        """About the next CHUNK bytes of whole lines."""
        with self._changed:
            cut = self._waiting.rfind(b"\n", 0, CHUNK) + 1 or self._waiting.find(b"\n") + 1
            lines = bytes(self._waiting[:cut])
            del self._waiting[:cut]
            self._changed.notify()
        return lines

    def dropped(self) -> Dropped:
        """What was dropped until now."""
        return Dropped(self._too_long, self._cut_off, dropped_by_kernel(self._socket))

    def stop(self) -> None:
        """Read about CHUNK bytes more of what has come, and stop."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._interrupt.send(b"x")
            with self._changed:
                self._changed.notify()
        self._thread.join()

    def close(self) -> None:
        """Close the sockets; call `stop` before."""
        self._selector.close()
        for end in (self._socket, self._interrupt, self._interrupted, *self._frames):
            end.close()

    # --- its thread

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                lines = b"".join(map(line_of, self._messages()))
                with self._changed:
                    was_empty = not self._waiting
                    self._waiting += lines
                    if lines and was_empty:
                        self._wake()
                    self._changed.wait_for(self._may_go_on)
        except Exception as error:
            log.error("internal error, please report it: %s", place(error))

    def _may_go_on(self) -> bool:
        return len(self._waiting) < MOST_WAITING_BYTES or self._stopping.is_set()

    def _messages(self) -> list[bytes]:
        """Wait for messages, and return those that have come."""
        found: list[bytes] = []
        for key, _ in self._selector.select():
            if key.fileobj is self._socket:
                if self._socket.type == socket.SOCK_STREAM:
                    self._accept()
                else:
                    found += self._datagrams()
            elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._frames:
                found += self._stream(key.fileobj)
        return found

    def _datagrams(self) -> list[bytes]:
        found: list[bytes] = []
        longest, size = self._longest(), 0
        try:
            while size < CHUNK:
                message = self._socket.recv(_DATAGRAM)
                size += len(message) + 1
                if len(message) > longest:
                    self._too_long += 1
                elif message:
                    found.append(message)
        except BlockingIOError:
            pass
        return found

    def _stream(self, connection: socket.socket) -> list[bytes]:
        frames = self._frames[connection]
        try:
            data = connection.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if data:
            found, too_long = frames.feed(data, self._longest())
            self._too_long += too_long
            return found
        rest, cut_off = frames.finish()
        self._cut_off += cut_off
        self._selector.unregister(connection)
        del self._frames[connection]
        connection.close()
        return [rest] if rest else []

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except BlockingIOError:
            return
        except OSError:
            self._stopping.wait(_PAUSE_SECONDS)
            return
        if len(self._frames) >= MOST_CONNECTIONS or connection.fileno() >= descriptors.for_logs(descriptors.limit()):
            connection.close()
            if not self._full:
                self._full = True
                log.warning("syslog: more connections than there is room for (%d); they are closed", MOST_CONNECTIONS)
            return
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._frames[connection] = Frames()
        self._selector.register(connection, selectors.EVENT_READ)
