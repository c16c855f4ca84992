"""The hot loop, generated from what a format has, and the cells it counts in."""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from exporter.catalog import Family
from exporter.formats.reader import RowReader
from exporter.series import Histogram, Series

# A duration past this (30 years) is a mistake in the log; it must not spoil a sum.
_LONGEST = 1e9

NO_ORIGIN = "''"


class Cell:
    """What requests of one kind have added since the last fold, and where they add to.

    Laid out for the processor's caches: with many cells in use, each thing that a line touches
    is far away. What only a cell has stands in its slots: its count, the sums of the format's numbers
    (a subclass of the loop's has these), its first origin. What many cells share is a list: a
    histogram's buckets and sum, `used` with the time of a key's last request, `slowest` with the
    longest duration of a chain and method.
    """

    __slots__ = ("counters", "from_origin", "home", "model", "n", "origin", "origins", "slowest", "success", "sums", "used")

    def __init__(self, counters: tuple[Series, ...]) -> None:
        self.counters = counters
        self.n = 0
        self.used: list[Any] = _UNUSED
        self.slowest = _UNTIMED
        self.success = False
        self.model = False
        # Requests from the first origin it had, those from others, and what knows their series.
        self.origin: str | None = None
        self.from_origin = 0
        self.origins: Any = NOWHERE
        self.home: Any = None
        # The sums, and the series they go to at a fold.
        self.sums: tuple[tuple[str, Series], ...] = ()


class _Nowhere:
    """Takes the origins of lines that count for none."""

    def __getitem__(self, origin: str) -> int:
        return 0

    def __setitem__(self, origin: str, count: int) -> None:
        pass


NOWHERE = _Nowhere()
_UNUSED: list[Any] = [None]
_UNTIMED = [float("inf")]


class Loop:
    """The loop of one format and the families it feeds.

    The source is kept in `source`, for people. A cell that does not observe a histogram fills one
    that nobody sees: cheaper than asking on each line.
    """

    def __init__(self, reader: RowReader, families: list[Family]) -> None:
        self._reader = reader
        self._measures = dict(reader.measures)
        if {"duration", "time_to_first_token", "output_tokens"} <= set(self._measures):
            reasoning = " + max(reasoning_tokens, 0)" if "reasoning_tokens" in self._measures else ""
            self._measures["time_per_output_token"] = (
                f"(duration - time_to_first_token) / (output_tokens{reasoning} - 1) "
                f"if output_tokens{reasoning} > 1 and 0 <= time_to_first_token <= duration else -1.0"
            )
        self._histograms = [family for family in families if family.type == "histogram" and family.adds in self._measures]
        observed = {family.adds for family in self._histograms}
        self._summed = [measure for measure in self._measures if measure not in observed]
        self._unseen = {family.name: Histogram(family.buckets).values for family in self._histograms}
        self._cell = self._cell_type()
        self.source = "\n".join(self._lines())

    def cell(self, counters: tuple[Series, ...]) -> Cell:
        """A new cell that is connected to nothing but its counters."""
        return self._cell(counters)

    def _cell_type(self) -> type[Cell]:
        """Cell, with a slot for each sum and each histogram of this format."""
        code = ["def __init__(self, counters):", "  init(self, counters)"]
        code += [f"  self.{measure} = 0" for measure in self._summed]
        code += [f"  self.{name} = unseen[{name!r}]" for name in self._unseen]
        names: dict[str, Any] = {"init": Cell.__init__, "unseen": self._unseen}
        exec("\n".join(code), names)
        return type("LoopCell", (Cell,), {"__slots__": (*self._summed, *self._unseen), "__init__": names["__init__"]})

    def adds(self, family: Family) -> bool:
        """Whether the format has what a family is made of."""
        return family.name in self._unseen or family.adds in self._summed

    def compile(
        self,
        cells: dict[tuple[Any, ...], Cell],
        miss: Callable[[tuple[Any, ...]], Cell],
        new_origin: Callable[[Cell, str], None],
    ) -> Callable[[list[Any]], None]:
        """The function `count(rows)`."""
        names = {**self._reader.names, "bisect": bisect_left, "cells": cells, "miss": miss, "new_origin": new_origin}
        names |= {f"{family.name}_bounds": family.buckets for family in self._histograms}
        exec(compile(self.source, "<hot loop>", "exec"), names)
        numbers = "\n  ".join(f"{measure} = {code}" for measure, code in self._measures.items())
        held = ", ".join(f"{measure!r}: {measure}" for measure in self._measures)
        exec(f"def read(r):\n  {numbers or 'pass'}\n  return {self._reader.dims}, {self._reader.time}, {{{held}}}", names)
        self.read: Callable[[Any], tuple[Any, Any, dict[str, float]]] = names["read"]
        count: Callable[[list[Any]], None] = names["count"]
        return count

    def _lines(self) -> list[str]:
        code = [
            "def count(rows):",
            "  for r in rows:",
            f"    k = {self._reader.dims}",
            "    try:",
            "      c = cells[k]",
            "    except KeyError:",
            "      c = miss(k)",
            "    c.n += 1",
            f"    c.used[0] = {self._reader.time}",
        ]
        if self._reader.origin != NO_ORIGIN:
            code += [
                f"    o = {self._reader.origin}",
                "    if o is c.origin: c.from_origin += 1",
                "    else:",
                "      try:",
                "        c.origins[o] += 1",
                "      except KeyError:",
                "        new_origin(c, o)",
            ]
        code += [f"    {measure} = {expression}" for measure, expression in self._measures.items()]
        for measure in self._measures:
            families = [family for family in self._histograms if family.adds == measure]
            if families:
                code += self._observe(measure, families)
            else:
                code.append(f"    if {measure} > 0: c.{measure} += {measure}")
        return code

    def _observe(self, measure: str, families: list[Family]) -> list[str]:
        """Add a measure to its histograms; those with the same bounds share a search for the bucket."""
        code = [f"    if 0 <= {measure} < {_LONGEST}:"]
        if measure == "duration":
            code += ["      s = c.slowest", "      if duration > s[0]: s[0] = duration"]
        searched = None
        for family in families:
            margin = "      "
            if family.when == "model":
                code.append("      if c.model:")
                margin = "        "
            if family.buckets != searched:
                code.append(f"{margin}i = bisect({family.name}_bounds, {measure})")
                searched = family.buckets
            code += [f"{margin}h = c.{family.name}", f"{margin}h[i] += 1", f"{margin}h[-1] += {measure}"]
        return code
