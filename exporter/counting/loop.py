"""The hot loop, generated from what a format has."""

from collections import deque
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from typing import Any, cast

from exporter.counting.cell import NO_PLACE, NOWHERE, UNUSED, Cell
from exporter.formats.codegen import compile_function, function_source
from exporter.formats.measures import plausible
from exporter.formats.row_reader import NO_ORIGIN, RowReader
from exporter.metrics.series import Histogram
from exporter.model.catalog import Family
from exporter.model.fields import TOKEN_TYPES
from exporter.request_log.recorder import Recorder

_TOKENS = tuple(f"{type_}_tokens" for type_ in TOKEN_TYPES)
# Numbers that a price may be for, in the order in which their costs are added.
_RATED = (
    *("cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "input_tokens", "output_tokens"),
    *("request_bytes", "response_bytes"),
)
# Measures that are computed, and the fields they are computed from.
_DERIVED = {
    "time_per_output_token": ("duration", "time_to_first_token", "output_tokens", "reasoning_tokens"),
    "without_usage": (*_TOKENS, "cost"),
}

# Discards what a cell does not observe: cheaper than a condition on each line.
UNSEEN = cast(Histogram, deque(maxlen=0))


class Loop:
    """The loop of one format and the families it feeds.

    With `noting`, the loop lists the cells it has touched in this period, so that each period costs little. The use of
    limits is kept `by_minute` of these units.
    `priced` says whether a price table is used for lines without a cost. If so, the cell's slot `unlogged` counts these
    lines, and `rated` has the slot of each measure that prices are for. If the format has a cost, these slots are
    separate sums, without the lines that have a cost. A `recorder` gets each row that was counted.
    """

    def __init__(
        self,
        reader: RowReader,
        families: Iterable[Family],
        *,
        noting: bool = False,
        by_minute: Collection[str] = (),
        priced: bool = False,
        recorder: Recorder | None = None,
    ) -> None:
        # Long, as what the format has and what the families ask decide each part of the loop together.
        self._reader = reader
        self.noting = noting
        self._recorder = recorder
        self._derived = _derived(reader.measures)
        # Expressions of the computed measures, -1.0 if a request has none.
        self.derived = {name: f"({value} if {when} else -1.0)" for name, (value, when) in self._derived.items()}
        self._measures = [*reader.measures, *self.derived]
        fed = [family for family in families if reader.tells_models or family.when not in ("model", "metered")]
        self.histograms = [family for family in fed if family.type == "histogram" and family.adds in self._measures]
        summed = {family.adds for family in fed if family.type == "counter"}
        if "tokens" in summed:
            summed.update(_TOKENS)
        self.charged = priced and not summed.isdisjoint(("cost", "unpriced"))
        self.rated = {measure: measure for measure in _RATED if self.charged and measure in self._measures}
        self.unlogged = "n"
        if self.charged and "cost" in self._measures:
            self.rated = {measure: f"unlogged_{measure}" for measure in self.rated}
            self.unlogged = "unlogged"
        else:
            summed.update(self.rated)
        # The slots of lines without a cost; of what has used up limits already.
        self.apart = [self.unlogged, *self.rated.values()] if self.unlogged != "n" else []
        self.by_minute = by_minute
        self.used_up = [f"used_up_{unit}" for unit in ("tokens", "cost") if unit in by_minute]
        self.summed = [measure for measure in self._measures if measure in summed]
        self.origins = reader.origin != NO_ORIGIN and not summed.isdisjoint(("origins", "new_origins"))
        self.cell = self._cell_type()
        self._code = self._lines()

    @property
    def source(self) -> str:
        """The source of the loop, for people."""
        return function_source("count", "rows", self._code)

    def _cell_type(self) -> Callable[..., Cell]:
        """Cell, with a slot for each sum and each histogram of this format, which it is created with."""
        names = [family.name for family in self.histograms]
        sums = [*self.summed, *self.apart, *self.used_up]
        code = [
            "self.targets = targets",
            "self.used = targets.caller.used if targets.caller else UNUSED",
            "self.time = self.origin = None",
            "self.origins = NOWHERE",
            " = ".join(f"self.{slot}" for slot in ("n", "elsewhere", "ways", "used_at", "used_up", *sums)) + " = 0",
            *(f"self.{name} = {name}" for name in names),
        ]
        scope = {"UNUSED": UNUSED, "NOWHERE": NOWHERE}
        init = compile_function("__init__", ", ".join(["self", "targets", *names]), code, scope)
        return type("LoopCell", (Cell,), {"__slots__": (*sums, *names), "__init__": init})

    def compile(
        self,
        cells: dict[Any, dict[Any, Cell]],
        miss: Callable[[Any, Any], Cell],
        new_origin: Callable[[Cell, str], None],
        odd: Callable[[Cell, str, float], float],
        noted: list[Cell],
    ) -> Callable[[Iterator[Any]], None]:
        """The function `count(rows)`. `miss` returns a cell that is not in `cells`; `odd` gets a number outside its
        field's range, and returns -1.0; cells whose use of limits changes are appended to `noted`.
        """
        names = {**self._reader.names, "cells": cells, "miss": miss, "new_origin": new_origin, "odd": odd}
        names |= {"noted": noted, "NO_PLACE": NO_PLACE}
        if self._recorder:
            names["record"] = self._recorder.captured.append
        return compile_function("count", "rows", self._code, names)

    def _lines(self) -> list[str]:
        """First everything that may raise, then everything that counts: a row counts completely, or not at all."""
        # Long, as it reads in the order of the code that it writes.
        reader = self._reader
        read = {*self.summed, *(family.adds for family in self.histograms)}
        read.update(*(_DERIVED[measure] for measure in read & self.derived.keys()))
        read.update(["cost"] if self.unlogged != "n" else (), self.rated)
        read.update(reader.measures if self._recorder else ())
        needed = read.union(*(reader.needs(measure) for measure in read))
        code = [
            "for r in rows:",
            f"  request_key = {reader.request_group.expression}",
            f"  caller_key = {reader.caller_group.expression}",
            "  try:",
            "    c = cells[request_key][caller_key]",
            "  except KeyError:",
            "    c = miss(request_key, caller_key)",
        ]
        time = reader.time
        if "(" in time:  # a call may raise
            code.append(f"  t = {time}")
            time = "t"
        for field in reader.measures:
            if field in needed:
                code += [f"  {line}" for line in reader.statements(field)]
        if self._recorder:
            code += [f"  {line}" for line in self._recorder.statements]
        if self.origins or self._recorder:
            code.append(f"  o = {reader.origin}")
        if self.origins:
            code += [
                "  if o is not c.origin:",
                "    origins = c.origins",
                "    if o in origins:",
                "      origins[o] += 1",
                "      c.elsewhere += 1",
                "    elif NO_PLACE in origins:",
                "      origins[NO_PLACE] += 1",
                "      c.elsewhere += 1",
                "    else:",
                "      new_origin(c, o)",
            ]
        code += [
            *(["  if c.n == c.used_up: noted.append(c)"] if self.noting else []),
            "  c.n += 1",
            *([f"  c.time = {time}"] if reader.sets_gauges else []),
            f"  c.used.append({time})",
        ]
        # All new sums are made before any old one is freed. CPython gives a new float the place that was freed last: so
        # the sums of a cell stay side by side, and are one cache miss.
        sums = [measure for measure in reader.measures if measure in self.summed]
        code += [f"  {measure}_sum = c.{measure}" for measure in sums]
        for measure in self._measures:
            if measure in read:
                code += self._add(measure)
        code += [f"  c.{measure} = {measure}_sum" for measure in sums]
        if self.unlogged != "n":
            code += ["  if cost < 0.0:", f"    c.{self.unlogged} += 1"]
            code += [f"    if {measure} > 0.0: c.{slot} += {measure}" for measure, slot in self.rated.items()]
        if self._recorder:
            code.append(f"  {self._recorder.capture(time, 'o')}")
        return code

    def _add(self, measure: str) -> list[str]:
        """The lines that add a measure to its sum and its histograms."""
        total = f"c.{measure}" if measure in self._derived else f"{measure}_sum"
        adds = [f"{total} += {measure}"] if measure in self.summed else []
        adds += [f"c.{family.name}.append({measure})" for family in self.histograms if family.adds == measure]
        if measure in self._derived:
            value, when = self._derived[measure]
            return [f"  if {when}: {measure} = {value}; {'; '.join(adds)}"]
        return [
            f"  if {plausible(measure)}: {'; '.join(adds) or 'pass'}",
            f"  elif {measure} != -1.0: {measure} = odd(c, {measure!r}, {measure})",
        ]


def _derived(measures: Container[str]) -> dict[str, tuple[str, str]]:
    """Expressions of each computed measure, and of when a request has it."""
    derived = {}
    used = [measure for measure in _DERIVED["without_usage"] if measure in measures]
    if "input_tokens" in used or "output_tokens" in used:
        derived["without_usage"] = ("1", " and ".join(f"{measure} <= 0.0" for measure in used))
    if all(measure in measures for measure in ("duration", "time_to_first_token", "output_tokens")):
        tokens = "output_tokens"
        if "reasoning_tokens" in measures:
            tokens += " + max(reasoning_tokens, 0.0)"
        derived["time_per_output_token"] = (
            f"(duration - time_to_first_token) / ({tokens} - 1.0)",
            f"{tokens} > 1.0 and 0.0 <= time_to_first_token <= duration",
        )
    return derived
