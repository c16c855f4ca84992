"""Fuzzing: made-up lines go through the real feed, and the exposition through the parsers of `prometheus_client`.

For each subject: nothing raises, not even where the feed goes on after it, parsed + ignored + rejected = lines, both
parsers read the exposition, and a line that is stretched takes time as its length does.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from exporter.config.load import load
from exporter.metrics.exposition import render
from exporter.model.fields import LABEL_FIELDS
from exporter.service.assembly import Assembly
from tests.cpu import LINEAR, growth
from tests.fuzz import lines
from tests.fuzz.subjects import SUBJECTS

_SHOWN = 400


class _Fed:
    """A feed's input: lines that are there at once, in chunks."""

    pending = False

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = iter(chunks)

    def read(self) -> bytes:
        return next(self._chunks, b"")


class Run:
    """The exporter with one input, whose format is a subject's."""

    def __init__(self, folder: Path, name: str) -> None:
        config, secret = folder / "config.yaml", folder / "secret"
        secret.write_text("a secret for tests", encoding="utf-8")
        input_ = {"path": "access.log", "name": "fuzzed", "format": SUBJECTS[name].format, "timezone": "UTC"}
        added = {"gateway_requests_total": {"add": LABEL_FIELDS}}
        labels = {"labels": {field: {} for field in LABEL_FIELDS}, "families": added}
        whole = {"inputs": [input_], "identity": {"secret_file": "secret"}, "metrics": labels}
        config.write_text(json.dumps(whole), encoding="utf-8")
        self.assembly = Assembly(load(config))
        self.feed = self.assembly.pipeline().feeds[0]

    def read(self, *chunks: list[bytes]) -> None:
        """Count lines, chunk by chunk."""
        fed: Any = _Fed([b"".join(line + b"\n" for line in chunk) for chunk in chunks])
        self.feed.input = fed
        while self.feed.count_next_chunk():
            pass
        self.feed.flush()
        self.feed.fold()


def failures(name: str, seed: int, count: int, stretches: int, folder: Path) -> Iterator[str]:
    """What does not hold for a subject, of so many lines and so many stretched ones."""
    good = SUBJECTS[name].lines
    chance = random.Random(f"{seed} {name}")
    run = Run(folder, name)
    chunks = [good]
    while sum(map(len, chunks)) < count:
        chunks.append([lines.line(good, chance) for _ in range(chance.choice((1, 10, 100)))])
    where = f"{name}, seed {seed}"
    try:
        run.read(*chunks)
    except Exception as error:
        yield f"{where}: {error!r} on {_culprit(folder, name, chunks)}"
        return
    found = run.feed.lines(run.assembly.store)
    read = sum(map(SUBJECTS[name].counts, chunks))
    if sum(found) != read:
        yield f"{where}: {' + '.join(map(str, found))} parsed, ignored and rejected are not {read} lines"
    yield from (f"{where}: {problem}" for problem in _unreadable(run.assembly))
    for _ in range(stretches):
        before, again, after = lines.stretched(good, chance)

        def stretch(size: int, before: bytes = before, again: bytes = again, after: bytes = after) -> None:
            run.read([good[0], before + again * (size // len(again)) + after])

        if (grown := growth(stretch, most=32_000)) >= LINEAR:
            times = f"{grown:.0f} times the time for 4 times {again!r}"
            yield f"{where}: {times} after {before[-_SHOWN:]!r}, then {after!r}"


def _culprit(folder: Path, name: str, chunks: list[list[bytes]]) -> str:
    """The first line that raises behind a good one."""
    for line in (line for chunk in chunks for line in chunk):
        try:
            Run(folder, name).read([*SUBJECTS[name].lines, line])
        except Exception:
            return repr(line[:_SHOWN])
    return "no line alone"


def _unreadable(assembly: Assembly) -> Iterator[str]:
    text, openmetrics = (b"".join(render(assembly.store, is_new)[0]).decode() for is_new in (False, True))
    if 'reason="failed"' in text:
        yield "a line was rejected as `failed`: the log has the error"
    for what, served, parse in (
        ("the text format", text, text_string_to_metric_families),
        ("OpenMetrics", openmetrics + "# EOF\n", parse_openmetrics),
    ):
        try:
            if not list(parse(served)):
                yield f"{what} is empty"
        except ValueError as error:
            yield f"{what} can't be parsed: {error}"
