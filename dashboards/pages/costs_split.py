"""The page of costs: who and what they are for."""

from dashboards.fields import column
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.costs_queries import Costs
from dashboards.pages.links import Links
from dashboards.panels import bars
from dashboards.promql import TODAY, among, leaders, total
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served

_HOURS = 24 * 30
_CREDITS = "key:gateway_credits"


def rankings(m: Metrics) -> dict[str, str]:
    """Of keys, by the variable that has the five largest."""
    return {"most_credits": m.hours(_CREDITS, by="key", hours=_HOURS)}


def split(m: Metrics, to: Links, costs: Costs, served: Served) -> list[Panel]:
    """The last 30 days by key, owner, model and provider."""
    money = column(columns.money(served), decimals=2)
    by_key = costs.all(hours=_HOURS, by="key")
    parts = {name.replace(" ", "_"): query for name, query in costs.parts(hours=_HOURS, by="key").items()}
    by_model = m.hours("key_model:gateway_cost", by="model provider", hours=_HOURS)
    owners = m.info("owner", matchers=('owner!=""',))
    owned = f"({by_key}) * on (key) group_left (owner) {owners}"
    hourly = m("key:gateway_requests:increase1h", by="key")
    known = f"{m.info('name')} and on (key) {hourly}"
    most, day = among("most_credits"), "offset -1d"
    return [
        table(
            "Cost of 30 days by key",
            "Whose requests, bytes and models are paid for.",
            # Names joined to the requests would have them read twice.
            {**parts, "info": known},
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "total": money,
                "requests": money,
                "bytes_sent": money,
                "models": money,
            },
            sort="total",
            whole=("total", tuple(parts)),
            no_value=columns.NEEDS_RULES,
            width=11,
            answers=(Question.COST_BY_KEY_AND_MODEL, Question.COST_AHEAD),
            id=12,
        ),
        table(
            "Cost of 30 days by owner",
            "For billing: the keys of each owner together. Keys without an owner are left out.",
            {"total": total(owned, "owner"), "keys": f"count by (owner) ({owners} and on (key) {hourly})"},
            {"owner": columns.NAME, "total": money, "keys": columns.COUNT},
            sort="total",
            no_value="No key has an owner, or no recording rules or exporter",
            width=5,
            answers=Question.COST_BY_KEY_AND_MODEL,
            id=23,
        ),
        table(
            "Cost of 30 days by model",
            "Which models, of which provider.",
            {"cost": by_model},
            {
                "model": column(links=[to.cell("Usage of this model", "gateway-llm", "model")]) | columns.MODEL,
                "cost": money | {"custom.width": 86},
                "provider": {"custom.width": 100},
            },
            sort="cost",
            no_value="No cost was logged, or no recording rules",
            width=8,
            answers=Question.COST_BY_KEY_AND_MODEL,
            id=13,
        ),
        bars(
            "Credits by day",
            "What calls cost in credits: the five keys that cost most, and others.",
            columns.by_key(
                leaders(
                    m.hours(_CREDITS, most, by="key", hours=24, at=day),
                    m.hours(_CREDITS, most, by="key", hours=_HOURS, at=TODAY),
                    "key",
                    m.named_few,
                    m.hours(_CREDITS, hours=24, at=day),
                )
            ),
            "locale",
            every="1d",
            timeFrom="30d",
            maxDataPoints=96,
            links=[to.key()],
            no_value="Calls have no credits, or there are no recording rules",
            width=24,
            answers=Question.COST_BY_KEY_AND_MODEL,
            id=14,
        ),
    ]
