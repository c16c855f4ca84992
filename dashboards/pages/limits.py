"""Gateway / Limits and quotas: who is near a limit, who will run out, who was refused."""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, ORANGE, YELLOW, column, range_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages import limits_over_fleet as limits
from dashboards.pages.links import Links
from dashboards.panels import bars, stat, text, timeseries
from dashboards.promql import LAST_BAR, among, five, leaders, total
from dashboards.questions import Question
from dashboards.tables import table
from dashboards.variables import largest_keys
from exporter.config.served import Served, or_zero

_VARIABLES = ("owner", "plan", "key")
# What recorded hours must have: "All" is a list of names there.
_COVERED = ("key",)
_HEADER = "**For whoever hands out limits.** Orange: a key is refused, or will be soon."
_NO_LIMIT = "No key has a limit"
_WINDOWS = {"1m": "minute", "1h": "hour", "1d": "day", "1mo": "month"}
_DAY = 86400
# Each point reads all keys.
_FEW_POINTS = 60
_REFUSED = 'type="rate_limit_exceeded"'


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, ("key",), _COVERED), Links(served, ("key",))
    return Board(
        uid="gateway-limits",
        title="Limits and quotas",
        description="Who is near a limit, who will run out before the reset, who was refused, whose key expires.",
        variables=_VARIABLES,
        covered=_COVERED,
        about="gateway_limit",
        more=largest_keys(**_rankings(m)),
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Now", _now(m, served), id=2),
            Row("Use of every limit", _all(m, to, served), id=9),
            Row("Use and limit over time", _over_time(m, to), id=11),
            Row("Refused", _refused(m, to), id=16),
            Row("Keys and plans", _keys(m, to, served), id=19),
        ],
    )


def _now(m: Metrics, served: Served) -> list[Panel]:
    warning, critical = _levels(served)
    use, projected = limits.highest_share(m), limits.projected(m)
    expires = m("gateway_key_expires_timestamp_seconds")

    def count(title: str, description: str, query: str, colour: str, *, id: int) -> Panel:
        return stat(title, description, {"": query}, "none", steps={1: colour}, first=GREEN, no_value=_NO_LIMIT, id=id)

    return [
        count(
            "Limits reached",
            "Limits with nothing left. Their keys are refused until the window ends.",
            or_zero(f"count({use} >= 1)", f"count({use})"),
            ORANGE,
            id=3,
        ),
        count(
            f"Limits over {critical:.0%}",
            "Nearly used up. Raise them, or warn the owners, today.",
            or_zero(f"count({use} >= {critical})", f"count({use})"),
            ORANGE,
            id=4,
        ),
        count(
            f"Limits over {warning:.0%}",
            "On their way. See below which.",
            or_zero(f"count({use} >= {warning})", f"count({use})"),
            YELLOW,
            id=5,
        ),
        count(
            "Run out before the reset",
            "If the last six hours go on, and a fifth is used already.",
            or_zero(f"count({projected} > 1 and on (key, unit, window) {use} > 0.2)", f"count({use})"),
            YELLOW,
            id=6,
        ),
        stat(
            "Refused for a limit",
            "Requests with an error of type rate_limit_exceeded (429).",
            {"": or_zero(m.count("gateway_errors_total", _REFUSED), m.count("gateway_requests_total"))},
            "locale",
            compared=True,
            id=7,
        ),
        stat(
            "Keys that expire in 7 days",
            "Tell their owners. They are listed below.",
            {"": or_zero(f"count({expires} - time() < {7 * _DAY} > 0)", f"count({expires})")},
            "none",
            steps={1: YELLOW},
            first=GREEN,
            no_value="No key has an expiry date",
            answers=Question.WHICH_KEYS_END_SOON,
            id=8,
        ),
    ]


def _levels(served: Served) -> tuple[float, float]:
    """From which use a limit is watched, and from which it is nearly over."""
    return served.alerts.limits.warning or 1, served.alerts.limits.critical or 1


def _all(m: Metrics, to: Links, served: Served) -> list[Panel]:
    warning, critical = _levels(served)
    advice = range_map(
        [
            (None, warning, "fine", GREEN),
            (warning, critical, "watch it; warn the owner", YELLOW),
            (critical, 1, "raise it, or slow the client down", ORANGE),
            (1, None, "refused now: raise it, or wait for the reset", ORANGE),
        ]
    )
    allowed, used = limits.allowed(m), limits.used(m)
    return [
        table(
            "Limits",
            "Every limit: what is allowed, used and left in the running window, what was used of the last one, and "
            "what to do. Sorted by use; a click opens the key.",
            {
                "allowed": m.named(allowed),
                "used": f"{used} and on ({limits.BY}) {allowed}",
                "left": f"clamp_min({allowed} - {used}, 0)",
                "use": limits.share(m),
                "last_window": limits.share_last(m),
                "at_the_reset": limits.projected(m),
                "resets_in": f"{limits.resets_in(m)} and on ({limits.BY}) {allowed}",
                "advice": f"{limits.highest_share(m)} + 0",
            },
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "use": column("percentunit", decimals=1, steps=columns.near(served)),
                "unit": {"custom.width": 90},
                "window": column(mappings=_words(_WINDOWS)) | {"custom.width": 95},
                "allowed": columns.COUNT,
                "used": columns.COUNT,
                "left": columns.COUNT,
                "last_window": column("percentunit", decimals=1, steps=columns.near(served)),
                "at_the_reset": column("percentunit", decimals=1, steps={1: ORANGE}),
                "resets_in": column("dtdurations", decimals=0) | {"custom.width": 110},
                "advice": column(mappings=advice) | columns.ADVICE,
            },
            sort="use",
            no_value=_NO_LIMIT,
            high=10,
            answers=(
                Question.USE_OF_LIMITS,
                Question.WHICH_BOTTLENECKS,
                Question.USE_OF_QUOTA,
                Question.WHERE_ARE_PEAKS,
                Question.WHICH_KEYS_END_SOON,
            ),
            id=10,
        )
    ]


def _words(words: dict[str, str]) -> list[dict[str, object]]:
    options = {value: {"text": text_, "index": n} for n, (value, text_) in enumerate(words.items())}
    return [{"type": "value", "options": options}]


def _over_time(m: Metrics, to: Links) -> list[Panel]:
    found = []
    for n, (window, name) in enumerate(_WINDOWS.items()):
        matchers = ('unit="requests"', f'window="{window}"')
        nearest = (*matchers, among(f"nearest_{window}"))
        share = f"max by (key) ({limits.share(m, *nearest)})"
        ranking = f"max by (key) ({limits.share_at_the_end(m, *nearest)})"
        found.append(
            timeseries(
                f"Use of the running {name}'s limit",
                "Share of each key's own limit. It climbs and falls back at each reset; at the dashed line the key is "
                "refused.",
                {
                    **columns.by_key(five(share, ranking, "key", m.named_few)),
                    "limit": f"vector(1) and on () {limits.allowed(m, *matchers)}",
                },
                "percentunit",
                decimals=1,
                limit="limit",
                maxDataPoints=_FEW_POINTS,
                links=[to.key()],
                no_value=f"No key has a limit of requests by the {name}",
                answers=(Question.USE_OF_LIMITS, Question.USE_OF_QUOTA) if window == "1mo" else Question.USE_OF_LIMITS,
                id=12 + n,
            )
        )
    return found


def _rankings(m: Metrics) -> dict[str, str]:
    """Of keys, by the variable that has the five largest."""
    shares = {
        f"nearest_{window}": limits.share_at_the_end(m, 'unit="requests"', f'window="{window}"') for window in _WINDOWS
    }
    shares = {name: f"max by (key) ({share})" for name, share in shares.items()}
    return shares | {"most_refused": m.count("gateway_errors_total", _REFUSED, by="key")}


def _refused(m: Metrics, to: Links) -> list[Panel]:
    most = (_REFUSED, among("most_refused"))
    hourly = total(m("key:gateway_requests:increase1h", by="key"), "key")
    refused = m.count("gateway_errors_total", _REFUSED, by="key")
    return [
        bars(
            "Refused for a limit, by key",
            "When, and whose. A comb of short bursts: the client has no back-off; a plateau: its limit is too small.",
            columns.by_key(
                leaders(
                    m.count("gateway_errors_total", *most, by="key", over="$__interval", at="offset -$__interval"),
                    m.count("gateway_errors_total", *most, by="key", at=LAST_BAR),
                    "key",
                    m.named_few,
                    m.count("gateway_errors_total", _REFUSED, over="$__interval", at="offset -$__interval"),
                )
            ),
            "locale",
            links=[to.key()],
            no_value="No request was refused for a limit",
            answers=Question.USE_OF_LIMITS,
            id=17,
        ),
        table(
            "Keys that need a larger limit",
            "Refused requests over all of the key's requests. A tenth and more, day after day: a larger plan.",
            {
                "refused": m.named(f"({refused} > 0)"),
                "share": f"{refused} / {m.count('gateway_requests_total', by='key')} > 0",
                "peak_hour": f"max_over_time({hourly}[$__range:1h]) and on (key) ({refused} > 0)",
            },
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "refused": columns.COUNT,
                "share": columns.SHARE,
                "peak_hour": columns.COUNT,
            },
            sort="refused",
            no_value="No request was refused for a limit",
            width=12,
            answers=Question.WHERE_ARE_PEAKS,
            id=18,
        ),
    ]


def _keys(m: Metrics, to: Links, served: Served) -> list[Panel]:
    expires = m("gateway_key_expires_timestamp_seconds")
    info = m.info("plan")
    plans = f"max by (plan, unit, window) ({limits.allowed(m)} * on (key) group_left (plan) {info})"
    keys = f"count by (plan) ({info})"
    return [
        table(
            "Keys about to expire, or expired",
            "The next 30 days. Renew them with their owners, or let them go.",
            {"expires_in": m.named(f"min by (key) ({expires}) - time() < {30 * _DAY}")},
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "expires_in": column(
                    "dtdurations", decimals=0, steps=columns.expiring(served, "transparent"), first=ORANGE
                ),
                "owner": columns.NAME,
            },
            sort="expires_in",
            ascending=True,
            no_value="No key expires in the next 30 days",
            width=12,
            answers=Question.WHICH_KEYS_END_SOON,
            id=20,
        ),
        table(
            "Plans",
            "What each plan allows, and how many keys are on it.",
            {"allowed": plans, "keys": f"{plans} * 0 + on (plan) group_left () {keys}"},
            {
                "plan": columns.TEXT,
                "allowed": columns.COUNT,
                "unit": {"custom.width": 90},
                "window": column(mappings=_words(_WINDOWS)) | {"custom.width": 95},
                "keys": columns.COUNT,
            },
            sort="allowed",
            ascending=True,
            no_value=_NO_LIMIT,
            width=12,
            answers=Question.PLANS,
            id=21,
        ),
    ]
