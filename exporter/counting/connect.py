"""Connects new cells to series, with a function generated for each layout, which has two lines for each family.

Cold path, but called for each new cell: see `benchmarks.births`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from exporter.counting.cell import Cell, CellTargets, UnloggedCost
from exporter.counting.loop import UNSEEN, Loop
from exporter.formats.codegen import compile_function
from exporter.metrics.series import FamilySeries, Series

# What a cell adds to a series, if it is not one of the sums or histograms of the loop.
COUNT, CREDITS, COST, UNPRICED = "count", "credits", "cost of lines without one", "unpriced"

Pick = Callable[[Any], tuple[Any, ...]]
# `find(own, values, full)` returns series, which are made if they don't exist. `own` has, for each group, the label
# values that all callers share; `values` are the caller's; `full` gets the names of families without room.
Find = Callable[[list[Any], tuple[str, ...], list[str]], tuple[Any, ...]]
Connect = Callable[[Any, Any, list[str]], Cell]


class Group(NamedTuple):
    """Families with the same labels that are fed the same values, so that one tuple of label values finds their series.

    `own` takes from what is fed the values that all callers share. So many (`lead`) values of the caller are in front
    of them; where that is not the labels' order, `pick` orders all. If `several` are fed, each family has a series for
    each of them.
    """

    families: list[FamilySeries]
    # What a cell adds to each.
    added: list[str]
    several: bool
    own: Pick
    lead: int
    pick: Pick | None

    @property
    def of_callers(self) -> bool:
        """Whether each caller has its own series."""
        return bool(self.lead or self.pick)


class _Found(NamedTuple):
    """A variable of the generated code: the series of a family of a group, or a list of several."""

    name: str
    added: str
    several: bool

    @property
    def element(self) -> str:
        """What it is in a tuple of targets: a series that gets credits is there with those of one request."""
        if self.added == CREDITS:
            return f"*zip({self.name}, kind.credits)" if self.several else f"({self.name}, kind.credits[0])"
        return f"*{self.name}" if self.several else self.name


def compile_find(groups: list[Group]) -> Find:
    """The function that finds the series of these groups."""
    code = [*_find(groups), f"return {_tuple(found.name for found in _found(groups))}"]
    return compile_function("find", "own, values, full", code, _names(groups))


def compile_connect(shared: list[Group], groups: list[Group], loop: Loop, parsed: Series) -> Connect:
    """The function `connect(kind, caller, full)`: it returns a new cell. What `compile_find(shared)` has found is in
    `kind.laid`. `parsed` counts all lines.
    """
    found = [*_found(shared, "shared"), *_found(groups)]
    code = ["own, shared = kind.laid.own, kind.laid.shared", "values = caller.values"]
    code.append(f"{_tuple(found.name for found in _found(shared, 'shared'))} = shared")
    code += [*_find(groups), f"return Cell({_targets(found, loop)})"]
    names = {"parsed": parsed, "nowhere": Series(), "UNSEEN": UNSEEN}
    names |= {"Cell": loop.cell, "CellTargets": CellTargets, "UnloggedCost": UnloggedCost}
    return compile_function("connect", "kind, caller, full", code, names | _names(groups))


def _targets(series: list[_Found], loop: Loop) -> str:
    """The arguments of a new cell: its targets; what it observes in each histogram of the loop."""
    fed: defaultdict[str, list[str]] = defaultdict(list)
    for found in series:
        fed[found.added].append(found.element)
    observed = [(fed[family.name] or ["UNSEEN"])[0] for family in loop.histograms]
    charged = f"UnloggedCost({_tuple(fed[COST])}, {_tuple(fed[UNPRICED])})" if fed[COST] or fed[UNPRICED] else "None"
    targets = [
        "kind.targets",
        _tuple(["parsed", *fed[COUNT]]),
        _tuple([(fed[slot] or ["nowhere"])[0] for slot in loop.summed]),
        _tuple([f"({name}, {slot!r})" for slot in loop.summed for name in fed[slot][1:]]),
        *("caller", "None", _tuple(fed[CREDITS]), charged),
    ]
    return ", ".join([f"CellTargets({', '.join(targets)})", *observed])


def _find(groups: list[Group]) -> list[str]:
    """The lines that put the series of all groups into variables: see `_found`."""
    leads = {group.lead: None for group in groups if group.lead and not group.pick}
    code = [f"{_tuple(f'own{n}' for n in range(len(groups)))} = own"]
    code += [f"lead{lead} = values[:{lead}]" for lead in leads]
    for n, group in enumerate(groups):
        code += _find_several(n, group) if group.several else _find_one(n, group, f"own{n}")
    return code


def _find_one(n: int, group: Group, own: str) -> list[str]:
    """The lines that find a series of each family of a group."""
    lead = f"lead{group.lead} + {own}" if group.lead else own
    code = [f"labels = pick{n}({own} + values)" if group.pick else f"labels = {lead}"]
    for m in range(len(group.families)):
        code.append(f"s{n}_{m} = get{n}_{m}(labels)")
        code.append(f"if s{n}_{m} is None: s{n}_{m} = make{n}_{m}(labels, full)")
    return code


def _find_several(n: int, group: Group) -> list[str]:
    """The lines that list the series of each family, one for each own value."""
    families = range(len(group.families))
    code = [*_find_one(n, group, "own"), *(f"all{m}.append(s{n}_{m})" for m in families)]
    before = [f"all{m} = []" for m in families]
    return [*before, f"for own in own{n}:", *(f"  {line}" for line in code), *(f"s{n}_{m} = all{m}" for m in families)]


def _found(groups: list[Group], prefix: str = "s") -> list[_Found]:
    """The variables of all series."""
    return [
        _Found(f"{prefix}{n}_{m}", added, group.several)
        for n, group in enumerate(groups)
        for m, added in enumerate(group.added)
    ]


def _names(groups: list[Group]) -> dict[str, Any]:
    """What the lines of `_find` need."""
    names: dict[str, Any] = {f"pick{n}": group.pick for n, group in enumerate(groups)}
    for n, group in enumerate(groups):
        for m, family in enumerate(group.families):
            names |= {f"get{n}_{m}": family.series.get, f"make{n}_{m}": family.make}
    return names


def _tuple(values: Iterable[str]) -> str:
    """A tuple's code; also of one value, or none."""
    return "(" + "".join([f"{value}, " for value in values]) + ")"
