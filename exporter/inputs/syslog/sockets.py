"""The sockets on which syslog is received, and what the kernel says of them. Cold path."""

import errno
import os
import socket
import stat
import struct
from contextlib import closing

from exporter.inputs.syslog.address import Address

# What the kernel may keep until it is read; it allows as much as net.core.rmem_max.
_BUFFER_BYTES = 4 << 20
_BACKLOG = 16
# Linux, sock(7) and include/uapi/linux/sock_diag.h: nine numbers, the last of which are the datagrams dropped so far.
_SO_MEMINFO, _MEMINFO = 55, struct.Struct("9I")


def open_socket(address: Address) -> socket.socket:
    """A socket that receives at an address, and never blocks. Raises OSError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    if address.kind == "unix":
        _remove_stale(address.path)
        family = socket.AF_UNIX
    kind = socket.SOCK_STREAM if address.kind == "tcp" else socket.SOCK_DGRAM
    opened = socket.socket(family, kind)
    try:
        opened.setblocking(False)
        if address.kind == "unix":
            opened.bind(address.path)
            # As with /dev/log, and as at a port of 127.0.0.1, every user may send; its folder can say otherwise.
            os.chmod(address.path, 0o666)  # noqa: PTH101
        else:
            if address.kind == "tcp":
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((address.host, address.port))
        if address.kind == "tcp":
            opened.listen(_BACKLOG)
        else:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    except OSError:
        opened.close()
        raise
    return opened


def dropped_by_kernel(opened: socket.socket) -> int:
    """How many datagrams the kernel has dropped at a socket, modulo 2^32; 0 where it does not say so."""
    try:
        numbers = _MEMINFO.unpack(opened.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
    except (OSError, struct.error):
        return 0
    return int(numbers[-1])


def _remove_stale(path: str) -> None:
    """Remove the socket that a process which was killed has left. Raises OSError if another one receives there."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH116
            raise OSError(errno.EEXIST, "exists, and is not a socket")
    except FileNotFoundError:
        return
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as probe:
        if probe.connect_ex(path) != errno.ECONNREFUSED:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    os.unlink(path)  # noqa: PTH108
