"""Measures: a format's numbers as Python expressions. -1.0 means absent, NaN a number that makes no sense."""

from collections import Counter
from collections.abc import Callable
from datetime import tzinfo
from math import nan

from exporter.formats.expressions import Expressions, or_absent
from exporter.formats.format import Format
from exporter.formats.source import Source
from exporter.formats.values import UNITS, Raw, elapsed, number, picked, seconds, text
from exporter.memo import Memo
from exporter.model.fields import FIELDS, MOST


def plausible(measure: str) -> str:
    """An expression: whether a measure is in its field's range. NaN is in no range."""
    return f"{measure} >= 0.0 and {measure} <= {MOST[measure]!r}"


def absent(field: str, source: Source) -> set[float]:
    """The measures that mean absent: -1, and a logged -1 in the unit of the source."""
    return {-1.0, -UNITS[source.unit]} if FIELDS[field][0] == "seconds" else {-1.0}


class Measures:
    """Makes the expressions of one format's numbers. Dates without a zone are in `zone`."""

    def __init__(self, fmt: Format, expressions: Expressions, zone: tzinfo | None) -> None:
        self._format = fmt
        self._expressions = expressions
        self._zone = zone
        self._asked = _readers(fmt)
        expressions.names |= {"both": _both, "every": _every, "nan": nan}

    def expression(self, field: str, sources: tuple[Source, ...]) -> str:
        """The first number that is not absent. Those that it `includes` must be in variables of their names."""
        first = sources[0]
        if len(sources) == 1 and first.is_plain and UNITS[first.unit] == 1.0 and self._asked[first.path] == 1:
            code = self._format.decoder.number(first.path, Memo(self._converter(field, first), 20_000))
            if code:
                return self._less(first, code)
        if all(source.is_plain and _alike(source, first) for source in sources):
            return self._less(first, self._number(field, self._expressions.first(sources), first))
        code = "-1.0"
        for source in reversed(sources):
            held = self._expressions.held()
            is_absent = "in (" + ", ".join(map(repr, sorted(absent(field, source)))) + ",)"
            code = f"({code} if ({held} := {self._single(field, source)}) {is_absent} else {held})"
        return code

    def _single(self, field: str, source: Source) -> str:
        if source.start:
            name = self._expressions.name(
                "elapsed", lambda start, end: or_absent(elapsed(start, end, UNITS[source.unit], self._zone))
            )
            code = f"{name}({self._expressions.path(source.start)}, {self._expressions.path(source.end)})"
        else:
            code = self._number(field, self._expressions.value(source), source)
        added = [self._number(field, self._expressions.path(path), source) for path in source.added]
        if added and FIELDS[field][0] == "seconds":
            code = f"every(({code}, {', '.join(added)}), {absent(field, source)!r})"
        else:
            for more in added:
                code = f"both({code}, {more})"
        code = self._less(source, code)
        return f"({code} if ({self._expressions.path(source.when)}) not in FALSE else -1.0)" if source.when else code

    def _less(self, source: Source, code: str) -> str:
        """Subtract the fields that this one `includes`; they are read earlier in the loop."""
        parts = [
            f"({field} if {field} > 0.0 and {field} <= {MOST[field]!r} else 0.0)"
            for field in source.includes
            if field in self._format.fields
        ]
        if not parts:
            return code
        whole, rest = self._expressions.held(), self._expressions.held()
        less = f"({rest} if ({rest} := {whole} - {' - '.join(parts)}) > 0.0 else 0.0)"
        return f"({less} if ({whole} := {code}) >= 0.0 else {whole})"

    def _number(self, field: str, raw: str, source: Source) -> str:
        """An expression for a number. Numbers in JSON need no call, numbers in text one look-up."""
        scale = UNITS[source.unit] if FIELDS[field][0] == "seconds" else 1.0
        name = self._expressions.name(field, Memo(self._converter(field, source), 20_000))
        held = self._expressions.held()
        scaled = held if scale == 1.0 else f"{held} * {scale!r}"
        if source.pick or source.map or source.match or source.divide > 1:
            return f"{name}[{raw}]"
        if self._format.text and "|" not in source.path:
            return (
                f"(int({held}) if ({held} := {raw}).isdigit() else {name}[{held}])"
                if scale == 1.0
                else f"{name}[{raw}]"
            )
        likely, other = ("float", "int") if FIELDS[field][0] == "seconds" else ("int", "float")
        number_class = f"({held} := {raw}).__class__ is {likely} or {held}.__class__ is {other}"
        return f"({scaled} if {number_class} else {name}[{held}])"

    @staticmethod
    def _converter(field: str, source: Source) -> Callable[[Raw], float]:
        """The function from a raw value to a number; it returns -1.0 if there is none."""

        def convert(value: Raw) -> float:
            if source.pick:
                value = picked(value, source.pick)
            if source.map or source.match:
                value = source.translated(text(value))
            found = seconds(value, UNITS[source.unit]) if FIELDS[field][0] == "seconds" else number(value)
            return -1.0 if found is None else found / source.divide if source.divide > 1 else found

        return convert


def _readers(fmt: Format) -> Counter[str]:
    """The number of sources that read each path."""
    readers = Counter(
        path
        for sources in (*fmt.fields.values(), *fmt.custom_fields.values())
        for source in sources
        for path in source.paths
        if source.below is None or path != source.path  # `below` uses the number as it is decoded
    )
    readers.update([*fmt.only])
    return readers


def _alike(first: Source, second: Source) -> bool:
    """Whether numbers of two plain sources can be read by the same code: same unit, and both captures or both JSON."""
    return (first.unit, first.includes, "|" in first.path) == (second.unit, second.includes, "|" in second.path)


def _both(first: float, second: float) -> float:
    """The sum of two measures, each of which may be absent; NaN if one is negative."""
    if first == -1:
        return second
    if second == -1:
        return first
    return first + second if first >= 0 and second >= 0 else nan


def _every(durations: tuple[float, ...], absent: set[float]) -> float:
    """The sum of durations; absent if one of them is, as the sum would be too short; NaN if one is negative."""
    if any(duration in absent for duration in durations):
        return -1.0
    return round(sum(durations), 9) if min(durations) >= 0 else nan
