"""Where a field's value stands in a row: the small language of presets and of the config's `format`.

    duration: request_time                       a name in the log
    duration: {path: latencies.request, unit: ms}
    key: [request.headers.X-Api-Key[0], user]    the first that is there
    duration: {from: request.start, to: ts}      the time between two times
    chain: {value: ethereum}                     always this
    error: {path: flags, map: {UT: timeout}}     other words; "*" stands for all the rest

A path in JSON: `a.b`, `a[0]`, `a[-1]`, `"key.with.dots"`, `text | fromjson | inner`, `list | length`.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from exporter.errors import unknown
from exporter.formats.values import PICKS, UNITS
from exporter.record import FIELDS


class FromJson:
    """A step into JSON that stands inside a string."""


class Length:
    """The number of entries of a list."""


Step = str | int | type[FromJson] | type[Length]

_STEP = re.compile(
    r"""\s*(?: \.?"((?:[^"\\]|\\.)*)" | \[(-?\d+)\] | \|\s*(fromjson|length)\b | \|?\s*\.?([^.\[\]|"\s]+) )\s*""",
    re.VERBOSE,
)


def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of a path; ValueError with the rest that is not one."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if not found:
            raise ValueError(f"bad path {path!r} at {path[at:]!r}: write a.b, a[0], \"key.with.dots\", a | fromjson | b")
        quoted, index, function, name = found.groups()
        if index is not None:
            steps.append(int(index))
        elif function:
            steps.append(FromJson if function == "fromjson" else Length)
        else:
            steps.append(name if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    if not steps or not isinstance(steps[0], str):
        raise ValueError(f"bad path {path!r}: it must start with a name")
    return tuple(steps)


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to", "when": "if"}):
    """One place a field's value may come from. Exactly one of `path`, `value`, `from`+`to` is given."""

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

    def __post_init__(self) -> None:
        kinds = bool(self.path) + (self.value is not None) + bool(self.start and self.end)
        if kinds != 1:
            raise ValueError("give exactly one of path, value, from and to")
        if self.unit not in UNITS:
            raise ValueError(unknown("unit", self.unit, UNITS))
        if self.pick and self.pick not in PICKS:
            raise ValueError(unknown("pick", self.pick, PICKS))
        for field in self.includes:
            if field not in FIELDS:
                raise ValueError(unknown("field", field, FIELDS))
        if self.match:
            try:
                groups = re.compile(self.match).groups
            except re.error as error:
                raise ValueError(f"match is no regular expression: {error}") from None
            if groups != 1:
                raise ValueError(f"match needs one group, the value; it has {groups}")

    def translated(self, word: str) -> str:
        """The word after `match` and `map`; unlisted words stay as they are, unless `*` stands for them."""
        if self.match:
            found = re.search(self.match, word)
            word = (found[1] or "") if found else ""
        if self.map is not None:
            word = str(self.map.get(word, self.map.get("*", word) if word else self.map.get("", "")))
        return word


def parse_sources(field: str, spec: Any) -> tuple[Source, ...]:
    """The sources of one field; ValueError says what is wrong with it."""
    if field not in FIELDS:
        raise ValueError(unknown("field", field, FIELDS))
    sources = []
    for one in spec if isinstance(spec, list) else [spec]:
        if isinstance(one, str):
            one = {"path": one}
        if not isinstance(one, dict):
            raise ValueError(f"{field}: a path, a mapping or a list of them is needed, not {one!r}")
        try:
            sources.append(msgspec.convert(one, Source, strict=True))
        except msgspec.ValidationError as error:
            raise ValueError(f"{field}: {error}".replace(" - at `$`", "")) from None
    return tuple(sources)
