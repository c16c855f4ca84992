"""The status page: shows people whether the exporter reads the logs and counts them, and what to do if it does not."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from exporter.formats.decoders.decoder import REASONS
from exporter.inputs.events import LOSSES
from exporter.model.fields import MOST
from exporter.service.input_journal import Rejected
from exporter.service.web.status import InputStatus, Snapshot

# The page is loaded again after so many seconds.
_REFRESH_SECONDS = 10
# A log that is read so late, in seconds, or of which so many lines are rejected, needs attention.
_LATE_SECONDS = 60
_MANY_REJECTED = 0.05
# Of the logs that can't be read, so many are listed.
_MOST_LOGS = 5


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
    losses = "".join(_loss(input_.name, *loss) for input_ in found.inputs for loss in input_.losses)
    problems = "".join(f"<li>{problem}" for problem in _problems(found))
    attention = f"<h2>Needs attention</h2><ul class=bad>{problems}</ul>" if problems else ""
    return f"""<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<meta http-equiv=refresh content={_REFRESH_SECONDS}><title>gateway-exporter</title><style>{_STYLE}</style>
<header><h1>gateway-exporter</h1><p>{escape(found.version)} · up {_span(found.up_seconds)} ·
<b class={"good" if found.ready else "bad"}>{"ready" if found.ready else "catching up"}</b> ·
<a href=metrics>metrics</a> · <a href=-/healthy>health</a> · <a href=-/ready>readiness</a></p>
<p>{_state(found)}</p></header>{attention}
<h2>Inputs</h2>{
        _table(
            "<th>input<th>logs<th class=n>parsed<th class=n>ignored<th class=n>rejected<th class=n>lines/s"
            "<th class=n>lag<th>last record",
            inputs,
        )
    }
<h2>Rejected lines</h2>{_table("<th>when<th>input<th>reason<th class=n>bytes<th>shape", rejects) or "<p>None.</p>"}
<h2>Losses</h2>{_table("<th>input<th>reason<th class=n>times<th class=n>bytes", losses) or "<p>None.</p>"}
<h2>Implausible numbers</h2>
{_table("<th>input<th>field<th class=n>left out<th class=n>largest plausible", _implausible(found)) or "<p>None.</p>"}
<h2>Series</h2>{_held(found.held)}
{_table("<th>family<th class=n>series<th class=n>limit<th>description", _families(found)) or "<p>None yet.</p>"}
<h2>Label budgets</h2><p>An undeclared value takes a place in its label's budget with a successful request, and frees
it when its last series has expired. Once a budget is used up, new values are counted as <code>other</code>, new keys
as <code>unknown</code>.</p>
{_table("<th>label<th class=n>used<th class=n>left", _budgets(found))}
</html>"""


def _problems(found: Snapshot) -> Iterator[str]:
    """What is wrong, each with what to do, in HTML."""
    for what, (since, why) in found.refused.items():
        yield f"The {what} could not be read again since {_time(since)}; the old one stays in use. {escape(why)}"
    if not found.healthy:
        yield (
            f"Commits to <code>{escape(found.state)}</code> have failed since {_time(found.committed_at)}: counters "
            "are served as they were then, and counting continues in memory. Is the disk full? The log has the reason."
        )
    if found.unopened:
        yield (
            f"{found.unopened:,} logs can't be opened: no file descriptor is left (limit {found.descriptors:,}). "
            "Raise the limit of open files (<code>ulimit -n</code>, <code>LimitNOFILE=</code>)."
        )
    for input_ in found.inputs:
        for problem in _problems_of(input_):
            yield f"{escape(input_.name)}: {problem}"
    for label, (used, budget) in found.budgets.items():
        if used >= budget:
            yield (
                f"The budget of <code>{label}</code> is used up ({budget:,}): further values are counted together. "
                f"Raise <code>metrics.budgets.{label}</code>, or declare the values."
            )
    for name, series, limit, _ in found.families:
        if series >= limit:
            yield (
                f"<code>{name}</code> has as many series as it may ({limit:,}): further ones are counted together. "
                "Raise <code>metrics.max_series</code>, or drop a label."
            )


def _problems_of(input_: InputStatus) -> Iterator[str]:
    shown = sorted(input_.unreadable.items())[:_MOST_LOGS]
    for path, why in shown:
        yield f"<code>{escape(path)}</code> can't be read: {escape(why)}. It is tried again every second."
    if more := len(input_.unreadable) - len(shown):
        yield f"{more:,} more logs can't be read."
    if not input_.readable and not input_.unreadable:
        yield "there is nothing to read yet."
    lines = input_.parsed + input_.rejected
    if input_.rejected and not input_.parsed:
        yield f"none of {lines:,} lines could be parsed. <code>gateway-exporter init</code> finds the format."
    elif input_.rejected > _MANY_REJECTED * lines:
        share = f"{input_.rejected / lines:.0%}"
        yield f"{share} of the lines are rejected; <code>gateway-exporter explain</code> says why."
    if input_.parsed and not input_.last_record:
        yield "no record has a time: name it in the format (<code>time</code>)."
    if input_.lag > _LATE_SECONDS:
        yield f"{_span(input_.lag)} behind, with {input_.lag_bytes:,} bytes to read."


def _state(found: Snapshot) -> str:
    if not found.state:
        return "Counters restart from zero with the process: <code>state.path</code> is not configured."
    return f"State: <code>{escape(found.state)}</code>, last committed {_time(found.committed_at)}"


def _held(series: int) -> str:
    return (
        f"<p>{series:,} new series are held at 0 until every scraper has seen them once, so "
        "<code>increase()</code> counts their first samples.</p>"
        if series
        else ""
    )


def _input(input_: InputStatus) -> str:
    logs = "<br>".join(f"<code>{escape(file)}</code>" for file in input_.files)
    lag = f"{input_.lag_bytes:,} B, {_span(input_.lag)}" if input_.lag_bytes else "0"
    rejected = f"<b class=bad>{input_.rejected:,}</b>" if input_.rejected else "0"
    return (
        f"<tr><td>{escape(input_.name)}<td>{logs}<td class=n>{input_.parsed:,}<td class=n>{input_.ignored:,}"
        f"<td class=n>{rejected}<td class=n>{input_.pace:,.1f}<td class=n>{lag}<td>{_time(input_.last_record)}"
    )


def _loss(name: str, reason: str, times: int, size: int) -> str:
    known = f"{size:,}" if size else "unknown"
    return f"<tr><td>{escape(name)}<td>{escape(LOSSES[reason])}<td class=n>{times:,}<td class=n>{known}"


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
    """A table that scrolls sideways by itself where the screen is narrow."""
    return f"<div><table><tr>{head}{rows}</table></div>" if rows else ""


def _time(seconds: float | None) -> str:
    if not seconds:
        return "none yet"
    return f"<time>{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S UTC}</time>"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


_STYLE = """
:root{color-scheme:light dark;--bad:light-dark(#c22,#ff7b72)}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}header p{margin:.2rem 0;color:GrayText}
div{overflow-x:auto}table{border-collapse:collapse;width:100%;overflow-wrap:normal}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;vertical-align:top;
border-bottom:1px solid color-mix(in srgb,CanvasText 15%,Canvas)}th{font-weight:600;color:GrayText;font-size:.85rem}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.good{color:light-dark(#2a8a4a,#56d364)}
.bad{color:var(--bad)}time{white-space:nowrap}
ul{padding-left:1.2rem}li{margin:.3rem 0}code{font-size:.9em}td code{white-space:nowrap}"""
