"""Failures: of the gateway against its objective, and of requests as the usage pages count them."""

from collections.abc import Iterator
from functools import partial

from alerts.alert import KEY, METHOD, PERCENT, Alert, percent
from alerts.promql import Terms
from alerts.recording import SERVED
from exporter.config.objectives import BURN_RATES

_alert = partial(Alert, category="errors", dashboard="gateway-errors")


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this category."""
    yield from _burn(terms)
    yield from _success_rate_low(terms)
    yield from _method_success_rate_low(terms)
    yield from _key_success_rate_low(terms)


def _success_rate_low(terms: Terms) -> Iterator[Alert]:
    success = terms.config.success_rate
    for severity, level in (("warning", success.warning), ("critical", success.critical)):
        if level is not None:
            yield _alert(
                name="GatewaySuccessRateLow",
                severity=severity,
                component="gateway",
                expression=_low("fleet", "", level, terms),
                for_="5m",
                summary=f"Only {PERCENT} of all requests succeed",
                description=(
                    f"{PERCENT} of the last five minutes' requests succeeded, less than {percent(level)}. Errors of "
                    "clients count too, but for what scanners ask of methods that never succeeded."
                ),
                recommendation=(
                    "Look at the error types first. server_error, upstream_error or timeout: the gateway or what is "
                    "behind it, so look at providers and upstreams. auth, client_error or rate_limit_exceeded: find "
                    "the key that makes them, and tell its owner."
                ),
            )


def _method_success_rate_low(terms: Terms) -> Iterator[Alert]:
    success = terms.config.success_rate
    if success.warning is None:
        return
    yield _alert(
        name="GatewayMethodSuccessRateLow",
        severity="warning",
        component="gateway",
        # What never succeeded is not offered, and `other` is what scanners ask for.
        expression=(
            f"""{_low("method", '{method!="other"}', success.warning, terms)}\n"""
            f"and on {terms.by('chain', 'method')} {SERVED}"
        ),
        for_="5m",
        summary=f"Only {PERCENT} of {METHOD} succeed",
        description=(
            f"{PERCENT} of the requests to {METHOD} succeeded in the last five minutes, less than "
            f"{percent(success.warning)}."
        ),
        recommendation=(
            "If only this method fails, look at what serves it: its upstream, a release, its chain's node. If its "
            "errors are of one key, that key's client is wrong: tell the owner."
        ),
        shown=("chain", "method"),
    )


def _key_success_rate_low(terms: Terms) -> Iterator[Alert]:
    success = terms.config.success_rate
    if success.warning is None:
        return
    yield _alert(
        name="GatewayKeySuccessRateLow",
        severity="info",
        component="key",
        expression=terms.with_owner(_low("key", "", success.warning, terms)),
        for_="15m",
        summary=f"Only {PERCENT} of {KEY}'s requests succeed",
        description=(
            f"{PERCENT} of the requests of {KEY} succeeded in the last five minutes, less than "
            f"{percent(success.warning)}."
        ),
        recommendation=(
            "If other keys are well, the client is wrong: the error types say how. auth: a changed or expired key. "
            "client_error: a release of theirs. Tell the owner the method and the status."
        ),
        dashboard="gateway-key",
        shown=("key",),
    )


def _low(level: str, of: str, target: float, terms: Terms) -> str:
    """Success under a target, where there is enough traffic for a share to mean something; `of` are matchers."""
    ratio, requests = (
        terms.kept(f"{level}:gateway_{what}{of}") for what in ("success:ratio_rate5m", "requests:rate5m")
    )
    return f"{ratio} < {target:g}\nand {requests} * 300 >= {terms.config.min_requests}"


def _burn(terms: Terms) -> Iterator[Alert]:
    target = terms.config.objectives.availability
    if target is None:
        return
    for severity, long, short, factor, lasts in BURN_RATES:
        yield _alert(
            name="GatewayAvailabilityBurn",
            severity=severity,
            component="gateway",
            expression=burning("unavailable", long, short, factor * (1 - target), terms),
            for_=lasts,
            labels={"range": long},
            summary=f"{PERCENT} of requests failed over {long}, {times(factor)}",
            description=(
                f"Over {long} the gateway or what is behind it failed {PERCENT} of all requests, and over {short} it "
                f"still does. With more than {percent(factor * (1 - target))}, the error budget of "
                f"{percent(target)} availability does not last for its month."
            ),
            recommendation=(
                "See which error type it is, then which chain, method or provider it began with, and what was "
                "released then. upstream_error and timeout: take the failing upstream out of use. server_error: the "
                "gateway's own log says why; roll back."
            ),
        )


def times(factor: float) -> str:
    """How much more than the error budget allows."""
    return "more than is allowed" if factor == 1 else f"more than {factor:g} times what is allowed"


def burning(failed: str, long: str, short: str, level: float, terms: Terms) -> str:
    """A budget that burns too fast over both windows, with more failures than chance makes."""
    failures = terms.over(f"fleet:gateway_{failed}_requests:rate5m", long)
    ratios = (f"fleet:gateway_{failed}:ratio_rate{window}" for window in (long, short))
    # Windows longer than that last while an exporter is away.
    ratio_long, ratio_short = (terms.kept(ratio) if ratio.endswith("rate5m") else ratio for ratio in ratios)
    return f"{ratio_long} > {level:.6g}\nand {ratio_short} > {level:.6g}\nand {failures} >= {terms.config.min_failures}"
