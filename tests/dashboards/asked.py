"""Every query of every dashboard, with Grafana's variables filled in as Grafana does."""

import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]


class Asked(NamedTuple):
    """A query: its dashboard, the panel or the variable that asks, and whether it asks for one time only.

    Others ask in steps, of a day where bars are days; `since` is a panel's own time.
    """

    uid: str
    title: str
    query: str
    instant: bool = False
    step: int = 600
    since: str = "24h"

    def __str__(self) -> str:
        return f"{self.uid} / {self.title}"


def panels(dashboard: Json) -> Iterator[Json]:
    """All panels, those of closed rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def of_panels(dashboard: Json) -> list[Asked]:
    """The queries of its panels."""
    return [
        Asked(
            dashboard["uid"],
            panel["title"],
            target["expr"],
            target["instant"],
            86400 if panel.get("interval") == "1d" else 600,
            panel.get("timeFrom", "24h"),
        )
        for panel in panels(dashboard)
        for target in panel.get("targets", [])
    ]


def of_variables(dashboard: Json) -> list[Asked]:
    """The queries of its variables: the selector in `label_values(…, label)`, the query in `query_result(…)`."""
    found = []
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"(?:label_values\((.*), \w+\)|query_result\((.*)\))", variable["query"]["query"])
            assert asked, variable["query"]
            found.append(Asked(dashboard["uid"], variable["name"], asked[1] or asked[2], True))
    return found


def of_annotations(dashboard: Json) -> list[Asked]:
    """The queries of its annotations."""
    return [
        Asked(dashboard["uid"], annotation["name"], annotation["expr"])
        for annotation in dashboard["annotations"]["list"]
    ]


def variables(dashboard: Json, chosen: dict[str, str] | None = None) -> dict[str, str]:
    """What each variable stands for at first, or as chosen, and Grafana's own ones for the last 24 hours."""
    now = int(time.time())
    found = {
        "__rate_interval": "20m",
        "__interval": "10m",
        "__range": "24h",
        "__range_s": "86400",
        "__to:date:seconds": str(now),
    }
    for variable in dashboard["templating"]["list"]:
        # Without a pattern for all of them, Grafana puts in the names that it found, or the first; a name is not empty.
        found[variable["name"]] = (
            variable.get("allValue", ".+") if variable.get("includeAll") else variable["current"].get("value", ".+")
        )
    return found | {name: value for name, value in (chosen or {}).items() if name in found}


def filled(query: str, values: dict[str, str]) -> str:
    """The query that Grafana would send. KeyError where it names a variable that is not there."""
    return re.sub(r"\$\{([\w:]+)\}|\$([a-z_]\w*)", lambda found: values[found[1] or found[2]], query)
