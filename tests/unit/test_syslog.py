"""Syslog: what is cut out of it, what is dropped, and that it stays within its bounds."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from exporter.errors import FieldError
from exporter.inputs.syslog import receiver
from exporter.inputs.syslog.address import parse_syslog
from exporter.inputs.syslog.message import Frames, line_of
from exporter.inputs.syslog.syslog_input import SyslogInput
from exporter.model.fields import LONGEST_LINE
from tests.process import free_port
from tests.unit.test_files import Told
from tests.waiting import eventually

MESSAGE = b'203.0.113.24 - - [03/Mar/2026:14:05:09 +0000] "GET /: HTTP/1.1" 200 5'


@pytest.fixture
def told() -> Told:
    return Told()


@contextmanager
def opened(address: str, told: Told) -> Iterator[SyslogInput]:
    """An input that receives there."""
    source = SyslogInput(address, told, lambda: None)
    source.scan()
    try:
        yield source
    finally:
        source.close()


def lines_of(source: SyslogInput, size: int) -> bytes:
    """What it reads until that are so many bytes."""
    found = bytearray()

    def come() -> bool:
        found.extend(source.read())
        return len(found) >= size

    eventually(come, "the messages have come")
    return bytes(found)


def send(address: str, *messages: bytes) -> None:
    """Send datagrams, or the parts of one stream, and close it."""
    to = parse_syslog(address)
    family = socket.AF_UNIX if to.kind == "unix" else socket.AF_INET
    kind = socket.SOCK_STREAM if to.kind == "tcp" else socket.SOCK_DGRAM
    with closing(socket.socket(family, kind)) as sender:
        sender.connect(to.path or (to.host, to.port))
        for message in messages:
            sender.sendall(message)


HEADERS = (
    b"",
    b"<190>",
    b"<190>Mar  3 14:05:09 ",
    b"<190>Mar  3 14:05:09 edge-1 nginx: ",
    b"<190>Mar  3 14:05:09 nginx: ",
    b"<134>Mar 13 14:05:09 haproxy[2119]: ",
    b"<134>Mar 13 14:05:09 2001:db8::1 haproxy[2119]: ",
    b"<134>2026-03-03T14:05:09.331+01:00 edge-1 haproxy[2119]: ",
    b"<134>1 2026-03-03T14:05:09.331+01:00 edge-1 haproxy 2119 - - ",
    b"<134>1 2026-03-03T14:05:09Z edge-1 haproxy 2119 ID47 - \xef\xbb\xbf",
    b'<134>1 - - - - - [a@1 b="x\\"] c" d="\\\\"][e@2] ',
)
MESSAGES = (MESSAGE, b'{"status": 200}', b"1 2 3", b"edge: [x] y")
# Where the header has no program, the message's first word may look like one.
CLEAR = [
    (header, message)
    for header in HEADERS
    for message in MESSAGES
    if not (header.endswith(b":09 ") and message.startswith(b"edge"))
]


@pytest.mark.parametrize(("header", "message"), CLEAR)
def test_the_header_is_taken_off_and_the_message_stays(header: bytes, message: bytes) -> None:
    """RFC 3164 with and without host, RFC 5424 with and without data, only `<PRI>`, or nothing."""
    assert line_of(header + message) == message + b"\n"


def test_a_message_is_one_line() -> None:
    """Whatever ends it, and whatever stands within."""
    assert line_of(b"<1>a\nb\r\n\0") == b"a b\n"
    assert line_of(b"<134>1 - - - - - -") == b"\n"


def test_a_stream_is_cut_in_the_same_places_however_it_comes() -> None:
    """By line feed and by count, mixed, in pieces of any size; a count may hold line feeds."""
    stream = b"<1>one\n\n9 <2>tw\no\n3\n<3>three\n127.0.0.1 four\n18 <5>is the last one<6>six"
    wanted = [b"<1>one", b"<2>tw\no\n3", b"<3>three", b"127.0.0.1 four", b"<5>is the last one"]
    for size in range(1, len(stream) + 1):
        frames, found = Frames(), []
        for at in range(0, len(stream), size):
            more, dropped = frames.feed(stream[at : at + size], 100)
            assert dropped == 0
            found += more
        assert (found, frames.finish()) == (wanted, (b"<6>six", False)), size


def test_messages_that_are_too_long_are_dropped_and_the_next_one_is_found() -> None:
    """By line feed and by count, in pieces of any size."""
    stream = b"<1>" + b"x" * 50 + b"\n<2>a\n53 <3>" + b"x\n" * 25 + b"<4>b\n"
    for size in range(1, len(stream) + 1):
        frames, found, dropped = Frames(), [], 0
        for at in range(0, len(stream), size):
            more, too_long = frames.feed(stream[at : at + size], 20)
            found += more
            dropped += too_long
        assert (found, dropped, frames.finish()) == ([b"<2>a", b"<4>b"], 2, (b"", False)), size


@pytest.mark.parametrize(
    ("text", "address", "local"),
    [
        ("syslog+udp://:5140", "syslog+udp://127.0.0.1:5140", True),
        ("syslog+tcp://localhost:601/", "syslog+tcp://127.0.0.1:601", True),
        ("syslog+udp://[::1]:5140", "syslog+udp://[::1]:5140", True),
        ("syslog+udp://0.0.0.0:5140", "syslog+udp://0.0.0.0:5140", False),
        ("syslog+tcp://[::]:5140", "syslog+tcp://[::]:5140", False),
        ("syslog+unix:///run/log", "syslog+unix:///run/log", True),
    ],
)
def test_addresses_are_of_this_machine_only_unless_they_say_otherwise(text: str, address: str, local: bool) -> None:
    """Without a host, 127.0.0.1."""
    found = parse_syslog(text)
    assert (str(found), found.is_local, parse_syslog(address)) == (address, local, found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("syslog:udp:5140", "use syslog+udp://HOST:PORT"),
        ("syslog+upd://127.0.0.1:5140", "use syslog+udp://HOST:PORT"),
        ("syslog+udp://127.0.0.1", "needs a port from 1 to 65535"),
        ("syslog+tcp://127.0.0.1:65536", "needs a port from 1 to 65535"),
        ("syslog+udp://edge.example:5140", "'edge.example' is not an IP address"),
        ("syslog+unix://run/log", "needs an absolute path"),
        ("syslog+unix:///" + "x" * 107, "is too long for a Unix socket"),
    ],
)
def test_a_wrong_address_is_refused_with_the_right_one(text: str, problem: str) -> None:
    """A field of the config: `path`."""
    with pytest.raises(FieldError, match=r"^path") as error:
        parse_syslog(text)
    assert problem in str(error.value)


@pytest.mark.parametrize("kind", ["udp", "unix", "tcp"])
def test_what_is_sent_is_read(tmp_path: Path, told: Told, kind: str) -> None:
    """Each message once, in order; the last one of a stream without its line feed."""
    address = f"syslog+unix://{tmp_path}/log" if kind == "unix" else f"syslog+{kind}://127.0.0.1:{free_port()}"
    end = b"\n" if kind == "tcp" else b""
    with opened(address, told) as source:
        assert (source.readable, source.files) == (True, [address])
        send(address, *(b"<1>%d" % n + end for n in range(100)), b"<1>last")
        assert lines_of(source, 295) == b"".join(b"%d\n" % n for n in range(100)) + b"last\n"
        assert source.lag_bytes() == 0
    assert told.events == []


def test_what_the_kernel_drops_is_counted(told: Told) -> None:
    """No one reads for a while: what is read and what is reported as dropped are together what was sent."""
    address = f"syslog+udp://127.0.0.1:{free_port()}"
    read = 0

    def all_found() -> bool:
        nonlocal read
        read += source.read().count(b"\n")
        source.scan()
        return read + sum(int(dropped) for _, _, dropped in told.events) == 30_000

    with opened(address, told) as source:
        assert source._receiver
        with source._receiver._changed:
            send(address, *([b"<1>" + b"x" * 1000] * 30_000))
        eventually(all_found, "what was read and what was dropped are what was sent")
    assert read < 30_000
    assert {event[:2] for event in told.events} == {("dropped", address)}


def test_lines_that_wait_are_bounded_and_none_is_lost_by_tcp(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is slowed down."""
    monkeypatch.setattr(receiver, "MOST_WAITING_BYTES", 1 << 20)
    address = f"syslog+tcp://127.0.0.1:{free_port()}"
    with opened(address, told) as source, closing(socket.socket()) as sender:
        to = parse_syslog(address)
        sender.connect((to.host, to.port))
        sender.setblocking(False)
        line, sent = b"x" * 999 + b"\n", 0

        def blocked() -> bool:
            nonlocal sent
            try:
                while True:
                    sent += sender.send(line[sent % 1000 :])
            except BlockingIOError:
                return source.lag_bytes() >= 1 << 20

        eventually(blocked, "the sender is slowed down")
        assert source.lag_bytes() < (1 << 20) + (1 << 17)
        rest, found = line[sent % 1000 :], bytearray()

        def finished() -> bool:
            nonlocal rest
            found.extend(source.read())
            with suppress(BlockingIOError):
                rest = rest[sender.send(rest) :] if rest else b""
            return not rest and len(found) >= sent

        eventually(finished, "the rest has come")
        assert bytes(found) == line * (sent // 1000 + 1)
    assert told.events == []


def test_connections_are_bounded_and_a_place_is_free_again_after_one_ends(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that finds no place is closed at once; the others go on."""
    monkeypatch.setattr(receiver, "MOST_CONNECTIONS", 1)
    address = f"syslog+tcp://127.0.0.1:{free_port()}"
    to = parse_syslog(address)
    with opened(address, told) as source:
        with closing(socket.create_connection((to.host, to.port))) as first:
            first.sendall(b"<1>a\n")
            assert lines_of(source, 2) == b"a\n"
            with closing(socket.create_connection((to.host, to.port))) as second:
                assert second.recv(1) == b""
            first.sendall(b"<1>b\n7 <1>cut")
        assert lines_of(source, 2) == b"b\n"
        send(address, b"<1>c\n")
        assert lines_of(source, 2) == b"c\n"
        source.scan()
    assert told.events == [("dropped", address, "1")]


def test_a_message_longer_than_a_line_may_be_is_reported(told: Told) -> None:
    """As in a file."""
    address = f"syslog+tcp://127.0.0.1:{free_port()}"
    with opened(address, told) as source:
        send(address, b"<1>" + b"x" * LONGEST_LINE + b"\n<1>next\n")
        assert lines_of(source, 5) == b"next\n"
    assert [event[0] for event in told.events] == ["too_long"]


def test_an_address_in_use_is_waited_for(tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reported once; and a socket that a killed process has left is replaced, another's never."""
    monkeypatch.setattr("exporter.inputs.syslog.syslog_input._RETRY_SECONDS", 0)
    path = tmp_path / "log"
    address = f"syslog+unix://{path}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as other, opened(address, told) as mine:
        mine.close()
        other.bind(str(path))
        mine.scan()
        mine.scan()
        assert not mine.readable
        assert told.events == [("unreadable", "log", "Address already in use")]
        other.close()
        mine.scan()
        assert mine.readable
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o666  # noqa: PTH116
    assert not path.exists()
    path.write_text("a file of somebody", encoding="utf-8")
    with opened(address, told) as mine:
        assert not mine.readable
    assert path.read_text(encoding="utf-8") == "a file of somebody"


def test_an_input_that_is_removed_has_counted_what_had_come(told: Told) -> None:
    """What was in the kernel's buffer, too; afterwards nobody listens there."""
    address = f"syslog+udp://127.0.0.1:{free_port()}"
    with opened(address, told) as source:
        send(address, *([b"<1>x"] * 100))
        assert source.leave() == (b"x\n" * 100, 0)
        assert not source.readable
        with pytest.raises(ConnectionRefusedError):
            send(address, b"<1>x", b"<1>x")
