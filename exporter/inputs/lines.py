"""Makes whole lines from pieces of any size."""

from exporter.model.fields import LONGEST_LINE

CHUNK = 1 << 16
# A read that finds no whole line ends after this many bytes, so that other logs are read too.
SLICE = 1 << 22


class Lines:
    """Puts lines together. `rest` is the unfinished line at the end. While `skipping`, the rest of a line that is too
    long is dropped.
    """

    def __init__(self, skipping: bool = False) -> None:
        self.rest = b""
        self.skipping = skipping

    def feed(self, data: bytes, longest: int = LONGEST_LINE) -> tuple[bytes, bool]:
        """Add data. Returns the whole lines, and whether a line of more than `longest` bytes was dropped."""
        dropped = False
        if self.skipping:
            end = data.find(b"\n") + 1
            if not end:
                return b"", False
            data, self.skipping = data[end:], False
        cut = data.rfind(b"\n") + 1
        whole = b"".join((self.rest, memoryview(data)[:cut])) if cut else b""
        self.rest = data[cut:] if cut else self.rest + data
        if len(self.rest) > longest:
            self.rest, self.skipping, dropped = b"", True, True
        return whole, dropped

    def finish(self) -> bytes:
        """The unfinished line at the end, with a line feed; b"" if there is none."""
        rest, self.rest, self.skipping = self.rest, b"", False
        return rest + b"\n" if rest else b""
