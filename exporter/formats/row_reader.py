"""RowReader: a format as Python expressions over a row, from which the hot loop is generated.

A record's text fields decide which series a request adds to; its numbers (`measures`) are added to them. Expressions
contain only names chosen by this module and escaped literals, never a user's text as code.
"""

from collections.abc import Collection
from datetime import tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from exporter.formats.expressions import Expressions
from exporter.formats.field_group import FieldGroup
from exporter.formats.format import Format
from exporter.formats.measures import Measures, absent
from exporter.formats.source import Source
from exporter.formats.values import ESCAPES, UNITS, Raw, text, timestamp
from exporter.formats.words import Canonical, SiteMemo, Words
from exporter.memo import Memo
from exporter.model.fields import FIELDS, LABEL_FIELDS, ROW_FIELDS

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
        self.decoder = fmt.decoder
        self._format = fmt
        self._canonical = canonical
        ended = fmt.fields["time"][0] if "time" in fmt.fields else Source(path="-")
        self._zone = zone or (ZoneInfo(ended.zone) if ended.zone else None)
        self._words = Words(ESCAPES[fmt.escape], canonical)
        self._expressions = Expressions(fmt.decoder)
        self.names = self._expressions.names
        measures = Measures(fmt, self._expressions, self._zone)

        self.request_group, self.caller_group = FieldGroup(), FieldGroup()
        self._only = {f"only {path}": globs for path, globs in fmt.only.items()}
        self._fill_groups((*ORIGIN_FIELDS, *ROW_FIELDS, *apart))
        self.tells_models = not {"model", "body"}.isdisjoint(fmt.fields)
        self.sets_gauges = not {"attempt_circuits", "cost_multiplier"}.isdisjoint(fmt.fields)
        self.origin = " or ".join(self._origins()) or NO_ORIGIN
        self.time = self._expressions.time(fmt.fields["time"]) if "time" in fmt.fields else "None"
        self.measures = {
            field: measures.expression(field, sources)
            for field, sources in fmt.fields.items()
            if FIELDS[field][0] in ("seconds", "number")
        }
        # What a number has to be multiplied with to be a time in epoch seconds.
        self.time_scale = UNITS[ended.unit]
        self._half_hour = 0.0
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

    def forget_times(self, now: float) -> None:
        """Forget what times meant if another half hour has begun: where clocks are set back, it means another time."""
        if self._half_hour != (half_hour := now // 1800):
            self._half_hour = half_hour
            self._times.clear()

    def seconds_since_epoch(self, raw: Raw) -> float | None:
        """The result of `time` in epoch seconds."""
        return self._times[raw]

    def raw(self, field: str) -> str:
        """An expression for the raw value of a text field; "None" if the format does not have it. Call it before the
        first line is decoded.
        """
        code = self._expressions.first(self._format.fields[field]) if field in self._format.fields else "None"
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
        return all(value not in absent(field, source) for source in self._format.fields[field])

    def _add(self, group: FieldGroup, field: str, sources: tuple[Source, ...]) -> None:
        if field == "key" and len(sources) == 1:
            group.add(field, self._expressions.value(sources[0]), self._words.memo(field, sources[0], 20_000))
        elif field in CANONICAL:
            group.add(field, "(" + " or ".join(self._canonically(field, source) for source in sources) + ")", None)
        elif all(source.is_plain for source in sources):
            group.add(field, self._expressions.first(sources), self._meaning(sources[0]))
        else:
            for source in sources:
                group.add(field, self._expressions.value(source), self._meaning(source))

    def _meaning(self, source: Source) -> Memo[Raw, str]:
        return Memo(partial(self._words.word, source), 1000)

    def _canonically(self, field: str, source: Source) -> str:
        raw = self._expressions.value(source)
        if field in NEVER_REPEAT:
            name, held = self._expressions.name(field, self._words.canonical(field, source)), self._expressions.held()
            return f"({name}({held}) if ({held} := {raw}) not in ABSENT else '')"
        memo = self._words.memo(field, source)
        name = self._expressions.name(field, memo)
        return self._by_site(memo, name, source, raw) if isinstance(memo, SiteMemo) else f"{name}[{raw}]"

    def _by_site(self, memo: SiteMemo, name: str, source: Source, raw: str) -> str:
        """The same of URLs, nearly all of which are new, but not their sites: these are looked up before `name`."""
        sites = self._expressions.name("site", memo.sites)
        held, site = self._expressions.held(), self._expressions.held()
        kind, slash = ("bytes", b"/") if self._format.text and "|" not in source.path else ("str", "/")
        begin = f"({site} := {held}[: {held}.find({slash!r}, 8) + 1])"
        return f"({sites}[{site}] if ({held} := {raw}).__class__ is {kind} and {begin} in {sites} else {name}[{held}])"

    def _origins(self) -> list[str]:
        return [
            self._canonically(field, source) for field in ORIGIN_FIELDS for source in self._format.fields.get(field, ())
        ]
