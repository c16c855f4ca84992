"""Lines as container runtimes store them: with a prefix (CRI) or inside JSON (Docker), long lines in pieces."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from exporter.formats.decoders.decoder import BYTE_ORDER_MARK, Decoded, Decoder, Wrapper
from exporter.model.fields import LONGEST_LINE

# Kubernetes, containerd and CRI-O: `2026-03-03T14:05:09.331Z stdout F line`; P instead of F if more pieces follow.
# Source: kubernetes/design-proposals-archive, node/kubelet-cri-logging.md.
_CRI = re.compile(rb"\S+ (stdout|stderr) ([FP])(?::\S*)? (.*)", re.DOTALL)
# A whole line of a stream.
_CRI_WHOLE = {
    stream: re.compile(rb"\S++ (?:%s) F(?::\S*+)? (.*)" % names, re.DOTALL).fullmatch
    for stream, names in (("stdout", b"stdout"), ("stderr", b"stderr"), ("all", b"stdout|stderr"))
}


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


def _cri_lines(chunk: bytes, stream: str) -> bytes | None:
    if b"\r" in chunk:
        return None
    lines = chunk.split(b"\n")
    lines.pop()
    found = [*map(_CRI_WHOLE[stream], lines)]
    return None if None in found else b"".join([whole[1] + b"\n" for whole in found if whole])


def _docker_lines(chunk: bytes, stream: str) -> bytes | None:
    try:
        entries = _docker.decode_lines(chunk)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if stream != "all" and not {entry.stream for entry in entries} <= {stream, ""}:
        return None
    texts = [entry.log for entry in entries]
    inside = "".join(texts).encode("utf-8", "replace")
    one_each = len(texts) == chunk.count(b"\n") == inside.count(b"\n")
    return inside if one_each and all(text.endswith("\n") for text in texts) else None


CONTAINERS = {"cri": _cri_piece, "docker": _docker_piece}
# The same for many lines at once; None if not all are whole lines of the stream. Several times as fast.
_WHOLE_LINES = {"cri": _cri_lines, "docker": _docker_lines}
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
        self._whole_lines = _WHOLE_LINES[kind]
        self._stream = stream
        # Lines of Docker without a stream are always read.
        self._ignored = {"stdout": "stderr", "stderr": "stdout"}.get(stream)
        self._longest = longest
        # By stream; None if the beginning is lost, or the line is too long.
        self._pieces: dict[str, bytearray | None] = {}

    def number(self, path: str, convert: Mapping[Any, float]) -> str | None:
        """The inner decoder's expression for a float."""
        return self._decoder.number(path, convert)

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
        """The lines inside; lines that can't be unwrapped are added to `outer`. Hot path."""
        if not self._pieces and len(chunk) <= self._longest:
            whole = self._whole_lines(chunk, self._stream)
            if whole is not None:
                return whole
        return self._unwrap_each(chunk, outer)

    def _unwrap_each(self, chunk: bytes, outer: Decoded) -> bytes:
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
