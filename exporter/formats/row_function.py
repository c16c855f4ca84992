"""Reads all values of a row, for `explain`, `replay --csv` and the detection of formats. Cold path."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from exporter.formats.codegen import compile_function
from exporter.formats.measures import plausible
from exporter.formats.row_reader import RowReader


class RowValues(NamedTuple):
    """The values of a row. Absent numbers are -1.0; so are implausible ones, whose fields are in `implausible`."""

    # Raw values, for `RowReader.fields`.
    dims: tuple[Any, Any]
    time: Any
    origin: str
    numbers: dict[str, float]
    implausible: list[str]
    # The raw values of the additional expressions.
    others: list[Any]


def row_function(
    reader: RowReader, derived: Mapping[str, str] | None = None, others: Iterable[str] = ()
) -> Callable[[Any], RowValues]:
    """The function that reads a row. `derived` has expressions of numbers that are computed from others, by name;
    `others` are expressions of additional values.
    """

    def odd(implausible: list[str], field: str, value: float) -> float:
        if reader.absurd(field, value):
            implausible.append(field)
        return -1.0

    numbers = [*reader.measures, *(derived or {})]
    lines = ["implausible = []"]
    for measure in reader.measures:
        lines += reader.statements(measure)
        lines.append(f"if not ({plausible(measure)}): {measure} = odd(implausible, {measure!r}, {measure})")
    lines += [f"{name} = {expression}" for name, expression in (derived or {}).items()]
    held = ", ".join(f"{name!r}: {name}" for name in numbers)
    values = f"{reader.dims}, {reader.time}, {reader.origin}, {{{held}}}, implausible, [{', '.join(others)}]"
    lines.append(f"return RowValues({values})")
    return compile_function("read", "r", lines, {**reader.names, "odd": odd, "RowValues": RowValues})
