"""Rate limits and quotas: near, used up, used up before the reset, and requests refused for it."""

from collections.abc import Iterator
from functools import partial

from alerts.alert import KEY, PERCENT, Alert, share
from alerts.promql import Terms

_WINDOWS = (("1m", "a minute"), ("1h", "an hour"), ("1d", "a day"), ("1mo", "a month"))
_PER = "".join(f'{{{{ if eq $labels.window "{window}" }}}}{words}{{{{ end }}}}' for window, words in _WINDOWS)
# A key may have several limits.
_LIMIT = f"its limit of {{{{ $labels.unit }}}} {_PER}"
# The use may be many times the limit.
_SHARE_OF = share("$value", " of")
_UTILIZATION = "key:gateway_limit_utilization:ratio"
_alert = partial(Alert, component="key", category="quota", dashboard="gateway-limits", shown=("key",))


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this category."""
    yield from _limit_near(terms)
    yield from _limit_reached(terms)
    yield from _limit_projected(terms)
    yield from _requests_refused(terms)


def _limit_near(terms: Terms) -> Iterator[Alert]:
    limits = terms.config.limits
    allowed, reset = _allowed(terms), _reset(terms)
    for severity, level in (("warning", limits.warning), ("critical", limits.critical)):
        if level is not None:
            yield _alert(
                name="GatewayLimitNear",
                severity=severity,
                expression=terms.with_owner(f"{_UTILIZATION} >= {level:g}"),
                for_="1m",
                keep_firing_for="5m",
                summary=f"{KEY} has used {_SHARE_OF} {_LIMIT}",
                description=f"{KEY} has used {_SHARE_OF} {allowed} (this alert: {level:.0%}).{reset}",
                recommendation=(
                    "Look at the key's calls by method: is it growth, or a client that repeats itself? Growth: agree "
                    "on a higher limit before requests are refused. A loop: tell the owner which method it is."
                ),
            )


def _limit_reached(terms: Terms) -> Iterator[Alert]:
    allowed, reset = _allowed(terms), _reset(terms)
    yield _alert(
        name="GatewayLimitReached",
        severity="critical",
        expression=terms.with_owner(f"{_UTILIZATION} >= 1"),
        for_="1m",
        keep_firing_for="5m",
        summary=f"{KEY} has used up {_LIMIT}",
        description=f"{KEY} has used {_SHARE_OF} {allowed}: the gateway may be refusing its requests.{reset}",
        recommendation=(
            "Check on the dashboard whether requests are refused (429). If the owner is a customer who must go on, "
            "raise the limit in the plan and at the gateway; if they did not mean to use so much, tell them."
        ),
    )


def _limit_projected(terms: Terms) -> Iterator[Alert]:
    allowed, reset = _allowed(terms), _reset(terms)
    yield _alert(
        name="GatewayLimitProjected",
        severity="warning",
        expression=terms.with_owner(
            f"key:gateway_limit_projected:ratio > 1\nand {_UTILIZATION} > 0.2\nand {_UTILIZATION} < 1"
        ),
        for_="15m",
        keep_firing_for="15m",
        summary=f"{KEY} will use up {_LIMIT} before it resets",
        description=(
            f"If {KEY} goes on as in the last six hours, it will have used {_SHARE_OF} {allowed} by the reset.{reset}"
        ),
        recommendation=(
            "There is time: compare the key's last days on the dashboard. If this is its new normal, offer the owner "
            "a larger plan now; if it is a burst, ask them to spread it."
        ),
    )


def _requests_refused(terms: Terms) -> Iterator[Alert]:
    limits = terms.config.limits
    if limits.refused is not None:
        failed = terms.kept('key:gateway_errors:rate5m{type="rate_limit_exceeded"}')
        refused, requests = f"sum by {terms.by('key')} ({failed})", terms.kept("key:gateway_requests:rate5m")
        yield _alert(
            name="GatewayRequestsRefused",
            severity="warning",
            expression=terms.with_owner(
                f"{refused}\n/ ({requests} > 0) > {limits.refused:g}\n"
                f"and {requests} * 300 >= {terms.config.min_requests}"
            ),
            for_="5m",
            summary=f"{PERCENT} of {KEY}'s requests are refused with 429",
            description=(
                f"The gateway refuses {PERCENT} of the requests of {KEY} because of a rate limit or a quota (this "
                f"alert: {limits.refused:.0%}), over five minutes."
            ),
            recommendation=(
                "See on the dashboard which limit it is. If the key's use is right, raise the limit; if the client "
                "repeats refused requests at once, tell the owner to wait as Retry-After says."
            ),
        )


def _allowed(terms: Terms) -> str:
    """What the limit allows, in words."""
    amount = _query("max({})", "key:gateway_limit:max", "scope", terms)
    return f"{amount}{{{{ . | first | value | humanize }}}} {{{{ end }}}}{{{{ $labels.unit }}}} {_PER}"


def _reset(terms: Terms) -> str:
    """When its window ends, as a sentence."""
    left = _query("max({}) - time() > 0", "key:gateway_limit_reset_timestamp_seconds:max", "", terms)
    return left + ' It resets in {{ . | first | value | printf "%.0f" | humanizeDuration }}.{{ end }}'


def _query(expression: str, series: str, more: str, terms: Terms) -> str:
    """The beginning of a template that looks up what a recorded series says of the alert's own limit."""
    labels = [label for label in ("key", "unit", "window", more, *terms.served.target_scope) if label]
    matchers = ",".join(f"{label}=%q" for label in labels)
    values = " ".join(f"$labels.{label}" for label in labels)
    return f'{{{{ with printf "{expression.format(f"{series}{{{matchers}}}")}" {values} | query }}}}'
