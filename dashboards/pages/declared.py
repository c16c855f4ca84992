"""Requests, tokens and money by the labels that a config adds to families, such as team or user."""

import zlib

from dashboards.fields import column
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.promql import Metrics, success
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import ABSENT, Served, or_zero

# Ids of panels for labels that nobody knows beforehand.
_FIRST, _MOST = 1000, 1_000_000


def by_declared(m: Metrics, served: Served) -> list[Panel]:
    """A table for each label; its columns are of the families that have it."""
    return [_by(m, served, label) for label in served.declared]


def _by(m: Metrics, served: Served, label: str) -> Panel:
    requests, failed = (m.count(f"gateway_{one}_total", by=label) for one in ("requests", "errors"))
    queries = {
        "requests": requests,
        "failed": or_zero(failed, requests),
        "success": success(failed, requests),
        "model_requests": m.count("gateway_model_requests_total", by=label),
        "tokens": m.count("gateway_tokens_total", by=label),
        "cost": m.count("gateway_cost_total", by=label),
        "credits": m.count("gateway_credits_total", by=label),
    }
    asked = {name: query for name, query in queries.items() if ABSENT not in query}
    return table(
        f"By {label}",
        "The 200 largest of each column. The drop-down above narrows the page to one.",
        {name: f"topk(200, {query})" for name, query in asked.items()},
        {
            label: columns.NAME,
            **dict.fromkeys(queries, columns.COUNT),
            "success": columns.SUCCESS,
            "cost": column(columns.money(served), decimals=2),
        },
        sort=next(iter(asked), ""),
        answers=(Question.BREAKDOWN, Question.TOTALS_OF_A_CHOICE),
        id=_FIRST + zlib.crc32(label.encode()) % _MOST,
    )
