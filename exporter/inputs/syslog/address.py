"""Where syslog is received: the address that stands in a config instead of a path."""

import ipaddress
import re
from typing import Literal, NamedTuple

from exporter.errors import FieldError

Kind = Literal["udp", "tcp", "unix"]

# unix(7): `sun_path` has 108 bytes, with a zero byte at the end.
_MOST_PATH_BYTES = 107
_FORMS = "syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT or syslog+unix:///PATH"
_HOST_PORT = re.compile(r"(?:\[(?P<six>[^]]*)\]|(?P<four>[^:]*)):(?P<port>\d{1,5})/?")


class Address(NamedTuple):
    """UDP or TCP at `host` and `port`, or datagrams at the Unix socket `path`."""

    kind: Kind
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.kind == "unix":
            return f"syslog+unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"syslog+{self.kind}://{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can send to it."""
        return self.kind == "unix" or ipaddress.ip_address(self.host).is_loopback


def is_syslog(path: str) -> bool:
    """Whether a path of a config is an address of syslog."""
    return path.startswith(("syslog:", "syslog+"))


def parse_syslog(text: str) -> Address:
    """The address that a text names. Without a host it is 127.0.0.1. Raises FieldError if it is not valid."""
    # Long, as it has a rule for each part of an address.
    kind, separator, rest = text.removeprefix("syslog+").partition("://")
    if not separator or not text.startswith("syslog+") or kind not in ("udp", "tcp", "unix"):
        raise FieldError("path", f"{text!r} is not a syslog address; use {_FORMS}")
    if kind == "unix":
        if not rest.startswith("/"):
            raise FieldError("path", f"{text!r} needs an absolute path: syslog+unix:///run/gateway-exporter/log")
        if len(rest.encode()) > _MOST_PATH_BYTES:
            raise FieldError("path", f"{rest!r} is too long for a Unix socket (at most {_MOST_PATH_BYTES} bytes)")
        return Address("unix", path=rest)
    found = _HOST_PORT.fullmatch(rest)
    if not found or not 0 < int(found["port"]) < 65536:
        raise FieldError("path", f"{text!r} needs a port from 1 to 65535, as in syslog+{kind}://127.0.0.1:5140")
    host = found["six"] or found["four"] or "127.0.0.1"
    try:
        host = str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError:
        problem = f"{host!r} is not an IP address; use one of this machine, 0.0.0.0 for all, or none for 127.0.0.1"
        raise FieldError("path", problem) from None
    return Address("udp" if kind == "udp" else "tcp", host, int(found["port"]))
