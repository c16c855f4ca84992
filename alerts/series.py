"""docs/recorded-series.md: what is recorded, from the declarations and the rules themselves.

python -m alerts.series > docs/recorded-series.md
"""

import re

from alerts import usage
from alerts.promql import Terms
from alerts.recording import groups
from exporter.config.served import Served
from exporter.model.catalog import CATALOG
from exporter.model.growth import GROWN, SETTLED_SECONDS
from exporter.model.recorded import RECORDED

_HEAD = """# Recorded series

The one budget of recorded series: alerts, dashboards and the usage API share it. `alerts.scope_labels` are on all of
them. There is none by key, chain *and* method, of which a large gateway has as many as raw series. *Reads* is what the
rule reads: a raw counter, or what was recorded just before.

This file is made of the rules: `python -m alerts.series > docs/recorded-series.md`.
"""
_USAGE = f"""
## {usage.GROUP}, every 3600s

Only with a section `usage` in the config: how much each counter grew in an hour that ended {SETTLED_SECONDS} s before,
exactly, for `gateway-exporter usage` and its API. `fleet:gateway_exporter_unsteady:count1h` counts exporters of which
that hour is not exact, as they were away at one of its ends or have lost their state; the report reads raw series then.

| series | labels | what grew | reads |
|---|---|---|---|
"""
_COLUMNS = "| series | labels | what | reads |\n|---|---|---|---|\n"
_RAW = re.compile(r"(?<![:\w])gateway_\w+")


def page() -> str:
    """The whole file."""
    parts = [_HEAD]
    for group in groups(Terms(Served())):
        parts.append(f"\n## {group['name']}, every {group['interval']}\n\n{_COLUMNS}")
        for rule in group["rules"]:
            recorded = RECORDED[rule["record"]]
            raw = "raw" if _RAW.search(rule["expr"]) else "recorded"
            parts.append(
                f"| `{recorded.name}` | {', '.join(recorded.labels)} | {recorded.help.replace('|', '/')} | {raw} |\n"
            )
    return "".join(parts) + _usage()


def _usage() -> str:
    parts = [_USAGE]
    parts += [
        f"| `{series.name}` | {', '.join(series.labels)} | {CATALOG[series.family].help.replace('|', '/')} | raw |\n"
        for series in GROWN
    ]
    return "".join(parts)


if __name__ == "__main__":
    print(page(), end="")
