"""Made-up streams of syslog: however a stream is cut, the same messages come out, and each is one line."""

import random
from collections.abc import Iterator

from exporter.inputs.syslog.message import Frames, line_of
from tests.cpu import LINEAR, growth

_LONGEST = 60
_HEADERS = (
    b"<190>Mar  3 14:05:09 gw nginx: ",
    b"<134>2026-03-03T14:05:09.123+01:00 gw haproxy[17]: ",
    b'<165>1 2026-03-03T14:05:09Z gw app 7 ID [a@1 b="c\\"]"][d] \xef\xbb\xbf',
    b"<14>1 - - - - - - ",
    b"<190>",
)
# A message that ends with a line feed may have no header, and begin with a number: a count has `<` behind it.
_BARE = (b"12 GET / ", b"7 up: ", b"x")
_BODIES = (b"GET / 200", b"12 <34>", b"5 ", b"", b'{"a": 1}', b"a\0", b"\xff\xfe", b"x" * 80)
# What is stretched: parts of headers that a pattern could try again and again.
_AGAIN = (b"1 ", b"[", b'[a="', b'"', b"\\", b"] ", b"<1>", b"a:", b"Mar  3 14:05:09 ", b" ", b"9")


def _framed(chance: random.Random) -> tuple[bytes, bytes]:
    """A message, and the message with its frame."""
    rest = b"".join(chance.choices(_BODIES, k=chance.randrange(1, 4)))
    if chance.random() < 0.5:
        message = chance.choice(_HEADERS) + rest + chance.choice((b"", b"\n", b"\nat b"))
        return message, b"%d %s" % (len(message), message)
    message = chance.choice(_HEADERS + _BARE) + rest
    return message, message + b"\n"


def failures(seed: int, streams: int, stretches: int) -> Iterator[str]:
    """What does not hold, of so many streams and so many stretched messages."""
    chance = random.Random(seed)
    for _ in range(streams):
        framed = [_framed(chance) for _ in range(chance.randrange(1, 8))]
        messages, stream = [message for message, _ in framed], b"".join(frame for _, frame in framed)
        frames, dropped, rest = Frames(), 0, stream
        found: list[bytes] = []
        while rest:
            size = chance.randrange(1, 30)
            more, lost = frames.feed(rest[:size], _LONGEST)
            found, dropped, rest = found + more, dropped + lost, rest[size:]
        fit = [message for message in messages if len(message) <= _LONGEST]
        if (found, dropped) != (fit, len(messages) - len(fit)):
            yield f"seed {seed}: {found} and {dropped} dropped, of {messages} in {stream!r}"
        if frames.finish() != (b"", False):
            yield f"seed {seed}: something is left of {stream!r}"
        for message in messages:
            piece = message[chance.randrange(len(message)) :]
            for line in (line_of(message), line_of(piece)):
                if not line.endswith(b"\n") or line.count(b"\n") != 1 or len(line) > len(message) + 1:
                    yield f"seed {seed}: {line!r} is no line of {message!r}"
    for _ in range(stretches):
        before, again = _framed(chance)[0][: chance.randrange(60)], chance.choice(_AGAIN)

        def stretch(size: int, before: bytes = before, again: bytes = again) -> None:
            line_of(before + again * (size // len(again)))

        if (grown := growth(stretch, most=32_000)) >= LINEAR:
            yield f"seed {seed}: {grown:.0f} times the time for 4 times {again!r} after {before!r}"
