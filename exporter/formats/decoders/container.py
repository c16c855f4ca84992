"""Lines as container runtimes store them: with a prefix (CRI) or inside JSON (Docker), long lines in pieces."""

import re
from typing import Any, Literal

import msgspec
from msgspec import Struct

from exporter.formats.decoders.decoder import BYTE_ORDER_MARK, Decoded, Decoder, Wrapper
from exporter.model.fields import LONGEST_LINE

# Kubernetes, containerd and CRI-O: `2026-03-03T14:05:09.331Z stdout F line`; P instead of F if more pieces follow.
# Source: kubernetes/design-proposals-archive, node/kubelet-cri-logging.md.
_CRI = re.compile(rb"\S+ (stdout|stderr) ([FP])(?::\S*)? (.*)", re.DOTALL)


class _Docker(Struct):
    """A line of Docker's json-file log. `log` ends with a line feed unless more pieces follow."""

    log: str
    stream: Literal["stdout", "stderr", ""] = ""


_docker = msgspec.json.Decoder(_Docker)


def _cri_piece(line: bytes) -> tuple[str, bytes, bool] | None:
    found = _CRI.fullmatch(line)
    return (found[1].decode(), found[3], found[2] == b"F") if found else None


def _docker_piece(line: bytes) -> tuple[str, bytes, bool] | None:
    try:
        entry = _docker.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return entry.stream, entry.log.rstrip("\n").encode("utf-8", "replace"), entry.log.endswith("\n")


CONTAINERS = {"cri": _cri_piece, "docker": _docker_piece}
# The values of `stream`; "all" reads both streams.
STREAMS = ("stdout", "stderr", "all")


class Contained(Wrapper[Decoder]):
    """Unwraps the lines of a container runtime (`kind`, see CONTAINERS) for the inner decoder.

    Lines of another `stream` are ignored: most gateways log requests to stdout and errors to stderr. Pieces of a line
    wait in memory, at most `longest` bytes per stream, until the last one arrives; `flush` drops them. They are not in
    the snapshot, as they may hold a key: if a restart separates them, the rest of the line is rejected.
    """

    def __init__(self, decoder: Decoder, kind: str, stream: str, longest: int = LONGEST_LINE) -> None:
        super().__init__(decoder)
        self._piece = CONTAINERS[kind]
        # Lines of Docker without a stream are always read.
        self._ignored = {"stdout": "stderr", "stderr": "stdout"}.get(stream)
        self._longest = longest
        # By stream; None if the beginning is lost, or the line is too long.
        self._pieces: dict[str, bytearray | None] = {}

    def decode(self, chunk: bytes) -> Decoded:
        """The rows of the lines that end in this chunk."""
        outer = Decoded([], [])
        lines = self.unwrap(chunk, outer)
        done = self._decoder.decode(lines) if lines else Decoded([], [])
        done.rejected += outer.rejected
        done.blank += outer.blank
        done.faults += outer.faults
        return done

    def unwrap(self, chunk: bytes, outer: Decoded) -> bytes:
        """The lines inside; lines that can't be unwrapped are added to `outer`."""
        inside = []
        lines = chunk.split(b"\n")
        lines.pop()
        for line in lines:
            try:
                found = self._piece(line.rstrip(b"\r").removeprefix(BYTE_ORDER_MARK))
            except Exception as error:
                outer.rejected.append(("failed", line))
                outer.blame(error)
                continue
            if found:
                stream, text, ends = found
                if stream == self._ignored:
                    outer.blank += ends
                    continue
                whole = self._pieces.pop(stream, bytearray())
                if whole is not None and len(whole) + len(text) > self._longest:
                    whole = None
                if whole is not None:
                    whole += text
                if not ends:
                    self._pieces[stream] = whole
                elif whole is None:
                    outer.rejected.append(("no_start", line))
                else:
                    inside.append(whole.replace(b"\n", b" ") + b"\n")
            elif line.strip(b" \t\r\0"):
                outer.rejected.append(("no_match", line))
            else:
                outer.blank += 1
        return b"".join(inside)

    def snapshot(self) -> tuple[list[str], Any] | None:
        """The streams with an unfinished line, and the inner decoder's state."""
        inside = self._decoder.snapshot()
        return (list(self._pieces), inside) if self._pieces or inside is not None else None

    def restore(self, remembered: Any) -> None:
        """Restore the state. The rest of an unfinished line will be rejected."""
        streams, inside = msgspec.convert(remembered or ([], None), tuple[list[str], Any])
        self._pieces = dict.fromkeys(streams)
        self._decoder.restore(inside)

    def follow(self, other: Decoder) -> None:
        """Continue where another decoder stopped, also within a line."""
        assert isinstance(other, Contained)
        self._pieces = other._pieces
        self._decoder.follow(other._decoder)
