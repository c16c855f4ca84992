"""The thin layer over grafanalib: panels and queries, as Grafana 9.4 to 12 read them.

grafanalib gives the dashboard, its grid, rows, variables, links and annotations. Its own panels and targets have the
shape of Grafana 6, which Grafana would migrate with side effects; `Panel` and `Query` write the present one. Nothing
else in this package knows panel JSON, apart from `board.py`, which puts panels into a dashboard.
"""

import math
from typing import Any

import attr
from grafanalib import core

from dashboards.questions import Question

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]


def interval(seconds: float) -> str:
    """Seconds as Grafana reads an interval: whole, and of one unit."""
    return f"{math.ceil(seconds)}s"


def _several(answers: Question | tuple[Question, ...]) -> tuple[Question, ...]:
    return (answers,) if isinstance(answers, Question) else answers


@attr.s(auto_attribs=True, kw_only=True)
class Query(core.Target):  # type: ignore[misc]
    """A query; `instant` ones ask for the end of the range only, others in steps of an `interval` at least."""

    expr: str
    legendFormat: str = ""  # noqa: N815 - grafanalib's names are Grafana's
    refId: str = "A"  # noqa: N815
    format: str = "time_series"
    instant: bool = False
    exemplar: bool = False
    interval: str | None = None

    def to_json_data(self) -> Json:
        """As Grafana's Prometheus data source reads it."""
        found = {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "format": self.format,
            "instant": self.instant,
            "range": not self.instant,
            "legendFormat": self.legendFormat,
            "refId": self.refId,
        }
        more = {"exemplar": self.exemplar, "interval": self.interval}
        return found | {name: value for name, value in more.items() if value}


@attr.s(auto_attribs=True, kw_only=True)
class Panel(core.Panel):  # type: ignore[misc]
    """A panel of any type, `width` of 24 columns wide.

    `id` is what people's links to the panel have: a new one takes a number that its dashboard never had.
    """

    type: str
    title: str = ""
    description: str | None = None
    targets: list[Query] = attr.Factory(list)
    transformations: list[Json] = attr.Factory(list)
    interval: str | None = None
    maxDataPoints: int | None = None  # noqa: N815
    timeFrom: str | None = None  # noqa: N815
    hideTimeOverride: bool | None = None  # noqa: N815
    gridPos: core.GridPos | None = None  # noqa: N815
    defaults: Json = attr.Factory(dict)
    overrides: list[Json] = attr.Factory(list)
    options: Json = attr.Factory(dict)
    answers: tuple[Question, ...] = attr.ib(default=(), converter=_several)
    width: int = 8
    high: int = 8

    @property
    def absent(self) -> bool:
        """Whether it would ask, and has nothing to ask."""
        return self.type not in ("text", "alertlist") and not self.targets

    def to_json_data(self) -> Json:
        """As Grafana reads it."""
        found: Json = {
            "type": self.type,
            "title": self.title,
            "description": self.description,
            "gridPos": self.gridPos,
            "id": self.id,
            "options": self.options,
            "fieldConfig": {"defaults": self.defaults, "overrides": self.overrides},
            "datasource": DATASOURCE,
            "targets": self.targets,
            "transformations": self.transformations,
            "interval": self.interval,
            "maxDataPoints": self.maxDataPoints,
            "timeFrom": self.timeFrom,
            "hideTimeOverride": self.hideTimeOverride,
        }
        return {name: value for name, value in found.items() if value not in (None, [], {})}
