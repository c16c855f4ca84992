"""Gateway / API key: is this key in trouble, what does it do, how much is left?"""

from dashboards.board import Board, Row
from dashboards.fields import YELLOW
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.key_activity import activity
from dashboards.pages.key_quota import quota
from dashboards.pages.key_state import state
from dashboards.pages.links import Links
from dashboards.panels import bars, donut, text
from dashboards.promql import LAST_BAR, leaders
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served

_VARIABLES = ("key", "chain", "method")
# Recorded hours answer while neither a chain nor a method is chosen.
_COVERED = ("key",)
_HEADER = "**For whoever has to know whether a key is in trouble.** Choose it above."


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, _VARIABLES, _COVERED, one_key=True), Links(served, _VARIABLES)
    return Board(
        uid="gateway-key",
        title="API key",
        description="One key: is it in trouble, what does it do, where is it used from, how much is left?",
        variables=_VARIABLES,
        covered=_COVERED,
        one_key=True,
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Is this key in trouble?", state(m, to, served), id=2),
            Row("What it calls", _calls(m, to), id=11),
            Row("Requests activity", activity(m, to, served), id=16),
            Row("Quota", quota(m, to, served), closed=True, id=24),
            Row("Where it is used from", _origins(m), closed=True, id=21),
        ],
    )


def _calls(m: Metrics, to: Links) -> list[Panel]:
    calls = "gateway_calls_total"
    methods = leaders(
        m.count(calls, by="method", over="$__interval", at="offset -$__interval"),
        m.count(calls, by="method", at=LAST_BAR),
        "method",
    )
    return [
        bars(
            "Calls of the five top methods, and others",
            "Each colour is a method; together they are all calls. A method that takes over: the client changed.",
            methods,
            "locale",
            links=[to.method()],
            width=16,
            answers=Question.WHICH_METHODS,
            id=12,
        ),
        donut(
            "Share of methods",
            "The same bars, summed: the five methods called most in the chosen time, and all others.",
            methods,
            "locale",
            summed=True,
            links=[to.method()],
            answers=Question.WHICH_METHODS,
            id=13,
        ),
        bars(
            "Credits by the hour",
            "What the calls cost in credits (compute units). Steps up: a more expensive method is called, or more "
            "often.",
            {"credits": m.count("gateway_credits_total", over="1h", at="offset -1h")},
            "locale",
            every="1h",
            timeFrom="24h",
            no_value="Calls have no credits: the config has no pricing.credits",
            width=12,
            answers=Question.CREDITS_BY_HOUR,
            id=14,
        ),
        bars(
            "Calls by chain",
            "The five networks that the key uses most, and others. Click a name to hide it; the variable above narrows "
            "the page to one.",
            leaders(
                m.count(calls, by="chain", over="$__interval", at="offset -$__interval"),
                m.count(calls, by="chain", at=LAST_BAR),
                "chain",
            ),
            "locale",
            links=[to.chain()],
            width=12,
            answers=Question.WHICH_CHAINS,
            id=15,
        ),
    ]


def _origins(m: Metrics) -> list[Panel]:
    name = "gateway_origin_requests_total"
    protocol = f'label_replace(topk(200, {m.count(name, by="origin protocol")}), "protocol", "none", "protocol", "")'
    return [
        bars(
            "Requests of the five top origins, others",
            "Sites (or networks) that the key is used from. One that nobody knows: ask the owner, rotate the key.",
            leaders(
                m.count(name, by="origin", over="$__interval", at="offset -$__interval"),
                m.count(name, by="origin", at=LAST_BAR),
                "origin",
            ),
            "locale",
            width=14,
            answers=Question.WHICH_ORIGINS,
            id=22,
        ),
        table(
            "Requests by origin and protocol",
            "Calls from each origin, HTTPS and WSS apart.",
            {"requests": protocol},
            {"origin": columns.NAME},
            pivot=("origin", "protocol"),
            width=10,
            answers=Question.WHICH_ORIGINS,
            id=23,
        ),
        bars(
            "Refused: 400, 401, 403",
            "The same refusal over and over: a client with a wrong key or a wrong call. From new origins: a thief.",
            {
                "{{status}}": m.count(
                    "gateway_requests_total",
                    'status=~"400|401|403"',
                    by="status",
                    over="$__interval",
                    at="offset -$__interval",
                )
            },
            "locale",
            colours={"^40": YELLOW},
            no_value="Nothing was refused with 400, 401 or 403",
            width=14,
            answers=Question.SUSPICIOUS_KEYS,
            id=37,
        ),
        bars(
            "New origins by the hour",
            "Places that the key was never used from before. Many at once: it is in other hands.",
            {"new origins": m.hours("key:gateway_key_new_origins", hours=1, at="offset -1h")},
            "locale",
            every="1h",
            timeFrom="4d",
            maxDataPoints=96,
            no_value=columns.NEEDS_AN_HOUR,
            width=10,
            answers=Question.SUSPICIOUS_KEYS,
            id=41,
        ),
    ]
