"""The status page: shows people whether the exporter reads the logs and counts them."""

import base64
import hashlib
import time
from datetime import UTC, datetime
from html import escape

from msgspec import Struct

from exporter import descriptors
from exporter.formats.decoders.decoder import REASONS
from exporter.metrics.store import Series
from exporter.model import catalog
from exporter.model.fields import MOST
from exporter.service.input_journal import Rejected
from exporter.service.pipeline import Pipeline


class InputStatus(Struct):
    """One input. `rate` is in lines per second since the start, `lag` in seconds; `last_record` in epoch seconds."""

    name: str
    files: list[str]
    readable: bool
    parsed: int
    ignored: int
    rejected: int
    rate: float
    lag_bytes: int
    lag: float
    last_record: float | None
    rejects: list[Rejected]


class Snapshot(Struct):
    """What the page shows, taken in the pipeline's thread."""

    up_seconds: float
    ready: bool
    version: str
    # The state file, "" if there is none; whether the last commit succeeded; the time of the last successful one.
    state: str
    healthy: bool
    committed_at: float
    # New series that are held at 0.
    held: int
    # Number of logs that no file descriptor is left for, and the limit of descriptors.
    unopened: int
    descriptors: int
    inputs: list[InputStatus]
    # Name, number of series, their limit, description.
    families: list[tuple[str, int, int, str]]
    # Input, field, number of implausible values.
    implausible: list[tuple[str, str, int]]
    # For each label with a budget, how many values it has admitted, and the budget.
    budgets: dict[str, tuple[int, int]]


def snapshot(pipeline: Pipeline) -> Snapshot:
    """The state of the pipeline now."""
    pipeline.fold()
    now = time.time()
    up = now - pipeline.started_at
    store = pipeline.store
    inputs = []
    for feed in pipeline.feeds:
        counts = feed.lines(store)
        inputs.append(
            InputStatus(
                name=feed.name,
                files=feed.input.files,
                readable=feed.input.readable,
                parsed=counts[0],
                ignored=counts[1],
                rejected=counts[2],
                rate=(sum(counts) - feed.lines_before) / max(up, 1),
                lag_bytes=feed.input.lag_bytes(),
                lag=feed.lag_seconds(now),
                last_record=feed.meter.last_time,
                rejects=list(reversed(feed.journal.samples)),
            )
        )
    families = [
        (name, len(family.series), family.limit, family.family.help)
        for name, family in store.families.items()
        if family.family.adds and family.series
    ]
    version = next(iter(store.families[catalog.BUILD_INFO.name].series))[0]
    checkpoint = pipeline.checkpoint
    committed_at = store.series(catalog.CHECKPOINT_LAST_SUCCESS_TIMESTAMP_SECONDS).value if checkpoint else 0
    return Snapshot(
        up_seconds=up,
        ready=pipeline.ready,
        version=version,
        state=str(checkpoint.path) if checkpoint else "",
        healthy=not checkpoint or checkpoint.healthy,
        committed_at=committed_at,
        held=pipeline.zero_hold.held,
        unopened=sum(feed.input.unopened for feed in pipeline.feeds),
        descriptors=descriptors.limit(),
        inputs=inputs,
        families=families,
        implausible=[
            (name, field, int(series.value))
            for (name, field), series in store.families[catalog.IMPLAUSIBLE_VALUES.name].series.items()
            if isinstance(series, Series) and series.value
        ],
        budgets=pipeline.expiry.places.admissions.used,
    )


def page_policy() -> str:
    """The page's Content-Security-Policy: its own style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def page(found: Snapshot) -> str:
    """The page, in HTML. It loads nothing from elsewhere."""
    inputs = "".join(_input(input_) for input_ in found.inputs)
    rejects = "".join(_reject(input_.name, reject) for input_ in found.inputs for reject in input_.rejects)
    return f"""<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<title>gateway-exporter</title><style>{_STYLE}</style>
<header><h1>gateway-exporter</h1><p>{escape(found.version)} · up {_span(found.up_seconds)} ·
<b class={"good" if found.ready else "bad"}>{"ready" if found.ready else "catching up"}</b> ·
<a href=metrics>metrics</a> · <a href=-/healthy>health</a> · <a href=-/ready>readiness</a></p>
<p>{_state(found)}</p>{_unopened(found)}</header>
<h2>Inputs</h2><table><tr><th>input<th>logs<th class=n>parsed<th class=n>ignored<th class=n>rejected<th class=n>lines/s
<th class=n>lag<th>last record{inputs}</table>
<h2>Rejected lines</h2>{_table("<th>when<th>input<th>reason<th class=n>bytes<th>shape", rejects) or "<p>None.</p>"}
<h2>Implausible numbers</h2>
{_table("<th>input<th>field<th class=n>left out<th class=n>largest plausible", _implausible(found)) or "<p>None.</p>"}
<h2>Series</h2>{_held(found.held)}
{_table("<th>family<th class=n>series<th class=n>limit<th>description", _families(found)) or "<p>None yet.</p>"}
<h2>Label budgets</h2><p>An undeclared value takes a place in its label's budget with a successful request, and frees
it when its last series has expired. Once a budget is used up, new values are counted as <code>other</code>, new keys
as <code>unknown</code>.</p>
{_table("<th>label<th class=n>used<th class=n>left", _budgets(found))}
</html>"""


def _state(found: Snapshot) -> str:
    if not found.state:
        return "Counters restart from zero with the process: <code>state.path</code> is not configured."
    if not found.healthy:
        return (
            f"<b class=bad>Commits have failed</b> since {_time(found.committed_at)}: counters are served as they were "
            f"then; counting continues in memory. See the log, and <code>{escape(found.state)}</code>"
        )
    return f"State: <code>{escape(found.state)}</code>, last committed {_time(found.committed_at)}"


def _unopened(found: Snapshot) -> str:
    return (
        f"<p><b class=bad>{found.unopened:,} logs can't be opened</b>: no file descriptor is left (limit "
        f"{found.descriptors:,}). Raise the limit of open files (<code>ulimit -n</code>, <code>LimitNOFILE=</code>)</p>"
        if found.unopened
        else ""
    )


def _held(series: int) -> str:
    return (
        f"<p>{series:,} new series are held at 0 until every scraper has seen them once, so "
        "<code>increase()</code> counts their first samples.</p>"
        if series
        else ""
    )


def _input(input_: InputStatus) -> str:
    logs = "<br>".join(f"<code>{escape(file)}</code>" for file in input_.files)
    state = logs if input_.readable else f"{logs}<br><b class=bad>missing or unreadable; waiting for it</b>"
    lag = f"{input_.lag_bytes:,} B, {_span(input_.lag)}" if input_.lag_bytes else "0"
    rejected = f"<b class=bad>{input_.rejected:,}</b>" if input_.rejected else "0"
    return (
        f"<tr><td>{escape(input_.name)}<td>{state}<td class=n>{input_.parsed:,}<td class=n>{input_.ignored:,}"
        f"<td class=n>{rejected}<td class=n>{input_.rate:,.1f}<td class=n>{lag}<td>{_last_record(input_)}"
    )


def _implausible(found: Snapshot) -> str:
    return "".join(
        f"<tr><td>{escape(name)}<td><code>{field}</code><td class=n>{count:,}<td class=n>{MOST[field]:,.0f}"
        for name, field, count in found.implausible
    )


def _families(found: Snapshot) -> str:
    return "".join(
        f"<tr><td><code>{name}</code><td class=n>{count:,}<td class=n>{limit:,}<td>{escape(text)}"
        for name, count, limit, text in found.families
    )


def _budgets(found: Snapshot) -> str:
    return "".join(
        f"<tr><td>{label}{' (of the key with the most)' if label == 'origin' else ''}<td class=n>{used:,}"
        f"<td class=n>{max(0, budget - used):,}"
        for label, (used, budget) in found.budgets.items()
    )


def _reject(name: str, line: Rejected) -> str:
    why = f"<td title='{escape(REASONS[line.reason])}'>{line.reason}"
    return (
        f"<tr><td>{_time(line.at)}<td>{escape(name)}{why}<td class=n>{line.length:,}"
        f"<td><code>{escape(line.shape)}</code>"
    )


def _table(head: str, rows: str) -> str:
    return f"<table><tr>{head}{rows}</table>" if rows else ""


def _last_record(input_: InputStatus) -> str:
    if input_.parsed and not input_.last_record:
        return "<b class=bad>no time in the log</b>: name it in the format (<code>time</code>)"
    return _time(input_.last_record)


def _time(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if seconds else "none yet"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


_STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}header p{margin:.2rem 0;color:GrayText}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;vertical-align:top;
border-bottom:1px solid color-mix(in srgb,CanvasText 15%,Canvas)}th{font-weight:600;color:GrayText;font-size:.85rem}
.n{text-align:right;font-variant-numeric:tabular-nums}.good{color:#2a8a4a}.bad{color:#d33}
code{font-size:.9em;overflow-wrap:anywhere}td:first-child code{white-space:nowrap}"""
