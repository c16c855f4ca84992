"""Whole lines out of pieces of any size."""

from exporter.model.fields import LONGEST_LINE

CHUNK = 1 << 16
# Without a whole line a read ends after so many bytes, so that others have their turn.
SLICE = 1 << 22


class Lines:
    """Puts whole lines together. `rest` is the unfinished one at the end; while `skipping`, the line that was
    too long goes on, and is dropped."""

    def __init__(self, skipping: bool = False) -> None:
        self.rest = b""
        self.skipping = skipping

    def feed(self, data: bytes, longest: int = LONGEST_LINE) -> tuple[bytes, bool]:
        """The whole lines that are there now, and whether a line that is too long was dropped."""
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
        """The unfinished line at the end, finished; b"" if there is none."""
        rest, self.rest, self.skipping = self.rest, b"", False
        return rest + b"\n" if rest else b""
