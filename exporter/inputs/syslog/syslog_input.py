"""Receives syslog: by UDP, by TCP, or as datagrams at a Unix socket.

A thread empties the kernel's buffers while the pipeline is busy. If too many lines wait to be counted, it stops: TCP
slows the senders down then, and the kernel drops datagrams, which are counted where it says how many.

Each message counts at most once: what was received and not committed is lost with the process, and so is what is sent
while there is none.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress

from exporter.inputs.base import Input
from exporter.inputs.events import InputEvents
from exporter.inputs.syslog.address import parse_syslog
from exporter.inputs.syslog.receiver import Dropped, Receiver
from exporter.inputs.syslog.sockets import open_socket

_RETRY_SECONDS = 1.0


class SyslogInput(Input):
    """The messages that come to an address, as lines. If it can't be opened, because it is in use, say, that is tried
    again every second.
    """

    def __init__(self, address: str, events: InputEvents, wake: Callable[[], None]) -> None:
        self.finished = False
        self._address = parse_syslog(address)
        self._events = events
        self._wake = wake
        self._receiver: Receiver | None = None
        self._reported = Dropped()
        self._problem = ""
        self._retry_at = 0.0

    @property
    def pending(self) -> bool:
        """False: a read returns lines as long as there are any."""
        return False

    @property
    def files(self) -> list[str]:
        """The address, as there is no file."""
        return [str(self._address)]

    @property
    def readable(self) -> bool:
        """Whether messages are received."""
        return self._receiver is not None

    @property
    def unreadable(self) -> dict[str, str]:
        """The address, if its socket can't be opened."""
        return {str(self._address): self._problem} if self._problem else {}

    def scan(self) -> None:
        """Open the socket if it is not open, and report what was dropped."""
        if self._receiver and not self._receiver.alive:
            self.close()
        if self._receiver:
            self._report(self._receiver)
        elif time.monotonic() >= self._retry_at:
            self._open()

    def lag_bytes(self) -> int:
        """How many bytes were received and are not counted yet, without those in the kernel's buffers."""
        return self._receiver.waiting_bytes if self._receiver else 0

    def read(self) -> bytes:
        """The next messages; b"" if there are none now."""
        return self._receiver.take() if self._receiver else b""

    def leave(self) -> tuple[bytes, int]:
        """Stop receiving. Returns what has come and was not read."""
        lines = b""
        if self._receiver:
            self._receiver.stop()
            while more := self.read():
                lines += more
            self.close()
        return lines, 0

    def close(self) -> None:
        """Stop receiving, and close the sockets."""
        if self._receiver:
            self._receiver.stop()
            self._report(self._receiver)
            self._receiver.close()
            self._receiver = None
            with suppress(OSError):
                if self._address.path:
                    os.unlink(self._address.path)  # noqa: PTH108

    def _open(self) -> None:
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        try:
            opened = open_socket(self._address)
        except OSError as error:
            problem = error.strerror or str(error)
            if problem != self._problem:
                self._events.unreadable(str(self._address), problem)
            self._problem = problem
            return
        self._problem = ""
        self._reported = Dropped()
        self._receiver = Receiver(opened, lambda: self._events.longest_line, self._wake)

    def _report(self, receiver: Receiver) -> None:
        """Report what was dropped since the last report."""
        name, now, before = str(self._address), receiver.dropped(), self._reported
        for _ in range(now.too_long - before.too_long):
            self._events.too_long(name)
        # The kernel's number has 32 bits.
        if messages := (now.by_kernel - before.by_kernel) % (1 << 32) + now.cut_off - before.cut_off:
            self._events.dropped(name, messages)
        self._reported = now
