"""The status page: shows people whether the exporter reads the logs and counts them, and what to do if it does not."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape

from exporter.formats.decoders.decoder import REASONS
from exporter.inputs.events import LOSSES
from exporter.model.fields import MOST
from exporter.request_log.outbox.settings import Sending
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


def page(found: Snapshot, runbook: str = "") -> str:
    """The page, in HTML. It loads nothing from elsewhere. `runbook` is where people read on, if it is a URL."""
    documented = f" · <a href='{escape(runbook)}'>runbook</a>" if runbook.startswith(("http://", "https://")) else ""
    return f"""<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<meta http-equiv=refresh content={_REFRESH_SECONDS}><title>gateway-exporter</title><style>{_STYLE}</style>
<header><h1>gateway-exporter</h1><p>{escape(found.version)} · up {_span(found.up_seconds)} ·
<b class={"good" if found.ready else "bad"}>{"ready" if found.ready else "catching up"}</b> ·
<a href=requests>requests</a> · <a href=metrics>metrics</a> · <a href=-/healthy>health</a> ·
<a href=-/ready>readiness</a>{documented}</p>
<p>{_state(found)}</p>{_sending(found)}</header>{_attention(found)}
{_section("Inputs", "input|logs|#parsed|#ignored|#rejected|#lines/s|#lag|last record", map(_input, found.inputs))}
{_section("Rejected lines", "when|input|reason|#bytes|shape", _rejects(found))}
{_section("Losses", "input|reason|#times|#bytes", _losses(found))}
{_section("Implausible numbers", "input|field|#left out|#largest plausible", _implausible(found))}
{_section("Series", "family|#series|#limit|description", _families(found))}
{_held(found.held)}
{_section("Label budgets", "label|#used|#left", _budgets(found))}
<p>An undeclared value takes a place in its label's budget with a successful request, and frees it when its last
series has expired. Once a budget is used up, new values count as <code>other</code>, new keys as
<code>unknown</code>.</p>
</html>"""


def _attention(found: Snapshot) -> str:
    problems = "".join(f"<li>{problem}" for problem in _problems(found))
    return f"<h2>Needs attention</h2><ul class=bad>{problems}</ul>" if problems else ""


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
    if found.sending and found.sending.problem:
        yield _not_sent(found.sending)
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


def _not_sent(to: Sending) -> str:
    oldest = f", the oldest {_span(to.lag)} old" if to.lag else ""
    return f"Requests can't be sent on: {escape(to.problem)}. {to.rows:,} wait at most{oldest}; they are tried again."


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


def _sending(found: Snapshot) -> str:
    to = found.sending
    if not to:
        return ""
    waiting = f"{to.rows:,} wait" if to.rows else "none waits"
    return (
        f"<p>Requests are sent to <code>{escape(to.receiver)}</code>: {waiting}, last sent {_time(to.succeeded_at)}</p>"
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
    lag = f"{input_.lag_bytes:,} B, {_span(input_.lag)}" if input_.lag_bytes else "0"
    rejected = f"<b class=bad>{input_.rejected:,}</b>" if input_.rejected else "0"
    return (
        f"<tr><td>{escape(input_.name)}<td>{logs}<td class=n>{input_.parsed:,}<td class=n>{input_.ignored:,}"
        f"<td class=n>{rejected}<td class=n>{input_.pace:,.1f}<td class=n>{lag}<td>{_time(input_.last_record)}"
    )


def _rejects(found: Snapshot) -> Iterator[str]:
    for input_ in found.inputs:
        for line in input_.rejects:
            reason = f"<td title='{escape(REASONS[line.reason])}'>{line.reason}<td class=n>{line.length:,}"
            yield f"<tr><td>{_time(line.at)}<td>{escape(input_.name)}{reason}<td><code>{escape(line.shape)}</code>"


def _losses(found: Snapshot) -> Iterator[str]:
    for input_ in found.inputs:
        for reason, times, size in input_.losses:
            known = f"{size:,}" if size else "unknown"
            yield f"<tr><td>{escape(input_.name)}<td>{escape(LOSSES[reason])}<td class=n>{times:,}<td class=n>{known}"


def _implausible(found: Snapshot) -> Iterator[str]:
    for name, field, count in found.implausible:
        yield f"<tr><td>{escape(name)}<td><code>{field}</code><td class=n>{count:,}<td class=n>{MOST[field]:,.0f}"


def _families(found: Snapshot) -> Iterator[str]:
    for name, count, limit, text in found.families:
        yield f"<tr><td><code>{name}</code><td class=n>{count:,}<td class=n>{limit:,}<td>{escape(text)}"


def _budgets(found: Snapshot) -> Iterator[str]:
    for label, (used, budget) in found.budgets.items():
        shown = f"{label} (of the key with the most)" if label == "origin" else label
        yield f"<tr><td>{shown}<td class=n>{used:,}<td class=n>{max(0, budget - used):,}"


def _section(title: str, columns: str, rows: Iterable[str]) -> str:
    """A table that scrolls sideways by itself where the screen is narrow. Columns of numbers begin with #."""
    body = "".join(rows)
    head = "".join(f"<th class=n>{name[1:]}" if name[0] == "#" else f"<th>{name}" for name in columns.split("|"))
    return f"<h2>{title}</h2>" + (f"<div><table><tr>{head}{body}</table></div>" if body else "<p>None.</p>")


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
