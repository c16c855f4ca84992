"""Tables: several queries as the columns of one."""

from typing import Any

from dashboards.fields import WHOLE, override
from dashboards.grafana import Json, Panel
from dashboards.panel import Queries, panel_of
from exporter.config.served import ABSENT

# Pixels: a letter of a heading; beside it the filter with the borders, and where it is sorted by, the arrow.
_LETTER, _FILTER, _ARROW = 7, 42, 16


def table(
    title: str,
    description: str,
    queries: Queries,
    columns: dict[str, Json | str],
    *,
    sort: str = "",
    ascending: bool = False,
    above_zero: str = "",
    no_value: str = "No requests in this time",
    pivot: tuple[str, str] | None = None,
    whole: tuple[str, tuple[str, ...]] = ("", ()),
    **more: Any,
) -> Panel:
    """Rows that share their labels, merged.

    `queries` maps a column to its query, `columns` a label or a column to its unit or to its field config, in the
    order shown; labels come with `label`. Others are hidden. With `pivot` the values of one label (the second) become
    columns beside another (the first). Rows whose column `above_zero` is 0 are left out. Of the `whole`, a column,
    Grafana makes the sum of the others that it names.
    """
    # Long, as a table of rows and one with a pivot differ in every part of what Grafana is given.
    asked = {name: query for name, query in queries.items() if ABSENT not in query}
    several = len(asked) > 1
    values = {name: f"Value #{chr(65 + n)}" if several else "Value" for n, name in enumerate(asked)}
    fields = {values.get(name, name): name for name in columns if name in values or name not in queries}
    parts = [values[part] for part in whole[1] if part in values]
    first = next(iter(asked), "")
    if several and first in columns:
        fields["Value"] = first  # as Grafana calls it where the others have no data yet
    if pivot:
        row, column = pivot
        transformations = [
            {
                "id": "groupingToMatrix",
                "options": {"columnField": column, "rowField": row, "valueField": "Value", "emptyValue": "zero"},
            }
        ]
    else:
        transformations = [
            {"id": "merge", "options": {}},
            *([_above_zero(values[above_zero])] if above_zero in values else []),
            *([_sum(whole[0], parts)] if parts else []),
            {"id": "filterFieldsByName", "options": {"include": {"names": list(fields)}}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {},
                    "indexByName": {field: [*columns].index(name) for field, name in fields.items()},
                    "renameByName": {field: _title(name) for field, name in fields.items()},
                },
            },
        ]
    # What to say is for a table without rows; a cell without a value gets a dash.
    overrides = [override("byRegexp", "/.*/", {"noValue": "–"})]
    if pivot:
        overrides.append(override("byName", "\\".join(pivot), {"displayName": _title(pivot[0])}))
    overrides += [
        override("byName", name if pivot else _title(name), _column(name, columns[name], name == sort))
        for name in dict.fromkeys(fields.values())
    ]
    options: Json = {"showHeader": True, "cellHeight": "sm"}
    options["footer"] = {"show": False, "reducer": ["sum"], "countRows": False}
    if sort:
        options["sortBy"] = [{"displayName": _title(sort), "desc": not ascending}]
    return panel_of(
        "table",
        title,
        description,
        asked,
        defaults={
            "noValue": no_value,
            **(WHOLE if pivot else {"unit": "locale"}),
            "custom": {"align": "auto", "filterable": True, "minWidth": 60},
        },
        overrides=overrides,
        options=options,
        transformations=transformations,
        instant=True,
        form="table",
        **({"width": 24} | more),
    )


def _above_zero(name: str) -> Json:
    above = {"id": "greater", "options": {"value": 0}}
    filters = [{"fieldName": name, "config": above}]
    return {"id": "filterByValue", "options": {"filters": filters, "type": "include", "match": "all"}}


def _sum(name: str, parts: list[str]) -> Json:
    reduce = {"reducer": "sum", "include": parts}
    return {"id": "calculateField", "options": {"mode": "reduceRow", "reduce": reduce, "alias": name}}


def _title(name: str) -> str:
    return name[:1].upper() + name[1:].replace("_", " ")


def _column(name: str, asked: Json | str, sorted_by: bool) -> Json:
    """A column's field config. One without a width is as wide as its heading and the icons beside it at least."""
    found = ({"unit": asked} if asked else {}) if isinstance(asked, str) else asked
    if "custom.width" in found or "custom.minWidth" in found:
        return found
    return found | {"custom.minWidth": _LETTER * len(_title(name)) + _FILTER + _ARROW * sorted_by}
