r"""The sources of a field's value in a row: the small language of presets and of the config's `format`.

    duration: request_time                       a name in the log
    duration: {path: latencies.request, unit: ms}
    key: [request.headers.X-Api-Key[0], user]    the first that is not absent
    duration: {from: request.start, to: ts}      the time between two times
    chain: {value: ethereum}                     a constant
    key: {path: headers, match: 'Key: (\S+)'}    a part of the value: the one group of a regular expression
    error: {path: flags, map: {UT: timeout}}     replaces words; "*" stands for all other words, "" for an absent value.
                                                 Of a list `URX,UF`, the first entry in the map counts
    upstream_status: {path: tries, pick: last}   one entry of a list: first or last; or the sum or count of its entries;
                                                 before_last is the sum of all except the last
    input_tokens: {path: prompt_tokens, includes: [cache_read_tokens]}
                                                 minus other fields that the value includes
    time_to_first_token: {path: ttft, if: stream}
                                                 only if another value is true
    cache_write_tokens: {path: write_5m, plus: write_1h}
                                                 the sum of the values that are not absent; a name or a list of names
    duration: {path: waited, plus: [served, sent]}
                                                 the sum of durations; absent if one of them is
    time: {path: date, plus: clock}              a date and a time of day in separate places
    time: {path: date, zone: UTC}                the zone of dates without one, if the input does not set it
    cost: {path: quota, divide: 500000}          divided by the number of the gateway's units in one unit
    empty: {path: duration, below: 0.1, unless: status}
                                                 true if it is below a number of seconds, else false; absent if another
                                                 value is true

With `map` and `match`, a value that becomes "" is absent, and the field's next source is used. `map: {"": x}` replaces
an absent value in a text log; in JSON, end the list of sources with `{value: x}`.

A path in JSON: `a.b`, `a[0]`, `a[-1]`, `"key.with.dots"`, `text | fromjson | inner`, `list | length`. `tries[].ip` is
the text `10.0.0.1, 10.0.0.2`, with `-` for an absent value; `tries[state=won|ok].ip` is the value in the last entry
whose `state` is one of these words; `error..code` is a list of every `code` in `error` at any depth. `text | fromjson`
also reads a value that is an object already. In a text log, a path is a capture, or `capture | fromjson | inner`; in
CSV, the name of a column.
"""

import re
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from exporter.convert import convert
from exporter.errors import FieldError, unknown, within
from exporter.formats.patterns.compile import search_pattern
from exporter.formats.values import PICKS, UNITS, Raw, picked, text
from exporter.model.fields import FIELDS


class FromJson:
    """A step into JSON inside a string."""


class Length:
    """The number of entries of a list."""


class Each:
    """Every entry of a list: the rest of the path is read from each."""


class Where(NamedTuple):
    """The last entry of a list whose value of a name is one of some words."""

    name: str
    words: tuple[str, ...]


class Within(NamedTuple):
    """Every value of a name, at any depth."""

    name: str


Step = str | int | Where | Within | type[FromJson] | type[Length] | type[Each]

_STEP = re.compile(
    r"""\s*(?: \.\.(\w+) | \.?"((?:[^"\\]|\\.)*)" | \[((?:-?\d+)?)\] | \[(\w+=[\w.|]+)\]
    | \|\s*(fromjson|length)\b | \|?\s*\.?([^.\[\]|"\s]+) )\s*""",
    re.VERBOSE,
)


def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of a path. ValueError quotes the part that is not valid."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if not found:
            allowed = 'a.b, a[0], a[].b, a[b=x|y].c, a..b, "key.with.dots", a | fromjson | b'
            raise ValueError(f"bad path {path!r} at {path[at:]!r}: write {allowed}")
        deep, quoted, index, where, function, name = found.groups()
        if deep:
            steps.append(Within(deep))
        elif index is not None:
            steps.append(int(index) if index else Each)
        elif where:
            key, _, words = where.partition("=")
            steps.append(Where(key, tuple(words.split("|"))))
        elif function:
            steps.append(FromJson if function == "fromjson" else Length)
        else:
            steps.append(name if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    if not steps or not isinstance(steps[0], str):
        raise ValueError(f"bad path {path!r}: it must start with a name")
    return tuple(steps)


class Source(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"start": "from", "end": "to", "when": "if"},
):
    """One place that a field's value may come from. Exactly one of `path`, `value`, and `from` with `to` is set."""

    path: str = ""
    value: str | int | float | None = None
    start: str = ""
    end: str = ""
    unit: str = "s"
    pick: str = ""
    map: dict[str, str | int] | None = None
    match: str = ""
    includes: tuple[str, ...] = ()
    when: str = ""
    plus: str | tuple[str, ...] = ()
    divide: int = 1
    zone: str = ""
    below: float | None = None
    unless: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths that it reads."""
        return tuple(path for path in (self.path, self.start, self.end, self.when, *self.added, self.unless) if path)

    @property
    def added(self) -> tuple[str, ...]:
        """The paths whose values are added to that of `path`."""
        return (self.plus,) if isinstance(self.plus, str) else self.plus

    def __post_init__(self) -> None:
        # Long, as it has a rule for each option.
        kinds = bool(self.path) + (self.value is not None) + bool(self.start and self.end)
        if kinds != 1:
            raise ValueError("give exactly one of path, value, from and to")
        if self.plus and not self.path:
            raise FieldError("plus", "goes with path")
        if (self.below is None) != (not self.unless):
            raise FieldError("below", "needs path and unless: {path: duration, below: 0.1, unless: status}")
        if self.divide < 1:
            raise FieldError("divide", f"must be at least 1, not {self.divide}")
        if self.unit not in UNITS:
            raise FieldError("unit", unknown("unit", self.unit, UNITS))
        if self.pick and self.pick not in PICKS:
            raise FieldError("pick", unknown("pick", self.pick, PICKS))
        for n, field in enumerate(self.includes):
            if field not in FIELDS:
                raise FieldError(("includes", n), unknown("field", field, FIELDS))
        if self.match:
            self._check_match()

    def _check_match(self) -> None:
        try:
            groups = search_pattern(self.match).regex.groups
        except ValueError as error:
            raise FieldError("match", str(error)) from None
        if groups != 1:
            raise FieldError("match", f"must have exactly one group, the value; it has {groups}")

    @property
    def is_plain(self) -> bool:
        """Whether it has nothing but a path, a unit and `includes`."""
        return bool(self.path) and self == Source(path=self.path, unit=self.unit, includes=self.includes)

    def read(self, raw: Raw) -> str:
        """The text of a raw value, after `pick`, `match` and `map`."""
        return self.translated(text(picked(raw, self.pick) if self.pick else raw))

    def translated(self, word: str) -> str:
        """The word after `match` and `map`. Words that are not in the map stay as they are, unless it has `*`.

        If the path has `[]`, this applies to each word of the list.
        """
        if "[]" in self.path:
            return ", ".join(map(self._translated, word.split(", "))) if word else ""
        return self._translated(word)

    def _translated(self, word: str) -> str:
        if self.match:
            found = search_pattern(self.match).regex.search(word)
            word = (found[1] or "") if found else ""
        return word if self.map is None else self._mapped(word, self.map)

    def _mapped(self, word: str, words: dict[str, str | int]) -> str:
        for part in (word, *word.split(",")):
            if part.strip() in words and (part or not word):
                return str(words[part.strip()])
        return str(words.get("*", word)) if word else ""


def parse_sources(field: str, spec: Any) -> tuple[Source, ...]:
    """The sources of a field. ValueError says what is wrong."""
    if field not in FIELDS:
        raise ValueError(unknown("field", field, FIELDS))
    return sources_of(FIELDS[field][0], spec)


def sources_of(kind: str, spec: Any) -> tuple[Source, ...]:
    """The sources of a value of some kind (see FIELDS). ValueError says what is wrong."""
    if not isinstance(spec, list) or not spec:
        return (_parse_source(kind, spec),)
    found: list[Source] = []
    for n, entry in enumerate(spec):
        with within(n):
            found.append(_parse_source(kind, entry))
    return tuple(found)


def _parse_source(kind: str, spec: Any) -> Source:
    if isinstance(spec, str):
        spec = {"path": spec}
    if not isinstance(spec, dict):
        raise ValueError(f"must be a path, a mapping or a list of these, not {spec!r}")
    if isinstance(spec.get("map"), dict):
        spec = spec | {"map": {_as_logged(word): meaning for word, meaning in spec["map"].items()}}
    source = convert(spec, Source)
    _check(kind, source)
    return source


def _as_logged(word: Any) -> str:
    """A key of `map` as text: YAML reads an unquoted `true` or `404` as something else."""
    return str(word).lower() if isinstance(word, bool) else str(word)


# Options that only some kinds of field can have.
_KINDS = {
    "from": ("seconds",),
    "unit": ("seconds", "time", "times"),
    "includes": ("number",),
    "if": ("seconds", "number"),
    "plus": ("time", "seconds", "number"),
    "zone": ("time",),
    "divide": ("number",),
    "below": ("text",),
    "unless": ("text",),
    "value": ("text", "number"),
    "pick": ("text", "seconds", "number"),
    "map": ("text", "seconds", "number"),
    "match": ("text", "seconds", "number"),
}
_DEFAULTS = msgspec.to_builtins(Source(path="-"))


def _check(kind: str, source: Source) -> None:
    """FieldError if a source has an option that a field of this kind can't have."""
    if kind == "time" and len(source.added) > 1:
        raise FieldError("plus", "a time has two parts, a date and a time of day")
    if source.zone:
        try:
            ZoneInfo(source.zone)
        except (KeyError, ValueError, OSError):
            raise FieldError("zone", f"unknown time zone {source.zone!r}; write UTC or Europe/Berlin") from None
    for name, kinds in _KINDS.items():
        if kind not in kinds and msgspec.to_builtins(source)[name] != _DEFAULTS[name]:
            raise FieldError(name, f"a field of kind {kind} can't have {name!r}; it goes with {' and '.join(kinds)}")
