"""The lines of a family in blocks: templates that are kept, filled with the present numbers. Hot path of a scrape."""

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from msgspec import Struct

from exporter.memo import Memo
from exporter.metrics.rows import Rows
from exporter.model.catalog import Family
from exporter.model.input_labels import escaped

# Number of series in a block.
_BLOCK = 256

T = TypeVar("T")


def number(value: float) -> bytes:
    """A sample's value: whole numbers without a point, others in their shortest exact form."""
    if value.__class__ is int:
        return b"%d" % value
    if value.is_integer() and abs(value) < 1e15:
        return b"%d" % value
    return repr(value).encode()


def sample(name: str, labels: tuple[str, ...], values: tuple[str, ...], value: float) -> str:
    """A line of a sheet."""
    written = ",".join([f'{label}="{escaped(text)}"' for label, text in zip(labels, values, strict=True) if text])
    return f"{name}{{{written}}} {number(value).decode()}\n"


class _Pairs(dict[str, Memo[str, bytes]]):
    """`_PAIRS[label][value]` is `label="value"`."""

    def __missing__(self, label: str) -> Memo[str, bytes]:
        pairs = self[label] = Memo(lambda value: f'{label}="{escaped(value)}"'.encode("utf-8", "replace"), 10_000)
        return pairs


_PAIRS = _Pairs()


class Lines(ABC, Generic[T]):
    """The lines of one family. Series of value 0 are hidden if they last: they were never added to."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._name = family.name.encode()
        self._hides = family.type != "gauge" and family.persisted
        self._pairs = [_PAIRS[label] for label in family.labels]
        self._labels: list[tuple[str, ...]] = []
        # What is kept of each block, by its first row.
        self._kept: dict[int, T] = {}

    def blocks(self, rows: Rows, with_created: bool) -> Iterator[bytes]:
        """The lines of these rows, `with_created` each series' followed by when it was made."""
        before, self._labels = self._labels, rows.labels
        width, size = rows.width, len(rows.labels)
        for start in range(0, size, _BLOCK):
            end = min(start + _BLOCK, size)
            whole = slice(start, start + _BLOCK)  # of either: the last block may have lost its last series
            if before is not rows.labels and before[whole] != rows.labels[whole]:
                self._kept.pop(start, None)
            first = bisect_left(rows.held, start)
            held = [row - start for row in rows.held[first : bisect_left(rows.held, end, first)]]
            text, places = self._block(start, rows.labels, rows.numbers[start * width : end * width], held)
            yield self._with_created(rows, text, [start + place for place in places]) if with_created else text
        for start in [start for start in self._kept if start >= size]:
            del self._kept[start]

    @abstractmethod
    def _block(
        self, start: int, labels: list[tuple[str, ...]], numbers: "array[Any]", held: list[int]
    ) -> tuple[bytes, Sequence[int]]:
        """The lines of one block, b"" if all are hidden, and the places of its series that are shown."""

    def _text(self, values: tuple[str, ...]) -> bytes:
        """`key="…",chain="…"`. Empty labels are left out: to Prometheus they are the same as absent ones."""
        written = [memo[value] for memo, value in zip(self._pairs, values, strict=False) if value]
        if len(values) > len(self._pairs):  # the input labels
            written.append(values[-1].encode("utf-8", "replace"))
        return b",".join(written)

    def _with_created(self, rows: Rows, text: bytes, shown: list[int]) -> bytes:
        name = self._name.removesuffix(b"_total")
        each = rows.width + 1 if self.family.type == "histogram" else 1
        lines = text.split(b"\n")
        found = []
        for n, row in enumerate(shown):
            found += lines[n * each : (n + 1) * each]
            if created := rows.created.get(rows.labels[row]):
                labels = self._text(rows.labels[row])
                found.append(b"%b_created%b %.3f" % (name, b"{%b}" % labels if labels else b"", created))
        return b"".join([b"%b\n" % line for line in found])


class _Template(Struct, gc=False):
    """`text` % the numbers of the series in `places` are the lines of a block; `code` is the type of these numbers."""

    text: bytes
    places: Sequence[int]
    code: str


class ValueLines(Lines[_Template]):
    """The lines of a counter or a gauge: one for each series."""

    def _block(
        self, start: int, labels: list[tuple[str, ...]], numbers: "array[Any]", held: list[int]
    ) -> tuple[bytes, Sequence[int]]:
        template = self._fitting(start, labels, numbers)
        places = template.places
        for place in held:
            numbers[place] = 0
        values = numbers if len(places) == len(numbers) else [numbers[place] for place in places]
        if template.code == "d":
            values = [number(value) for value in values]
        return template.text % tuple(values), places

    def _fitting(self, start: int, labels: list[tuple[str, ...]], numbers: "array[Any]") -> _Template:
        """The block's template: the one that is kept, or a new one if other series are shown now."""
        template, code = self._kept.get(start), numbers.typecode
        if template and template.code == code and len(template.places) == len(numbers):
            return template
        hides = self._hides and 0 in numbers
        places = [place for place, value in enumerate(numbers) if value] if hides else range(len(numbers))
        if not template or (template.code, template.places) != (code, places):
            template = self._kept[start] = self._template(start, labels, code, places)
        return template

    def _template(self, start: int, labels: list[tuple[str, ...]], code: str, places: Sequence[int]) -> _Template:
        sign = b"%d" if code == "q" else b"%b"
        lines = []
        for place in places:
            text = self._text(labels[start + place])
            braced = b"{%b}" % text.replace(b"%", b"%%") if text else b""
            lines.append(b"%b%b %b\n" % (self._name, braced, sign))
        return _Template(b"".join(lines), places, code)


class HistogramLines(Lines[list[bytes]]):
    """The lines of a histogram: for each series its buckets, sum and count. What is kept are the labels' texts."""

    def __init__(self, family: Family) -> None:
        super().__init__(family)
        bounds = [f'le="{bound!r}"'.encode() for bound in family.buckets] + [b'le="+Inf"']
        self._labelled = self._format(b",", b"{%b}", bounds)
        self._plain = self._format(b"", b"%b", bounds)
        self._width = len(bounds) + 1

    def _format(self, comma: bytes, braced: bytes, bounds: list[bytes]) -> bytes:
        """The lines of one series, to be filled with its labels' text and a number in turn."""
        name = self._name
        lines = [b"%b_bucket{%%b%b%b} %%d\n" % (name, comma, bound) for bound in bounds]
        return b"".join([*lines, b"%b_sum%b %%b\n" % (name, braced), b"%b_count%b %%d\n" % (name, braced)])

    def _block(
        self, start: int, labels: list[tuple[str, ...]], numbers: "array[Any]", held: list[int]
    ) -> tuple[bytes, Sequence[int]]:
        width = self._width
        texts = self._kept.get(start)
        if texts is None:
            texts = self._kept[start] = [self._text(values) for values in labels[start : start + _BLOCK]]
        lines, places = [], []
        for place, text in enumerate(texts):
            values = numbers[place * width : (place + 1) * width]
            if self._hides and not any(values):
                continue
            if place in held:
                values = array("d", bytes(8 * width))
            counts = [*accumulate(map(int, values[:-1]))]
            filled: list[Any] = [text] * (2 * width + 2)
            filled[1::2] = [*counts, number(values[-1]), counts[-1]]
            lines.append((self._labelled if text else self._plain) % tuple(filled))
            places.append(place)
        return b"".join(lines), places
