"""What the dashboards read at a large gateway: 500 keys, 20 methods, 5 chains, scraped every 15 seconds.

    python -m benchmarks.pages [--keys 60] [--raw] [UID…]

Prints of each page, and of its panels, the samples that its queries read over 24 hours, 7 days and 30 days. The series
are those of an exporter that has counted some keys, and twice as many; what 500 keys read follows from the two, as
samples grow with keys in a straight line once there are more than the leading ones. A page that opens is the sum of its
variables, annotations and open panels; a panel of a closed row has a `*`. With `--raw`, as without recording rules.
"""

import argparse
import re
import time
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from alerts.build import files
from benchmarks.reads import Labels, Reads
from benchmarks.series import Size, series
from dashboards.build import documents
from dashboards.leading import LEADING_BY
from exporter.config.served import Served
from exporter.model.recorded import RECORDED

Json = dict[str, Any]

KEYS = 500
SCRAPE_SECONDS = 15
RANGES = {"24 h": 86400, "7 d": 7 * 86400, "30 d": 30 * 86400}
LEADING = sum(LEADING_BY.values())
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
# Some of the steps that Grafana rounds to.
_STEPS = (15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 7 * 86400)


class Query(Struct, frozen=True):
    """A query of a page: what asks, whether it does when the page opens, and how."""

    panel: str
    expr: str
    opened: bool = True
    instant: bool = True
    since: str = ""
    points: int = 1000
    shortest: str = ""


def queries(page: Json) -> Iterator[Query]:
    """All of a page."""
    for variable in page["templating"]["list"]:
        asked = variable["query"]["query"] if variable["type"] == "query" else ""
        if asked.startswith("query_result("):
            yield Query(f"variable {variable['name']}", asked[len("query_result(") : -1])
    for annotation in page["annotations"]["list"]:
        yield Query(f"annotation {annotation['name']}", annotation["expr"], instant=False)
    for panel in page["panels"]:
        closed = panel.get("panels")
        for shown in closed or [panel]:
            for target in shown.get("targets", []):
                yield Query(
                    shown["title"] + (" *" if closed else ""),
                    target["expr"],
                    not closed,
                    target["instant"],
                    shown.get("timeFrom", ""),
                    shown.get("maxDataPoints", 1000),
                    target.get("interval", shown.get("interval", "")),
                )


def filled(query: Query, page: Json, seconds: int, recorded: bool) -> tuple[str, int, int]:
    """A query as Grafana sends it, the seconds that it spans, and its steps; 0 for one time."""
    seconds = _seconds(query.since) if query.since else seconds
    shortest = query.shortest.replace("${recorded:text}", "1h" if recorded else "1m")
    least = _seconds(shortest) if shortest else SCRAPE_SECONDS
    step = max(min(_STEPS, key=lambda offered: abs(offered - seconds / query.points)), least)
    values = {
        "__rate_interval": f"{max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)}s",
        "__interval": f"{step}s",
        "__range": f"{seconds}s",
        "__range_s": str(seconds),
        "__to:date:seconds": str(int(time.time())),
    }
    for variable in page["templating"]["list"]:
        every = ".*" if variable.get("includeAll") else "key-000"
        if variable.get("hide") and variable.get("includeAll"):
            few = sum(int(most) for most in re.findall(r"topk\((\d+), ", variable["query"]["query"]))
            every = "|".join(f"key-{key:03}" for key in range(few))
        values[variable["name"]] = every if variable["type"] == "query" else str(variable["current"].get("value"))
    values["recorded"] = ".*" if recorded else "-"
    text = re.sub(r"\$\{([\w:]+)\}|\$([a-z_]\w*)", lambda found: values[found[1] or found[2]], query.expr)
    return text, seconds, 0 if query.instant else step


def recorded_of(raw: list[Labels]) -> list[Labels]:
    """The series that rules record of raw ones: one for each combination of their labels."""
    names: dict[str, list[Labels]] = {}
    for labels in raw:
        names.setdefault(re.sub(r"_(bucket|sum|count)$", "", labels["__name__"]), []).append(labels)
    found: list[Labels] = []
    for recorded in RECORDED.values():
        part = re.search(r"_(bucket|sum|count):", recorded.name)
        family = recorded.of[0][0] if recorded.of else ""
        some = [of for of in names.get(family, []) if not part or of["__name__"].endswith(f"_{part[1]}")]
        if "_key_info:" in recorded.name:
            some = names["gateway_key_info"]
        made = {tuple((label, of[label]) for label in recorded.labels if of.get(label)) for of in some}
        found += [{"__name__": recorded.name, **dict(labels)} for labels in made or {()}]
    return found


class Gateway:
    """What queries read at a gateway of so many keys, and how many series it has."""

    def __init__(self, keys: int) -> None:
        raw: list[Labels] = [each.labels for each in series(Size(keys=keys))]
        recorded = recorded_of(raw)
        every = {
            rule["record"]: int(group["interval"][:-1])
            for group in yaml.safe_load(files(None)["recording.rules.yml"])["groups"]
            for rule in group["rules"]
        }
        self.raw, self.recorded = len(raw), len(recorded)
        self.reads = Reads([*raw, *recorded], every, SCRAPE_SECONDS)


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uids", nargs="*")
    parser.add_argument("--keys", type=int, default=LEADING)
    parser.add_argument("--raw", action="store_true")
    asked = parser.parse_args()
    keys: int = asked.keys
    few, many = Gateway(keys), Gateway(2 * keys)

    def at_size(with_few: float, with_many: float) -> float:
        return with_few + (with_many - with_few) / keys * (KEYS - keys)

    raw, made = at_size(few.raw, many.raw), at_size(few.recorded, many.recorded)
    print(f"{raw:,.0f} raw series, {made:,.0f} recorded ones ({made / raw:.0%}); millions of samples:")
    for page in documents(Served()):
        if asked.uids and page["uid"] not in asked.uids:
            continue
        rows: dict[str, list[float]] = {}
        opened = [0.0] * len(RANGES)
        for query in queries(page):
            row = rows.setdefault(query.panel, [0.0] * len(RANGES))
            for n, seconds in enumerate(RANGES.values()):
                text, span, step = filled(query, page, seconds, not asked.raw)
                samples = at_size(few.reads.of(text, span, step), many.reads.of(text, span, step))
                row[n] += samples
                opened[n] += samples if query.opened else 0
        print(_row(page["uid"].upper(), opened))
        for panel, row in sorted(rows.items(), key=lambda item: -item[1][-1]):
            if row[-1] >= 1e6:
                print(_row(f"  {panel}", row))


def _seconds(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]


def _row(name: str, samples: list[float]) -> str:
    return f"{name[:64]:64}" + "".join(f"{sample / 1e6:10,.1f}" for sample in samples)


if __name__ == "__main__":
    main()
