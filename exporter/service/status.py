"""The status page: for the person who asks whether the exporter sees what the gateway does."""

import time
from datetime import UTC, datetime
from html import escape

from msgspec import Struct

from exporter import descriptors
from exporter.formats.decoder import REASONS
from exporter.metrics.store import Series
from exporter.model import catalog
from exporter.model.fields import MOST
from exporter.service.input_journal import Rejected
from exporter.service.pipeline import Pipeline


class InputStatus(Struct):
    """One input's line on the page. `rate` is lines per second since the start, `lag` seconds."""

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
    # Where counters and positions are kept, "" for nowhere; whether the last commit was good, and when it was.
    kept_in: str
    kept_well: bool
    kept_at: float
    # New series that show 0 for now.
    held: int
    # Logs that there is no file descriptor for, and how many descriptors there are.
    unopened: int
    descriptors: int
    inputs: list[InputStatus]
    # Name, series, how many it may have, what it is.
    families: list[tuple[str, int, int, str]]
    # Input, field, and how many of its numbers no request can have.
    implausible: list[tuple[str, str, int]]
    # Of each label with a budget, how many places are used, and how many there are.
    places: dict[str, tuple[int, int]]


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
        (name, len(one.series), one.limit, one.family.help)
        for name, one in store.families.items()
        if one.family.adds and one.series
    ]
    version = next(iter(store.families[catalog.BUILD_INFO.name].series))[0]
    checkpoint = pipeline.checkpoint
    kept_at = store.series(catalog.CHECKPOINT_LAST_SUCCESS_TIMESTAMP_SECONDS).value if checkpoint else 0
    return Snapshot(
        up_seconds=up,
        ready=pipeline.ready,
        version=version,
        kept_in=str(checkpoint.path) if checkpoint else "",
        kept_well=not checkpoint or checkpoint.healthy,
        kept_at=kept_at,
        held=pipeline.zero_hold.held,
        unopened=sum(feed.input.unopened for feed in pipeline.feeds),
        descriptors=descriptors.limit(),
        inputs=inputs,
        families=families,
        implausible=[
            (name, field, int(one.value))
            for (name, field), one in store.families[catalog.IMPLAUSIBLE_VALUES.name].series.items()
            if isinstance(one, Series) and one.value
        ],
        places=pipeline.expiry.places.admissions.used,
    )


def page(found: Snapshot) -> str:
    """The page, in HTML, without a byte from anywhere else."""
    inputs = "".join(_input(one) for one in found.inputs)
    rejects = "".join(_reject(one.name, reject) for one in found.inputs for reject in one.rejects)
    implausible = "".join(
        f"<tr><td>{escape(name)}<td><code>{field}</code><td class=n>{count:,}<td class=n>{MOST[field]:,.0f}"
        for name, field, count in found.implausible
    )
    families = "".join(
        f"<tr><td><code>{name}</code><td class=n>{count:,}<td class=n>{limit:,}<td>{escape(text)}"
        for name, count, limit, text in found.families
    )
    places = "".join(
        f"<tr><td>{label}{' (of the key with most)' if label == 'origin' else ''}<td class=n>{used:,}"
        f"<td class=n>{max(0, most - used):,}"
        for label, (used, most) in found.places.items()
    )
    return f"""<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<title>gateway-exporter</title><style>{_STYLE}</style>
<header><h1>gateway-exporter</h1><p>{escape(found.version)} · up {_span(found.up_seconds)} ·
<b class={"good" if found.ready else "bad"}>{"ready" if found.ready else "catching up"}</b> ·
<a href=metrics>metrics</a> · <a href=-/healthy>health</a> · <a href=-/ready>readiness</a></p>
<p>{_kept(found)}</p>{_unopened(found)}</header>
<h2>Inputs</h2><table><tr><th>input<th>logs<th class=n>parsed<th class=n>ignored<th class=n>rejected<th class=n>lines/s
<th class=n>behind<th>last record{inputs}</table>
<h2>Rejected lines</h2>{_table("<th>when<th>input<th>reason<th class=n>bytes<th>its shape", rejects) or "<p>None.</p>"}
<h2>Implausible numbers</h2>
{_table("<th>input<th>field<th class=n>left out<th class=n>most that is plausible", implausible) or "<p>None.</p>"}
<h2>Series</h2>{_held(found.held)}
{_table("<th>family<th class=n>series<th class=n>at most<th>what", families) or "<p>None yet.</p>"}
<h2>Places</h2><p>A value that is not declared takes a place by a successful request, and gives it back when its last
series has expired. With none left, new values are counted as <code>other</code>, new keys as <code>unknown</code>.</p>
{_table("<th>label<th class=n>used<th class=n>left", places)}
</html>"""


def _kept(found: Snapshot) -> str:
    if not found.kept_in:
        return "Nothing is kept over restarts: the config names no <code>state.path</code>."
    if not found.kept_well:
        return (
            f"<b class=bad>Commits fail</b> since {_time(found.kept_at)}: counters are served as they were then, "
            f"and count on in memory. See the log, and <code>{escape(found.kept_in)}</code>"
        )
    return f"Kept in <code>{escape(found.kept_in)}</code>, last committed {_time(found.kept_at)}"


def _unopened(found: Snapshot) -> str:
    return (
        f"<p><b class=bad>{found.unopened:,} logs wait for a file descriptor</b> of {found.descriptors:,} in all. "
        "Raise the limit of open files (<code>ulimit -n</code>, <code>LimitNOFILE=</code>)</p>"
        if found.unopened
        else ""
    )


def _held(series: int) -> str:
    return (
        f"<p>{series:,} new ones show 0 until every scraper has seen that, so that no increase is lost.</p>"
        if series
        else ""
    )


def _input(one: InputStatus) -> str:
    logs = "<br>".join(f"<code>{escape(file)}</code>" for file in one.files)
    state = logs if one.readable else f"{logs}<br><b class=bad>missing or unreadable; waiting for it</b>"
    behind = f"{one.lag_bytes:,} B, {_span(one.lag)}" if one.lag_bytes else "0"
    rejected = f"<b class=bad>{one.rejected:,}</b>" if one.rejected else "0"
    return (
        f"<tr><td>{escape(one.name)}<td>{state}<td class=n>{one.parsed:,}<td class=n>{one.ignored:,}"
        f"<td class=n>{rejected}<td class=n>{one.rate:,.1f}<td class=n>{behind}<td>{_time(one.last_record)}"
    )


def _reject(name: str, one: Rejected) -> str:
    why = f"<td title='{escape(REASONS[one.reason])}'>{one.reason}"
    return (
        f"<tr><td>{_time(one.at)}<td>{escape(name)}{why}<td class=n>{one.length:,}<td><code>{escape(one.shape)}</code>"
    )


def _table(head: str, rows: str) -> str:
    return f"<table><tr>{head}{rows}</table>" if rows else ""


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
