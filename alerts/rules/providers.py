"""Providers: failing, kept out of use, failed over from, and requests that a policy blocks."""

from collections.abc import Iterator
from functools import partial

from alerts.alert import PERCENT, Alert
from alerts.promql import Terms

# A provider does not fail where the request was wrong or the client left.
_NOT_THEIRS = "success|cancelled|client_error|client_abort"
_alert = partial(Alert, category="providers", dashboard="gateway-providers")


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this category."""
    yield from _provider_failing(terms)
    yield from _provider_circuit_open(terms)
    yield from _failover_storm(terms)
    yield from _blocked_storm(terms)


def _provider_failing(terms: Terms) -> Iterator[Alert]:
    providers = terms.config.providers
    enough = terms.config.min_requests
    if providers.failing is not None:
        series = "provider:gateway_upstream_attempts:rate5m"
        failed, attempts = (
            f"sum by {terms.by('provider')} ({terms.kept(selector)})"
            for selector in (f'{series}{{outcome!~"{_NOT_THEIRS}"}}', series)
        )
        yield _alert(
            name="GatewayProviderFailing",
            severity="warning",
            component="provider",
            expression=f"{failed}\n/ ({attempts} > 0) > {providers.failing:g}\nand {attempts} * 300 >= {enough}",
            for_="5m",
            keep_firing_for="5m",
            summary=f"{PERCENT} of the attempts at {{{{ $labels.provider }}}} fail",
            description=(
                f"{PERCENT} of the attempts at {{{{ $labels.provider }}}} failed in the last five minutes (this "
                f"alert: {providers.failing:.0%}); requests that were wrong themselves are not among them."
            ),
            recommendation=(
                "See the outcomes. rate_limit_exceeded: your own quota with the provider. timeout or upstream_error: "
                "its status page; take it out of use, or move its traffic, until it is well."
            ),
            shown=("provider",),
        )


def _provider_circuit_open(terms: Terms) -> Iterator[Alert]:
    yield _alert(
        name="GatewayProviderCircuitOpen",
        severity="warning",
        component="provider",
        expression=f"max by {terms.by('provider')} ({terms.last('gateway_provider_circuit_open')}) == 1",
        for_="5m",
        keep_firing_for="5m",
        summary="The gateway keeps {{ $labels.provider }} out of use",
        description="The gateway's circuit breaker for {{ $labels.provider }} has been open for five minutes.",
        recommendation=(
            "See whether the others carry the traffic, and what it costs. If the provider is well again and the "
            "circuit stays open, reset it at the gateway."
        ),
        shown=("provider",),
    )


def _failover_storm(terms: Terms) -> Iterator[Alert]:
    providers = terms.config.providers
    enough = terms.config.min_requests
    if providers.failovers is not None:
        failovers, attempts = (
            f"sum by {terms.by()} ({terms.kept(f'provider:gateway_{what}:rate5m')})"
            for what in ("failovers", "upstream_attempts")
        )
        # Each failover is an attempt more than the request's first.
        requests = f"({attempts} - {failovers})"
        yield _alert(
            name="GatewayFailoverStorm",
            severity="warning",
            component="provider",
            expression=f"{failovers}\n/ ({requests} > 0) > {providers.failovers:g}\nand {requests} * 300 >= {enough}",
            for_="5m",
            keep_firing_for="5m",
            summary=f"{PERCENT} of requests need another provider",
            description=(
                f"For {PERCENT} of the last five minutes' requests the first provider failed and another was tried "
                f"(this alert: {providers.failovers:.0%}): they are slower, and may cost more."
            ),
            recommendation=(
                "See which provider they come from and why. Move it behind the others in the order, so that requests "
                "don't pay for the first try; check that those who take over have room."
            ),
        )


def _blocked_storm(terms: Terms) -> Iterator[Alert]:
    providers = terms.config.providers
    enough = terms.config.min_requests
    if providers.blocked is not None:
        blocked, scope = terms.kept("reason:gateway_blocked_requests:rate5m"), terms.by()
        requests = terms.kept("fleet:gateway_requests:rate5m")
        yield _alert(
            name="GatewayBlockedStorm",
            severity="warning",
            component="gateway",
            expression=(
                f"{blocked}\n/ on {scope} group_left () ({requests} > 0) > {providers.blocked:g}\n"
                f"and on {scope} {requests} * 300 >= {enough}"
            ),
            for_="5m",
            keep_firing_for="5m",
            summary=f"{PERCENT} of requests are blocked: {{{{ $labels.reason }}}}",
            description=(
                f"A policy of the gateway blocks {PERCENT} of all requests, for the reason {{{{ $labels.reason }}}} "
                f"(this alert: {providers.blocked:.0%})."
            ),
            recommendation=(
                "See whose they are. One key: an attack, or a client that needs another way; tell its owner. Many "
                "keys at once: the policy is new or wrong; look at what changed, and take it back."
            ),
        )
