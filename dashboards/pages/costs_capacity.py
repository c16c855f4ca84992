"""The page of costs: how much load there is, and will be."""

from dashboards.fields import column
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.costs_queries import HOURS_OF_A_WEEK
from dashboards.pages.links import Links
from dashboards.panels import stat
from dashboards.promql import total
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served, or_zero

_AHEAD = 30
# This week and the last one.
_WEEKS = ("", " offset 7d")


def capacity(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """Load, failures and latency of this week, the last, and in 30 days; the keys' peaks."""
    every = Metrics(served, ())
    requests, errors = (
        total(every(f"{every.smallest(f'gateway_{name}')}:increase1h")) for name in ("requests", "errors")
    )
    whole = f"and on () (count_over_time({requests}[7d:1h]{_WEEKS[1]}) >= {HOURS_OF_A_WEEK})"
    return [
        _ahead(
            "Requests: now, and in 30 days",
            "Requests an hour, average of seven days; ahead, if every week adds what the last one added.",
            [f"avg_over_time({requests}[7d:1h]{at})" for at in _WEEKS],
            whole,
            "locale",
            id=16,
        ),
        _ahead(
            "Failed: now, and in 30 days",
            "Failed requests an hour, the same way. Growing faster than requests: something is at its end.",
            [f"avg_over_time(({or_zero(errors, requests)})[7d:1h]{at})" for at in _WEEKS],
            whole,
            "locale",
            id=17,
        ),
        _ahead(
            "Latency: now, and in 30 days",
            "Average latency, the same way. Rising with requests: more machines, before it is felt.",
            [_latency(every, at) for at in _WEEKS],
            whole,
            "s",
            id=18,
        ),
        _by_key(m, to),
    ]


def _latency(every: Metrics, at: str) -> str:
    """The average of a week's requests: that of its hours would count one at night as much as many at noon."""
    duration = "method:gateway_request_duration_seconds"
    took, count = (
        f"sum_over_time({total(every(f'{duration}_{part}:increase1h', *matchers))}[7d:1h]{at})"
        for part, *matchers in (("sum",), ("bucket", 'le="+Inf"'))
    )
    return f"{took} / ({count} > 0)"


def _ahead(title: str, description: str, weeks: list[str], whole: str, unit: str, *, id: int) -> Panel:
    now, before = weeks
    before = f"{before} {whole}"
    return stat(
        title,
        description,
        {
            "this week": now,
            "last week": before,
            f"in {_AHEAD} days": f"clamp_min({now} + {_AHEAD / 7:.3g} * ({now} - ({before})), 0)",
        },
        unit,
        decimals=0 if unit == "locale" else None,
        no_value=columns.NEEDS_AN_HOUR,
        width=8,
        answers=Question.LOAD_AHEAD,
        id=id,
    )


def _by_key(m: Metrics, to: Links) -> Panel:
    return table(
        "Load by key: last day and peak hour",
        "Who needs a larger limit or a plan of its own next.",
        {
            "last_day": m.named(m.hours("key:gateway_requests", by="key", hours=24)),
            "the_day_before": m.hours("key:gateway_requests", by="key", hours=24, at="offset 1d"),
            "peak_hour": f"max_over_time({total(m('key:gateway_requests:increase1h', by='key'), 'key')}[1d:1h])",
        },
        {
            "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
            "name": columns.NAME,
            "peak_hour": columns.COUNT,
            "last_day": columns.COUNT,
            "the_day_before": columns.COUNT,
        },
        sort="peak_hour",
        no_value=columns.NEEDS_RULES,
        answers=(Question.LOAD_AHEAD, Question.WHERE_ARE_PEAKS),
        id=19,
    )
