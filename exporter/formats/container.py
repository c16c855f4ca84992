"""Lines as container runtimes keep them: behind a prefix (CRI) or inside JSON (Docker), long ones in pieces."""

import re
from typing import Any, Literal

import msgspec
from msgspec import Struct

from exporter.formats.decoder import BYTE_ORDER_MARK, Decoded, Decoder
from exporter.model.fields import LONGEST_LINE

# Kubernetes, containerd and CRI-O: `2026-03-03T14:05:09.331Z stdout F line`, with P for a piece that others follow.
# Source: kubernetes/design-proposals-archive, node/kubelet-cri-logging.md.
_CRI = re.compile(rb"\S+ (stdout|stderr) ([FP])(?::\S*)? (.*)", re.DOTALL)


class _Docker(Struct):
    """A line of Docker's json-file log; one that is followed by more does not end with a line feed."""

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
# What a container writes to. "all" reads both.
STREAMS = ("stdout", "stderr", "all")


class Contained(Decoder):
    """Decoder of another's lines, `kind` being how a container runtime has wrapped them.

    Lines of another `stream` are ignored: most gateways log requests to stdout, and errors to stderr.
    A line in pieces is one line: it counts where it ends. The pieces wait in memory, at most `longest` bytes for each
    stream. They are not remembered, as a key may stand in them: of a line that a restart parts, the rest is rejected.
    """

    def __init__(self, decoder: Decoder, kind: str, stream: str = "all", longest: int = LONGEST_LINE) -> None:
        self._decoder = decoder
        self._piece = CONTAINERS[kind]
        # Docker's own lines may name no stream: they are read.
        self._ignored = {"stdout": "stderr", "stderr": "stdout"}.get(stream)
        self._longest = longest
        # By stream; None where the beginning is lost, or it became too long.
        self._pieces: dict[str, bytearray | None] = {}

    @property
    def inside(self) -> Decoder:
        """The decoder of the lines themselves."""
        return self._decoder.inside

    @property
    def names(self) -> dict[str, Any]:
        """The names that the expressions use."""
        return self._decoder.names

    def expression(self, path: str) -> str:
        """What reads a path of the other decoder's row reads it here."""
        return self._decoder.expression(path)

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
        """The lines inside; `outer` gets those that have none."""
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

    def flush(self) -> Decoded:
        """What waits in the other decoder; a line that never ended is none."""
        return self._decoder.flush()

    @property
    def patience(self) -> float:  # type: ignore[override]
        """How long lines wait in the other decoder."""
        return self._decoder.patience

    def release(self) -> Decoded:
        """What has waited long enough in the other decoder."""
        return self._decoder.release()

    def snapshot(self) -> tuple[list[str], Any] | None:
        """The streams in which a line is open, and what the other decoder remembers."""
        inside = self._decoder.snapshot()
        return (list(self._pieces), inside) if self._pieces or inside is not None else None

    def restore(self, remembered: Any) -> None:
        """Go on; what is left of an open line is no line."""
        streams, inside = msgspec.convert(remembered or ([], None), tuple[list[str], Any])
        self._pieces = dict.fromkeys(streams)
        self._decoder.restore(inside)

    def follow(self, other: Decoder) -> None:
        """Go on, also within a line."""
        assert isinstance(other, Contained)
        self._pieces = other._pieces
        self._decoder.follow(other._decoder)
