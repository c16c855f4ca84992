"""Messages of syslog: cut out of a stream, and freed from their header. Sources: RFC 3164, RFC 5424, RFC 6587."""

import re

# What stands before the message: `<PRI>` and, as far as they are there, the time, the host and the program.
# HAProxy leaves out the host, and with `format short` all but `<PRI>`; nginx does so with `nohostname`.
_RFC_3164 = (
    rb"(?:(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]{8,15}(?:Z|[+-]\d\d:\d\d)) "
    rb"(?:(?:[^ ]{1,255}(?<!:) )?[\w./-]{1,48}(?:\[[^\] ]{0,128}\])?: ?)?)?"
)
# Version, time, host, program, process, kind of message, structured data. The message may begin with the BOM.
_RFC_5424 = rb"1 (?:[^ ]{1,255} ){5}(?:-|(?:\[(?:[^\]\\\"]|\"(?:[^\"\\]|\\.)*+\")*+\])++)(?: (?:\xef\xbb\xbf)?|\Z)"
_HEADER = re.compile(rb"<\d{1,3}>(?:" + _RFC_5424 + rb"|" + _RFC_3164 + rb")")
# A frame whose length stands before it. Some begin with a digit by themselves, but not with `<` after it.
_COUNTED = re.compile(rb"([1-9]\d{0,8}) (?=<)")


def line_of(message: bytes) -> bytes:
    """A message as a line of a log: without its header, and with one line feed, at the end."""
    header = _HEADER.match(message)
    line = message[header.end() :] if header else message
    line = line.rstrip(b"\r\n\0")
    return line.replace(b"\n", b" ") + b"\n"


class Frames:
    """Cuts a TCP stream into messages. Each ends with a line feed, or has its length in bytes before it."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0
        # Of a message that is too long: bytes still to be dropped, or -1 up to the next line feed.
        self._skip = 0

    def feed(self, data: bytes, longest: int) -> tuple[list[bytes], int]:
        """Add data. Returns the whole messages, and how many of more than `longest` bytes were dropped."""
        self._data += data
        found: list[bytes] = []
        dropped = at = 0
        while at < len(self._data):
            if self._skip:
                at, more = self._skipped(at)
                if not more:
                    break
                continue
            counted = _COUNTED.match(self._data, at)
            if counted:
                begin, size = counted.end(), int(counted[1])
                if size > longest:
                    at, self._skip, dropped = begin, size, dropped + 1
                    continue
                end = after = begin + size
                if end > len(self._data):
                    break
            else:
                begin, end = at, self._data.find(b"\n", max(at, self._searched))
                after = end + 1
                if end < 0 and len(self._data) - at > longest:
                    at, self._skip, dropped = len(self._data), -1, dropped + 1
                    continue
                if end < 0:
                    break
            if end - begin > longest:
                dropped += 1
            elif end > begin:
                found.append(bytes(self._data[begin:end]))
            at = after
        del self._data[:at]
        self._searched = len(self._data)
        return found, dropped

    def finish(self) -> tuple[bytes, bool]:
        """What is left at the end of the stream: a last message without a line feed, and whether one was cut off."""
        rest, self._data = bytes(self._data), bytearray()
        if self._skip or not rest:
            return b"", False
        return (b"", True) if _COUNTED.match(rest) else (rest, False)

    def _skipped(self, at: int) -> tuple[int, bool]:
        """Where to go on after dropping what is to be dropped, and whether that ended."""
        if self._skip > 0:
            dropped = min(self._skip, len(self._data) - at)
            self._skip -= dropped
            return at + dropped, not self._skip
        end = self._data.find(b"\n", at)
        if end < 0:
            return len(self._data), False
        self._skip = 0
        return end + 1, True
