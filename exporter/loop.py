"""The hot loop, generated from what a format has."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from exporter.catalog import Family
from exporter.cell import Cell
from exporter.formats.reader import NO_ORIGIN, RowReader
from exporter.record import FIELDS, TOKEN_TYPES

# A duration past this (30 years) is a mistake in the log; it must not spoil a sum.
_LONGEST = 1e9


_TOKENS = tuple(f"{type_}_tokens" for type_ in TOKEN_TYPES)
# Numbers that a price may be for.
_RATED = (*_TOKENS, "request_bytes", "response_bytes")
# What the time of an output token is made of.
_PER_TOKEN = ("duration", "time_to_first_token", "output_tokens", "reasoning_tokens")

# Takes what a cell does not observe: cheaper than asking on each line.
_UNSEEN: deque[float] = deque(maxlen=0)


class Loop:
    """The loop of one format and the families it feeds. Its source is kept in `source`, for people.

    With `noting`, cells that a line is the first to touch are noted, so that a fold may come often.
    `priced` says that a price table is there for lines without a cost. `unlogged` is then the slot of a cell
    with their number, and `rated` has the slots of what prices are for, by measure. Where the format has a cost,
    these are sums apart: a line with a cost is in none of them.
    """

    def __init__(
        self, reader: RowReader, families: Iterable[Family], *, noting: bool = False, priced: bool = False
    ) -> None:
        self._reader = reader
        self._noting = noting
        self._measures = dict(reader.measures)
        if {"duration", "time_to_first_token", "output_tokens"} <= set(self._measures):
            reasoning = " + max(reasoning_tokens, 0)" if "reasoning_tokens" in self._measures else ""
            self._measures["time_per_output_token"] = (
                f"(duration - time_to_first_token) / (output_tokens{reasoning} - 1) "
                f"if output_tokens{reasoning} > 1 and 0 <= time_to_first_token <= duration else -1.0"
            )
        told = [family for family in families if reader.tells_models or family.when != "model"]
        self.histograms = [family for family in told if family.type == "histogram" and family.adds in self._measures]
        summed = {family.adds for family in told if family.type == "counter"}
        if "tokens" in summed:
            summed.update(_TOKENS)
        charged = priced and not summed.isdisjoint(("cost", "unpriced"))
        self.rated = {measure: measure for measure in _RATED if charged and measure in self._measures}
        self.unlogged = "n"
        if charged and "cost" in self._measures:
            self.rated = {measure: f"unlogged_{measure}" for measure in self.rated}
            self.unlogged = "unlogged"
        else:
            summed.update(self.rated)
        self.summed = [measure for measure in self._measures if measure in summed]
        self.origins = reader.origin != NO_ORIGIN and not summed.isdisjoint(("origins", "new_origins"))
        self.cell = self._cell_type()
        self.source = "\n".join(self._lines())

    def _cell_type(self) -> type[Cell]:
        """Cell, with a slot for each sum and each histogram of this format."""
        names = [family.name for family in self.histograms]
        apart = [self.unlogged, *self.rated.values()] if self.unlogged != "n" else []
        sums = [*self.summed, *apart]
        code = ["def __init__(self, ends):", "  init(self, ends)"]
        code += [f"  self.{slot} = 0" for slot in sums]
        code += [f"  self.{name} = unseen" for name in names]
        made: dict[str, Any] = {"init": Cell.__init__, "unseen": _UNSEEN}
        exec("\n".join(code), made)
        return type("LoopCell", (Cell,), {"__slots__": (*sums, *names), "__init__": made["__init__"]})

    def compile(
        self,
        cells: dict[Any, dict[Any, Cell]],
        miss: Callable[[Any, Any], Cell],
        new_origin: Callable[[Cell, str], None],
        touched: list[Cell],
    ) -> Callable[[list[Any]], None]:
        """The function `count(rows)`. `miss` gives the cell that `cells` lacks; `touched` is where cells are noted."""
        names = {**self._reader.names, "cells": cells, "miss": miss, "new_origin": new_origin, "touched": touched}
        exec(compile(self.source, "<hot loop>", "exec"), names)
        count: Callable[[list[Any]], None] = names["count"]
        return count

    def compile_read(self) -> Callable[[Any], tuple[Any, Any, str, dict[str, float]]]:
        """The function `read(row)`: what the loop reads of a row, for people: words, time, origin, numbers."""
        reader = self._reader
        names = dict(reader.names)
        code = ["def read(r):"]
        for measure, expression in self._measures.items():
            code += ["  " + line for line in _read(measure, expression)]
        held = ", ".join(f"{measure!r}: {measure}" for measure in self._measures)
        code.append(f"  return {reader.dims}, {reader.time}, {reader.origin}, {{{held}}}")
        exec("\n".join(code), names)
        read: Callable[[Any], tuple[Any, Any, str, dict[str, float]]] = names["read"]
        return read

    def _lines(self) -> list[str]:
        reader = self._reader
        code = [
            "def count(rows):",
            "  for r in rows:",
            f"    what = {reader.what.expression}",
            f"    who = {reader.who.expression}",
            "    try:",
            "      c = cells[what][who]",
            "    except KeyError:",
            "      c = miss(what, who)",
            *(["    if not c.n: touched.append(c)"] if self._noting else []),
            "    c.n += 1",
            f"    {'c.time = ' if reader.sets_gauges else ''}c.used[0] = {reader.time}",
        ]
        if self.origins:
            code += [
                f"    o = {reader.origin}",
                "    if o is not c.origin:",
                "      try:",
                "        c.origins[o] += 1",
                "        c.elsewhere += 1",
                "      except KeyError:",
                "        new_origin(c, o)",
            ]
        read = {*self.summed, *(family.adds for family in self.histograms)}
        read.update(_PER_TOKEN if "time_per_output_token" in read else (), ["cost"] if self.unlogged != "n" else ())
        read.update(self.rated)
        for measure, expression in self._measures.items():
            if measure in read:
                code += [*("    " + line for line in _read(measure, expression)), *self._add(measure)]
        if self.unlogged != "n":
            code += ["    if cost < 0:", f"      c.{self.unlogged} += 1"]
            code += [f"      if {measure} > 0: c.{slot} += {measure}" for measure, slot in self.rated.items()]
        return code

    def _add(self, measure: str) -> list[str]:
        """What takes a measure into its sum and its histograms."""
        seconds = FIELDS.get(measure, ("seconds",))[0] == "seconds"
        most = f" < {_LONGEST}" if seconds else ""
        code = []
        if measure in self.summed:
            there = f"0 < {measure}{most}" if seconds else f"{measure} > 0"
            code.append(f"    if {there}: c.{measure} += {measure}")
        names = [family.name for family in self.histograms if family.adds == measure]
        if names:
            code += [f"    if 0 <= {measure}{most}:", *(f"      c.{name}.append({measure})" for name in names)]
        return code


def _read(measure: str, expression: str) -> list[str]:
    """What reads a measure. Python makes no number of thousands of digits; a `try` costs nothing until then."""
    code = f"{measure} = {expression}"
    return ["try:", f"  {code}", "except ValueError:", f"  {measure} = -1.0"] if "int(" in expression else [code]
