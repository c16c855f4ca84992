"""RowReader: a format as Python expressions over a row, from which the hot loop is generated.

A record's text fields decide which series a request adds to; its numbers (`measures`) are added to them. Expressions
contain only names chosen by this module and escaped literals, never a user's text as code.
"""

from collections import Counter
from collections.abc import Callable, Collection
from datetime import tzinfo
from functools import partial
from math import nan
from typing import Any
from zoneinfo import ZoneInfo

from exporter.formats.source import Source
from exporter.formats.spec import Format
from exporter.formats.values import ESCAPES, UNITS, Raw, dated, elapsed, number, picked, seconds, text, timestamp
from exporter.formats.words import MOST_WORDS, Canonical, Words
from exporter.memo import Memo
from exporter.model.fields import FIELDS, LABEL_FIELDS, MOST, ROW_FIELDS

# What gateways write for an absent value.
ABSENT = frozenset((None, "", "-", b"", b"-"))
# The values that are false for `if` and `unless`.
FALSE = ABSENT | {False, "false", "0", b"false", b"0"}

# Fields with many raw values: they are replaced by canonical values, from a memo, before the cell is looked up.
CANONICAL = ("key", "path", "request", "host", "origin", "referer", "client", "body")
# … and those whose values never repeat, so that a memo is useless.
NEVER_REPEAT = ("body",)

# Fields about the caller, which are looked up separately: see `cells`.
CALLER_FIELDS = ("key", "key_name", "key_owner", *LABEL_FIELDS)
# Fields that are counted outside of the cell's look-up: see `counting`.
ORIGIN_FIELDS = ("origin", "referer", "client")
# Fields that are read for the request log whether or not a label is made of them.
ROW_WORDS = ("user", "team")
NO_ORIGIN = "''"


class FieldGroup:
    """Some text fields of a row: `expression` gives their raw values, `read` turns these into fields."""

    def __init__(self) -> None:
        self._elements: list[str] = []
        # For each element the field and the memo from raw values to text (None: values are canonical already).
        self._columns: list[tuple[str, Memo[Raw, str] | None]] = []

    def add(self, field: str, element: str, meaning: Memo[Raw, str] | None) -> None:
        """Add an element. If a field has several, the first that is not empty counts."""
        self._elements.append(element)
        self._columns.append((field, meaning))

    @property
    def expression(self) -> str:
        """A Python expression over the row `r`: a tuple, or the value itself if there is only one."""
        return self._elements[0] if len(self._elements) == 1 else f"({', '.join(self._elements)})"

    @property
    def memos(self) -> list[Memo[Raw, str]]:
        """The memos of its elements."""
        return [meaning for _, meaning in self._columns if meaning is not None]

    def read(self, raws: Any) -> dict[str, Any]:
        """Field → text (or canonical value), from the result of the expression."""
        fields: dict[str, Any] = {}
        for (field, meaning), raw in zip(self._columns, (raws,) if len(self._columns) == 1 else raws, strict=True):
            if raw is not None and not fields.get(field):
                fields[field] = raw if meaning is None else meaning[raw]
        return fields


class RowReader:
    """Expressions that read one format's rows.

    `request_group.expression` and `caller_group.expression` (the text fields), `origin`, `time` and the values of
    `measures` are Python expressions over `r`, a row; `names` are the names they use. An absent measure is -1.0, an
    absent origin "". Measures are read by `statements`, and may be outside their fields' ranges. `canonical` has the
    functions for fields of CANONICAL; a field without a function, such as `host` without chains, is not read. Those in
    `apart` are in no group: see `group`.
    """

    def __init__(
        self,
        fmt: Format,
        canonical: dict[str, Canonical],
        zone: tzinfo | None = None,
        apart: Collection[str] = (),
    ) -> None:
        self.names: dict[str, Any] = {"ABSENT": ABSENT, "FALSE": FALSE, "both": _both, "nan": nan}
        self.names |= {"every": _every, "dated": dated}
        self.decoder = fmt.decoder
        self._format = fmt
        self._canonical = canonical
        ended = fmt.fields["time"][0] if "time" in fmt.fields else Source(path="-")
        self._zone = zone or (ZoneInfo(ended.zone) if ended.zone else None)
        self._locals = 0
        self._words = Words(ESCAPES[fmt.escape], canonical)

        self._asked = _readers(fmt)
        self.request_group, self.caller_group = FieldGroup(), FieldGroup()
        self._only = {f"only {path}": globs for path, globs in fmt.only.items()}
        self._fill_groups((*ORIGIN_FIELDS, *ROW_FIELDS, *apart))
        self.tells_models = not {"model", "body"}.isdisjoint(fmt.fields)
        self.sets_gauges = not {"attempt_circuits", "cost_multiplier"}.isdisjoint(fmt.fields)
        self.origin = " or ".join(self._origins()) or NO_ORIGIN
        self.time = self._time(fmt.fields["time"]) if "time" in fmt.fields else "None"
        self.measures = {
            field: self._measure(field, sources)
            for field, sources in fmt.fields.items()
            if FIELDS[field][0] in ("seconds", "number")
        }
        # What a number has to be multiplied with to be a time in epoch seconds.
        self.time_scale = UNITS[ended.unit]
        self._times = Memo(partial(timestamp, scale=self.time_scale, zone=self._zone), 1000)
        self.names |= self.decoder.names

    def _fill_groups(self, apart: tuple[str, ...]) -> None:
        """Add the text fields, and the paths of `only`, to their groups."""
        for field, sources in self._format.fields.items():
            known = field not in CANONICAL or field in self._canonical
            if FIELDS[field][0] == "text" and field not in apart and known:
                self._add(self.caller_group if field in CALLER_FIELDS else self.request_group, field, sources)
        for field, sources in self._format.custom_fields.items():
            self._add(self.caller_group, field, sources)
        for path in self._format.only:
            self.request_group.add(f"only {path}", self.decoder.expression(path), Memo(text, 1000))

    def seconds_since_epoch(self, raw: Raw) -> float | None:
        """The result of `time` in epoch seconds."""
        return self._times[raw]

    def raw(self, field: str) -> str:
        """An expression for the raw value of a text field; "None" if the format does not have it. Call it before the
        first line is decoded.
        """
        code = self._raw(self._format.fields[field]) if field in self._format.fields else "None"
        self.names |= self.decoder.names
        return code

    def scale(self, field: str) -> float:
        """What the durations in a list have to be multiplied with to be seconds."""
        return UNITS[self._format.fields[field][0].unit]

    def group(self, field: str) -> FieldGroup | None:
        """A group of one text field; None if the format does not have it. Call it before the first line is decoded."""
        if field not in self._format.fields:
            return None
        group = FieldGroup()
        self._add(group, field, self._format.fields[field])
        self.names |= self.decoder.names
        return group

    def forget(self) -> None:
        """Clear all memos: the key registry may have changed."""
        self._words.forget()
        for memo in (*self.names.values(), *self.request_group.memos, *self.caller_group.memos):
            if isinstance(memo, Memo):
                memo.clear()

    @property
    def custom_fields(self) -> Collection[str]:
        """The names of the format's custom fields."""
        return self._format.custom_fields.keys()

    @property
    def dims(self) -> str:
        """An expression of all text fields except the origin's."""
        return f"({self.request_group.expression}, {self.caller_group.expression})"

    def fields(self, dims: tuple[Any, Any]) -> dict[str, Any] | None:
        """The fields from the result of `dims`; None if the format's `only` ignores the line."""
        request_key, caller_key = dims
        request = self.request_fields(request_key)
        return None if request is None else self.caller_group.read(caller_key) | request

    def request_fields(self, request_key: Any) -> dict[str, Any] | None:
        """The fields from the result of `request_group`; None if the format's `only` ignores the line."""
        fields = self.request_group.read(request_key)
        for field, globs in self._only.items():
            value = fields.pop(field, "")
            if not any(glob.match(value) for glob in globs):
                return None
        return fields

    def statements(self, measure: str) -> list[str]:
        """The lines of code that read a measure into a variable of its name; NaN if it is too large to compute with.
        The measures before it in `measures` must have been read.
        """
        code = f"{measure} = {self.measures[measure]}"
        if self.measures[measure].startswith("r."):  # always a float
            return [code]
        return ["try:", f"  {code}", "except (ValueError, OverflowError):", f"  {measure} = nan"]

    def needs(self, measure: str) -> set[str]:
        """The measures that a measure is computed from."""
        included = {field for source in self._format.fields.get(measure, ()) for field in source.includes}
        return included & self.measures.keys()

    def absurd(self, field: str, value: float) -> bool:
        """Whether a number outside its field's range is a mistake, and not -1 in some unit, which means absent."""
        return all(value not in _absent(field, source) for source in self._format.fields[field])

    # --- text fields

    def _add(self, group: FieldGroup, field: str, sources: tuple[Source, ...]) -> None:
        if field == "key" and len(sources) == 1:
            group.add(field, self._one(sources[0]), Memo(self._words.canonical(field, sources[0]), 20_000))
        elif field in CANONICAL:
            group.add(field, "(" + " or ".join(self._canonically(field, source) for source in sources) + ")", None)
        elif all(source.is_plain for source in sources):
            group.add(field, self._raw(sources), self._meaning(sources[0]))
        else:
            for source in sources:
                group.add(field, self._one(source), self._meaning(source))

    def _meaning(self, source: Source) -> Memo[Raw, str]:
        return Memo(partial(self._words.word, source), 1000)

    def _canonically(self, field: str, source: Source) -> str:
        canonical = self._words.canonical(field, source)
        raw = self._one(source)
        if field in NEVER_REPEAT:
            name, held = self._name(field, canonical), self._held()
            return f"({name}({held}) if ({held} := {raw}) not in ABSENT else '')"
        return f"{self._name(field, Memo(canonical, MOST_WORDS))}[{raw}]"

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
        """The first value that is not absent."""
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
        if len(sources) == 1 and first.is_plain and UNITS[first.unit] == 1.0 and self._asked[first.path] == 1:
            code = self.decoder.number(first.path, Memo(self._converter(field, first), 20_000))
            if code:
                return self._less(first, code)
        if all(source.is_plain and _alike(source, first) for source in sources):
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
        """Subtract the fields that this one `includes`; they are read earlier in the loop."""
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
        """An expression for a number. Numbers in JSON need no call, numbers in text one look-up."""
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
        """The function from a raw value to a number; it returns -1.0 if there is none."""

        def convert(value: Raw) -> float:
            if source.pick:
                value = picked(value, source.pick)
            if source.map or source.match:
                value = source.translated(text(value))
            found = seconds(value, UNITS[source.unit]) if FIELDS[field][0] == "seconds" else number(value)
            return -1.0 if found is None else found / source.divide if source.divide > 1 else found

        return convert

    def _held(self) -> str:
        """The name of a new local variable of the loop."""
        self._locals += 1
        return f"v{self._locals}"

    def _name(self, field: str, value: Any) -> str:
        name = f"{field}{len(self.names)}"
        self.names[name] = value
        return name


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


def plausible(measure: str) -> str:
    """An expression: whether a measure is in its field's range. NaN is in no range."""
    return f"0.0 <= {measure} <= {MOST[measure]!r}"


def _alike(first: Source, second: Source) -> bool:
    """Whether numbers of two plain sources can be read by the same code: same unit, and both captures or both JSON."""
    return (first.unit, first.includes, "|" in first.path) == (second.unit, second.includes, "|" in second.path)


def _absent(field: str, source: Source) -> set[float]:
    """The measures that mean absent: -1, and a logged -1 in the unit of the source."""
    return {-1.0, -UNITS[source.unit]} if FIELDS[field][0] == "seconds" else {-1.0}


def _present(value: float | None) -> float:
    return -1.0 if value is None else value


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
