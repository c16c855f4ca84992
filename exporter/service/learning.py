"""Learns the format of a pipe from its first lines, while the exporter serves already."""

import logging
import threading
import time
from collections.abc import Callable

from exporter.errors import InputError
from exporter.formats.detection.detect import detect
from exporter.formats.spec import FormatSpec
from exporter.inputs.base import Input
from exporter.service.assembly import Assembly
from exporter.service.feed import Feed

log = logging.getLogger(__name__)

# What an input has until its format is learned: no line is read with it. It has costs, as the lines may have.
PLACEHOLDER = FormatSpec(preset="litellm")
# A format that is not recognised in so many lines or bytes is given up; else once nothing has come for so long.
_MOST_LINES = 500
_MOST_BYTES = 1 << 18
_QUIET_SECONDS = 0.5


class Learning(Input):
    """Holds the lines of a feed's input back until their format is known, then leaves the feed to the input itself.

    `read` raises InputError if the format of the lines is not known.
    """

    def __init__(self, feed: Feed, assembly: Assembly, wake: Callable[[], None]) -> None:
        self._input, feed.input = feed.input, self
        self._feed = feed
        self._assembly = assembly
        self._wake = wake
        self._sample = b""
        self._tried = 0
        self._grown_at = 0.0

    @property
    def finished(self) -> bool:  # type: ignore[override]
        """False: at the end of the pipe the format is known, or `read` has raised."""
        return self._input.finished and not self._sample

    @property
    def pending(self) -> bool:
        """Whether the pipe has more."""
        return self._input.pending

    @property
    def files(self) -> list[str]:
        """The pipe's name."""
        return self._input.files

    def scan(self) -> None:
        """Nothing to do: there are no files."""

    def lag_bytes(self) -> int:
        """The bytes that are held back, too."""
        return self._input.lag_bytes() + len(self._sample)

    def close(self) -> None:
        """Close the pipe."""
        self._input.close()

    def read(self) -> bytes:
        """All lines until now, once their format is known; b"" before."""
        now = time.monotonic()
        while chunk := self._input.read():
            self._sample += chunk
            self._grown_at = now
            timer = threading.Timer(_QUIET_SECONDS, self._wake)
            timer.daemon = True
            timer.start()
            if len(self._sample) >= _MOST_BYTES:
                break
        enough = len(self._sample) >= _MOST_BYTES or self._sample.count(b"\n") >= _MOST_LINES or self._input.finished
        quiet = now >= self._grown_at + _QUIET_SECONDS and len(self._sample) > self._tried
        if not self._sample.strip() or not (enough or quiet):
            return b""
        self._tried = len(self._sample)
        return self._learn(enough)

    def _learn(self, is_last: bool) -> bytes:
        lines = self._sample.count(b"\n")
        found = detect(self._sample)
        if not found:
            problem = f"{self._feed.name}: no known format has the first {lines} lines"
            if is_last:
                cure = "write them to a file, and let `gateway-exporter init FILE` print a config"
                raise InputError(f"{problem}; {cure}")
            log.warning("%s; waiting for more", problem)
            return b""
        spec = found[0].spec
        log.info("%s: format %s, by its first %d lines", self._feed.name, spec.preset, lines)
        [config] = [input_ for input_ in self._assembly.config.inputs if input_.name == self._feed.name]
        config.format = spec
        format_ = self._assembly.format_of(config)
        self._feed.input = self._input
        self._feed.turn_to(format_.decoder, self._assembly.meter_of(config, format_), spec)
        sample, self._sample = self._sample, b""
        return sample
