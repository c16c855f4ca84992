"""Latency: averages as the usage pages have them, and the objective's budget."""

from collections.abc import Iterator
from functools import partial

from alerts.alert import DURATION, METHOD, PERCENT, Alert, length, percent
from alerts.promql import Terms, either
from alerts.rules.errors import burning, times
from exporter.config.objectives import BURN_RATES

_alert = partial(Alert, component="gateway", category="latency", dashboard="gateway-errors")


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this category."""
    yield from _latency_high(terms)
    yield from _method_slow(terms)
    yield from _latency_burn(terms)


def _latency_high(terms: Terms) -> Iterator[Alert]:
    config = terms.config
    for severity, level in (("warning", config.latency.warning), ("critical", config.latency.critical)):
        if level is not None:
            yield _alert(
                name="GatewayLatencyHigh",
                severity=severity,
                expression=(
                    f"{terms.kept('fleet:gateway_request_duration_seconds:mean5m')} > {level:g}\n"
                    f"and {terms.kept('fleet:gateway_timed_requests:rate5m')} * 300 >= {config.min_requests}"
                ),
                for_="5m",
                summary=f"Requests take {DURATION} on average",
                description=f"The average of the last five minutes' requests is {DURATION}, over {length(level)}.",
                recommendation=(
                    "Sort the methods by latency. One is slow: look at what serves it. All are: look at the "
                    "gateway's CPU and connections, and at the upstreams; shed load if it grows."
                ),
            )


def _method_slow(terms: Terms) -> Iterator[Alert]:
    config = terms.config
    if config.latency.warning is not None:
        models = ""
        if terms.has("method:gateway_model_requests:rate5m"):
            by_model = terms.kept("method:gateway_model_requests:rate5m")
            models = f"\nunless on {terms.by('method')} {by_model} > 0"
        slow = f'{{method!~"{either(config.slow_methods)}"}}' if config.slow_methods else ""
        yield _alert(
            name="GatewayMethodSlow",
            severity="warning",
            expression=(
                f"{terms.kept(f'method:gateway_request_duration_seconds:mean5m{slow}')} > {config.latency.warning:g}\n"
                f"and {terms.kept('method:gateway_requests:rate5m')} * 300 >= {config.min_requests}"
                f"{models}"
            ),
            for_="5m",
            summary=f"{METHOD} takes {DURATION} on average",
            description=(
                f"The average of the last five minutes' requests to {METHOD} is {DURATION}, over "
                f"{length(config.latency.warning)}."
            ),
            recommendation=(
                "See when it began, and whether one key's requests are larger than others'. Cache it, limit it, or "
                "give its upstream more room. If it takes long by nature, name it in alerts.slow_methods."
            ),
            shown=("chain", "method"),
        )


def _latency_burn(terms: Terms) -> Iterator[Alert]:
    config = terms.config
    target = config.objectives.latency
    if target is None:
        return
    for severity, long, short, factor, lasts in BURN_RATES:
        yield _alert(
            name="GatewayLatencyBurn",
            severity=severity,
            expression=burning("slow", long, short, factor * (1 - target), terms),
            for_=lasts,
            labels={"range": long},
            summary=(
                f"{PERCENT} of requests over {long} took more than {config.objectives.latency_seconds:g} s, "
                f"{times(factor)}"
            ),
            description=(
                f"Over {long} {PERCENT} of requests took more than {config.objectives.latency_seconds:g} s, and over "
                f"{short} they still do. The objective is that {percent(target)} take less."
            ),
            recommendation=(
                "Sort the methods by the share of slow requests. One stands out: its upstream. All are slower: the "
                "gateway itself, its network, or a release; compare with when it began."
            ),
        )
