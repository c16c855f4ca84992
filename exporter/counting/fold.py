"""The fold of a cell, generated from what a format has, like the loop: nothing is looked up by its name.

Where only a minute has ended, only what is limited by the minute needs to be known. So cells keep their counts, and how
much of them has used up limits already.
"""

from collections.abc import Callable
from typing import Any

from exporter.counting.cell import Cell, CellTargets
from exporter.counting.loop import Loop
from exporter.formats.codegen import compile_function
from exporter.metrics.series import Series
from exporter.model.fields import TOKEN_TYPES

# Gauges with the values that a request sets, by the time of the request.
Shown = list[tuple[float, tuple[tuple[Series, float], ...]]]
Fold = Callable[[Cell, CellTargets, float | None, Shown], None]
UseUp = Callable[[Cell, CellTargets, float], None]


def compile_fold(loop: Loop, seconds: Callable[[Any], float | None]) -> Fold:
    """The function `fold(c, t, start, shown)`: it moves what a cell has counted to its targets. `start` is when the
    period of these requests started, None if time is not divided. Gauges that they set are appended to `shown`.
    """
    # All that may raise comes before the first addition.
    code = [*_begin(loop), "if kind.shown: shown.append((seconds(c.time) or 0.0, kind.shown))"]
    code += [*(_use_up(loop) if loop.noting else ()), *_charge(loop), *_sum(loop)]
    code += ["for s, amount in t.credited: s.value += n * amount", "for s in t.counts: s.value += n"]
    if loop.origins:
        code += ["if c.origin is not None: t.home.counts[c.origin] += n - c.elsewhere", "c.elsewhere = 0"]
    return compile_function("fold", "c, t, start, shown", [*code, "c.n = c.used_up = 0"], {"seconds": seconds})


def compile_use_up(loop: Loop) -> UseUp:
    """The function `use_up(c, t, start)`: it adds to the use of limits what is kept by the minute."""
    code = [*_begin(loop, "cost" in loop.by_minute), *_use_up(loop, all_units=False), "c.used_up = n"]
    return compile_function("use_up", "c, t, start", code, {})


def _begin(loop: Loop, charges: bool = True) -> list[str]:
    return ["n = c.n", "kind = t.kind", *(_find_cost(loop) if charges else ())]


def _find_cost(loop: Loop) -> list[str]:
    """No price changes between two folds: the price at the start of the period is valid for all requests."""
    if not loop.charged:
        return []
    names = ["request", *(f"rate{n}" for n in range(len(loop.rated)))]
    factors = [f"c.{loop.unlogged}", *(f"c.{slot}" for slot in loop.rated.values())]
    return [
        "cost = 0.0",
        f"charged = t.charged if c.{loop.unlogged} else None",
        "if charged is not None:",
        "  rates = kind.rates.at(start)",
        "  if rates is not None:",
        f"    {', '.join(names)}, = rates",
        f"    cost = {' + '.join(map(' * '.join, zip(names, factors, strict=True)))}",
    ]


def _charge(loop: Loop) -> list[str]:
    if not loop.charged:
        return []
    return [
        "if charged is not None:",
        "  if rates is None:",
        f"    for s in charged.unpriced: s.value += c.{loop.unlogged}",
        "  else:",
        "    for s in charged.cost: s.value += cost",
    ]


def _use_up(loop: Loop, all_units: bool = True) -> list[str]:
    """Add to the use of the key's limits what has not been added before: `all_units`, or those kept by the minute."""
    code = ["u = t.use", "if u is not None:", "  if not u.waiting: u.wait()", "  new = n - c.used_up"]
    code += ["  if kind.requests: u.requests += new", "  if kind.credits: u.credits += new * kind.credits"]
    types = [f"c.{type_}_tokens" for type_ in TOKEN_TYPES if f"{type_}_tokens" in loop.summed]
    tokens = [f"({' + '.join(types)} if kind.tokens_limited else 0)"] if types else []
    costs = ["cost"] if loop.charged else []
    costs += ["(c.cost if kind.cost_limited else 0)"] if "cost" in loop.summed else []
    for unit, totals in (("tokens", tokens), ("cost", costs)):
        total = " + ".join(totals)
        if totals and unit in loop.by_minute:
            code += [f"  total = {total}", f"  u.{unit} += total - c.used_up_{unit}", f"  c.used_up_{unit} = total"]
        elif totals and all_units:
            code.append(f"  u.{unit} += {total}")
    return code


def _sum(loop: Loop) -> list[str]:
    code = []
    if loop.summed:
        names = [f"s{n}" for n in range(len(loop.summed))]
        code.append(f"{', '.join(names)}, = t.sums")
        code += [f"{name}.value += c.{slot}" for name, slot in zip(names, loop.summed, strict=True)]
        code.append("for s, slot in t.more_sums: s.value += getattr(c, slot)")
    slots = dict.fromkeys((*loop.summed, *loop.apart, *loop.used_up))
    return code + ([f"{' = '.join(f'c.{slot}' for slot in slots)} = 0"] if slots else [])
