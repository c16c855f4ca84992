"""RowReader: a format turned into Python expressions over a row. What the hot loop is generated from.

A record's text fields decide which series a request adds to; its numbers (`measures`) are what is
added. Expressions hold names that this module makes and escaped literals only, never a user's text
as code.
"""

import re
from collections import Counter
from collections.abc import Callable
from datetime import tzinfo
from functools import partial
from math import nan
from typing import Any
from zoneinfo import ZoneInfo

from exporter.formats.source import Source
from exporter.formats.spec import Format
from exporter.formats.values import ESCAPES, UNITS, Raw, dated, elapsed, number, picked, seconds, text, timestamp
from exporter.memo import Memo
from exporter.model.fields import FIELDS, MOST

# What a gateway writes where there is nothing.
ABSENT = frozenset((None, "", "-", b"", b"-"))
# What `if` takes for no.
FALSE = ABSENT | {False, "false", "0", b"false", b"0"}

# Where the values are many: asked of a memo, before the record is looked up.
CANONICAL = ("key", "path", "request", "host", "origin", "referer", "client", "body")
# … and where they never repeat, so that a memo would only cost.
NEVER_REPEAT = ("body",)

# What tells who called: looked up apart, see `cells`.
CALLER_FIELDS = ("key", "key_name", "key_owner")
# Canonical values kept of one field. More would help no log that has them all again and again, and a log
# whose values never repeat is faster when they stay in the processor's caches.
_MOST_WORDS = 2_000

# Fields that count beside the record's own look-up: see `counting`.
ORIGIN_FIELDS = ("origin", "referer", "client")
NO_ORIGIN = "''"


class FieldGroup:
    """Some text fields of a row: `expression` gives their raw values, `read` says what these mean."""

    def __init__(self) -> None:
        self._elements: list[str] = []
        # Of each element the field, and what a raw value means (None: it is canonical).
        self._columns: list[tuple[str, Memo[Raw, str] | None]] = []

    def add(self, field: str, element: str, meaning: Memo[Raw, str] | None) -> None:
        """One element more. Where a field has several, the first that means something is its word."""
        self._elements.append(element)
        self._columns.append((field, meaning))

    @property
    def expression(self) -> str:
        """A Python expression over the row `r`: a tuple, or the value itself where there is but one."""
        return self._elements[0] if len(self._elements) == 1 else f"({', '.join(self._elements)})"

    @property
    def memos(self) -> list[Memo[Raw, str]]:
        """The meanings that are kept."""
        return [meaning for _, meaning in self._columns if meaning is not None]

    def read(self, raws: Any) -> dict[str, Any]:
        """Field → text (or canonical value) of what the expression gave."""
        fields: dict[str, Any] = {}
        for (field, meaning), raw in zip(self._columns, (raws,) if len(self._columns) == 1 else raws, strict=True):
            if raw is not None and not fields.get(field):
                fields[field] = raw if meaning is None else meaning[raw]
        return fields


class RowReader:
    """How to read one format's rows.

    `request_group.expression` and `caller_group.expression` (the text fields), `origin`, `time` and the values of
    `measures` are Python expressions over `r`, a row; `names` is what they use. An absent measure is
    -1.0, an absent origin "". Measures are to be read by `statements`, and may be outside of their
    ranges. `canonical` makes short words of long ones; without a function for
    `host`, hosts tell nothing, and are not read.
    """

    def __init__(self, fmt: Format, canonical: dict[str, Callable[[str], Any]], zone: tzinfo | None = None) -> None:
        # Long, as every field of the format passes here once; the parts need those above them.
        self.names: dict[str, Any] = {"ABSENT": ABSENT, "FALSE": FALSE, "both": _both, "nan": nan}
        self.names |= {"every": _every, "dated": dated}
        self.decoder = fmt.decoder
        self._format = fmt
        self._canonical = canonical
        ended = fmt.fields["time"][0] if "time" in fmt.fields else Source(path="-")
        self._zone = zone or (ZoneInfo(ended.zone) if ended.zone else None)
        self._locals = 0
        self._unescape = ESCAPES[fmt.escape]

        # How many sources read each place.
        self._asked = Counter(
            path
            for sources in fmt.fields.values()
            for source in sources
            for path in source.paths
            if source.below is None or path != source.path  # which takes the number as it is decoded
        )
        self._asked.update([*fmt.only])

        self.request_group, self.caller_group = FieldGroup(), FieldGroup()
        for field, sources in fmt.fields.items():
            known = field not in CANONICAL or field in canonical
            if FIELDS[field][0] == "text" and field not in ORIGIN_FIELDS and known:
                self._add(self.caller_group if field in CALLER_FIELDS else self.request_group, field, sources)
        self._only: list[tuple[str, tuple[re.Pattern[str], ...]]] = []
        for path, globs in fmt.only.items():
            self._only.append((f"only {path}", globs))
            self.request_group.add(f"only {path}", self.decoder.expression(path), Memo(text, 1000))
        self.tells_models = not {"model", "body"}.isdisjoint(fmt.fields)
        self.sets_gauges = not {"attempt_circuits", "cost_multiplier"}.isdisjoint(fmt.fields)
        self.origin = " or ".join(self._origins()) or NO_ORIGIN
        self.time = self._time(fmt.fields["time"]) if "time" in fmt.fields else "None"
        self.measures = {
            field: self._measure(field, sources)
            for field, sources in fmt.fields.items()
            if FIELDS[field][0] in ("seconds", "number")
        }
        self._times = Memo(partial(timestamp, scale=UNITS[ended.unit], zone=self._zone), 1000)
        self.names |= self.decoder.names

    def seconds_since_epoch(self, raw: Raw) -> float | None:
        """What `time` gave, in epoch seconds."""
        return self._times[raw]

    def forget(self) -> None:
        """Forget what values meant: which key is whose may have changed."""
        for memo in (*self.names.values(), *self.request_group.memos, *self.caller_group.memos):
            if isinstance(memo, Memo):
                memo.clear()

    @property
    def dims(self) -> str:
        """An expression of all text fields but the origin's."""
        return f"({self.request_group.expression}, {self.caller_group.expression})"

    def fields(self, dims: tuple[Any, Any]) -> dict[str, Any] | None:
        """The fields of what `dims` gave; None where the format's `only` leaves the line out."""
        request_key, caller_key = dims
        request = self.request_fields(request_key)
        return None if request is None else self.caller_group.read(caller_key) | request

    def request_fields(self, request_key: Any) -> dict[str, Any] | None:
        """The fields of what `request_group` gave; None where the format's `only` leaves the line out."""
        fields = self.request_group.read(request_key)
        for field, globs in self._only:
            value = fields.pop(field, "")
            if not any(glob.match(value) for glob in globs):
                return None
        return fields

    def statements(self, measure: str) -> list[str]:
        """The lines of code that read a measure into a variable of its name; one that is too large to compute with is
        NaN. Those of `measures` before it must have been read.
        """
        code = f"{measure} = {self.measures[measure]}"
        if self.measures[measure].startswith("r."):  # it is there, and a float
            return [code]
        return ["try:", f"  {code}", "except (ValueError, OverflowError):", f"  {measure} = nan"]

    def needs(self, measure: str) -> set[str]:
        """The measures that a measure is computed of."""
        included = {field for source in self._format.fields.get(measure, ()) for field in source.includes}
        return included & self.measures.keys()

    def absurd(self, field: str, value: float) -> bool:
        """Whether a number outside of its field's range is a mistake: -1, in whatever unit, says that there is none."""
        return all(value not in _absent(field, source) for source in self._format.fields[field])

    # --- text fields

    def _word(self, source: Source, raw: Raw) -> str:
        if isinstance(raw, bytes):
            raw = self._unescape(raw)
        return source.read(raw)

    def _add(self, group: FieldGroup, field: str, sources: tuple[Source, ...]) -> None:
        if field == "key" and len(sources) == 1:
            group.add(field, self._one(sources[0]), Memo(self._canonical_word(field, sources[0]), 20_000))
        elif field in CANONICAL:
            group.add(field, "(" + " or ".join(self._canonically(field, source) for source in sources) + ")", None)
        elif all(_plain(source) for source in sources):
            group.add(field, self._raw(sources), self._meaning(sources[0]))
        else:
            for source in sources:
                group.add(field, self._one(source), self._meaning(source))

    def _meaning(self, source: Source) -> Memo[Raw, str]:
        return Memo(partial(self._word, source), 1000)

    def _canonical_word(self, field: str, source: Source) -> Callable[[Raw], Any]:
        """The function from a raw value to the canonical one; "" where there is none."""
        canonical = self._canonical[field]

        def of_any(raw: Raw) -> Any:
            word = self._word(source, raw)
            return canonical(word) if word else ""

        def of_text(raw: Raw) -> Any:
            return canonical(raw) if raw.__class__ is str and raw not in ABSENT else of_any(raw)

        return of_text if _plain(source) else of_any

    def _canonically(self, field: str, source: Source) -> str:
        canonical = self._canonical_word(field, source)
        raw = self._one(source)
        if field in NEVER_REPEAT:
            name, held = self._name(field, canonical), self._held()
            return f"({name}({held}) if ({held} := {raw}) not in ABSENT else '')"
        return f"{self._name(field, Memo(canonical, _MOST_WORDS))}[{raw}]"

    def _origins(self) -> list[str]:
        return [
            self._canonically(field, source) for field in ORIGIN_FIELDS for source in self._format.fields.get(field, ())
        ]

    # --- raw values

    def _one(self, source: Source) -> str:
        if source.value is not None:
            return repr(source.value)
        code = self.decoder.expression(source.path)
        if source.below is None:
            return code
        held, name = self._held(), self._name("seconds", lambda raw: _present(seconds(raw)))
        measure = f"({held} if ({held} := {code}).__class__ is float else {name}({held}))"
        unless = self.decoder.expression(source.unless)
        return f"(None if ({unless}) not in FALSE else 0 <= {measure} < {source.below!r})"

    def _raw(self, sources: tuple[Source, ...]) -> str:
        """The first that is there."""
        return self._first([self._one(source) for source in sources])

    def _time(self, sources: tuple[Source, ...]) -> str:
        return self._first(
            [
                f"dated({self._one(source)}, {self.decoder.expression(source.added[0])})"
                if source.added
                else self._one(source)
                for source in sources
            ]
        )

    def _first(self, codes: list[str]) -> str:
        code = codes[-1]
        for other in reversed(codes[:-1]):
            held = self._held()
            code = f"({held} if ({held} := {other}) not in ABSENT else {code})"
        return code

    # --- numbers

    def _measure(self, field: str, sources: tuple[Source, ...]) -> str:
        first = sources[0]
        if len(sources) == 1 and _plain(first) and UNITS[first.unit] == 1.0 and self._asked[first.path] == 1:
            code = self.decoder.number(first.path, Memo(self._converter(field, first), 20_000))
            if code:
                return self._less(first, code)
        if all(_plain(source) and _alike(source, first) for source in sources):
            return self._less(first, self._number(field, self._raw(sources), first))
        code = "-1.0"
        for source in reversed(sources):
            held = self._held()
            absent = "in (" + ", ".join(map(repr, sorted(_absent(field, source)))) + ",)"
            code = f"({code} if ({held} := {self._single(field, source)}) {absent} else {held})"
        return code

    def _single(self, field: str, source: Source) -> str:
        if source.start:
            name = self._name(
                "elapsed", lambda start, end: _present(elapsed(start, end, UNITS[source.unit], self._zone))
            )
            code = f"{name}({self.decoder.expression(source.start)}, {self.decoder.expression(source.end)})"
        else:
            code = self._number(field, self._one(source), source)
        added = [self._number(field, self.decoder.expression(path), source) for path in source.added]
        if added and FIELDS[field][0] == "seconds":
            code = f"every(({code}, {', '.join(added)}), {_absent(field, source)!r})"
        else:
            for more in added:
                code = f"both({code}, {more})"
        code = self._less(source, code)
        return f"({code} if ({self.decoder.expression(source.when)}) not in FALSE else -1.0)" if source.when else code

    def _less(self, source: Source, code: str) -> str:
        """Without what stands in other fields, which are read before."""
        parts = [
            f"({field} if 0 < {field} <= {MOST[field]!r} else 0)"
            for field in source.includes
            if field in self._format.fields
        ]
        if not parts:
            return code
        whole, rest = self._held(), self._held()
        less = f"({rest} if ({rest} := {whole} - {' - '.join(parts)}) > 0 else 0)"
        return f"({less} if ({whole} := {code}) >= 0 else {whole})"

    def _number(self, field: str, raw: str, source: Source) -> str:
        """A number; those that JSON gives as such take no call, those in text one look-up."""
        scale = UNITS[source.unit] if FIELDS[field][0] == "seconds" else 1.0
        name = self._name(field, Memo(self._converter(field, source), 20_000))
        held = self._held()
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
        """What a raw value is as a number; -1.0 where it is none."""

        def convert(value: Raw) -> float:
            if source.pick:
                value = picked(value, source.pick)
            if source.map or source.match:
                value = source.translated(text(value))
            found = seconds(value, UNITS[source.unit]) if FIELDS[field][0] == "seconds" else number(value)
            return -1.0 if found is None else found / source.divide if source.divide > 1 else found

        return convert

    def _held(self) -> str:
        """A local variable of the loop."""
        self._locals += 1
        return f"v{self._locals}"

    def _name(self, field: str, value: Any) -> str:
        name = f"{field}{len(self.names)}"
        self.names[name] = value
        return name


def plausible(measure: str) -> str:
    """An expression: whether a measure is a number that its field can have. NaN is in no range."""
    return f"0.0 <= {measure} <= {MOST[measure]!r}"


def _plain(source: Source) -> bool:
    """Whether nothing but its path tells it from the field's other sources."""
    return source == Source(path=source.path, unit=source.unit, includes=source.includes) if source.path else False


def _alike(first: Source, second: Source) -> bool:
    """Whether two plain sources mean the same by a number, and are captures both or JSON both."""
    return (first.unit, first.includes, "|" in first.path) == (second.unit, second.includes, "|" in second.path)


def _absent(field: str, source: Source) -> set[float]:
    """The measures that say that there is none: -1, and what a logged -1 becomes in the unit of the field."""
    return {-1.0, -UNITS[source.unit]} if FIELDS[field][0] == "seconds" else {-1.0}


def _present(value: float | None) -> float:
    return -1.0 if value is None else value


def _both(first: float, second: float) -> float:
    """The sum of two measures, each of which may be absent; NaN where one can't be."""
    if first == -1:
        return second
    if second == -1:
        return first
    return first + second if first >= 0 and second >= 0 else nan


def _every(durations: tuple[float, ...], absent: set[float]) -> float:
    """The sum of durations; absent where one of them is, NaN where one can't be. A part alone would be too short."""
    if any(duration in absent for duration in durations):
        return -1.0
    return round(sum(durations), 9) if min(durations) >= 0 else nan
