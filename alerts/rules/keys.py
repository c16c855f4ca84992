"""Keys: about to expire, used when they must not be, unused, and what a stolen or a broken key looks like."""

from collections.abc import Iterator
from functools import partial

from alerts.alert import COUNT, DURATION, KEY, NUMBER, Alert, counted
from alerts.promql import Terms
from exporter.durations import seconds

_EXPIRES = "key:gateway_key_expires_timestamp_seconds:max"
_ENABLED = "key:gateway_key_enabled:max"
_USED = "key:gateway_key_last_used_timestamp_seconds:max"
# A stream may go on for so long when its key expires; and so many requests are more than those that had begun before.
_STREAM_SECONDS, _STREAMS = 900, 5
_alert = partial(Alert, component="key", category="keys", dashboard="gateway-key", shown=("key",))


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this category."""
    yield from _key_expiring(terms)
    yield from _expired_key_in_use(terms)
    yield from _key_unused(terms)
    yield from _key_auth_failures(terms)
    yield from _key_new_origins(terms)
    yield from _spikes(terms)


def _key_expiring(terms: Terms) -> Iterator[Alert]:
    keys = terms.config.keys
    for severity, before in (("warning", keys.expires.warning), ("critical", keys.expires.critical)):
        if before is not None:
            yield _alert(
                name="GatewayKeyExpiring",
                severity=severity,
                expression=terms.with_owner(
                    f"{_EXPIRES} - time() < {seconds(before)}\nand {_EXPIRES} - time() > 0\nand {_ENABLED} == 1"
                ),
                for_="1m",
                summary=f"{KEY} expires in {DURATION}",
                description=f"The key {KEY} expires in {DURATION}; then the gateway refuses its requests.",
                recommendation=(
                    "See on the dashboard whether it is still used. If so, have its owner renew it, and put the new "
                    "date into the key registry; if not, let it expire."
                ),
            )


def _expired_key_in_use(terms: Terms) -> Iterator[Alert]:
    by_key = terms.by_target("key")
    requests, errors = (terms.over(f"key:gateway_{what}:rate5m", "15m") for what in ("requests", "errors"))
    successes = f"{requests}\n- (sum by {terms.by('key')} ({errors}) or 0 * {requests})"
    yield _alert(
        name="GatewayExpiredKeyInUse",
        severity="critical",
        expression=terms.with_owner(
            f"{terms.kept_over(successes)} >= {_STREAMS}\n"
            f"and on {by_key} (\n"
            f"  {_EXPIRES} < time() - {_STREAM_SECONDS}\n"
            f"  or {_ENABLED} == 0 and {_ENABLED} offset {_STREAM_SECONDS // 60}m == 0\n"
            ")"
        ),
        for_="5m",
        summary=f"{KEY} has expired or is disabled, and the gateway still serves it",
        description=(
            f"The registry says that {KEY} expired or was disabled more than {_STREAM_SECONDS // 60} minutes ago; the "
            f"gateway has answered {COUNT} of its requests in the last 15 minutes all the same."
        ),
        recommendation=(
            "The gateway's own list of keys is behind the registry: revoke the key there now, unless the registry is "
            "wrong. Then look at its origins: whoever uses a revoked key may have stolen it."
        ),
    )


def _key_unused(terms: Terms) -> Iterator[Alert]:
    keys = terms.config.keys
    by_key = terms.by_target("key")
    if keys.unused is not None:
        idle, since = seconds(keys.unused), "fleet:gateway_exporter_first_start_timestamp_seconds:min"
        watched = f"on {terms.by_target()} group_left () {since}"
        yield _alert(
            name="GatewayKeyUnused",
            severity="info",
            expression=terms.with_owner(
                "time() - (\n"
                f"  {_USED} > {watched}\n"
                f"  or on {by_key} max by {by_key} (gateway_key_created_timestamp_seconds) > {watched}\n"
                f"  or on {by_key} 0 * {_USED} + {watched}\n"
                f") > {idle}\n"
                f"and {_ENABLED} == 1"
            ),
            for_="1h",
            summary=f"{KEY} has not been used for {DURATION}",
            description=(
                f"The key {KEY} is enabled, and was used {DURATION} ago for the last time, or was made then and never "
                "used. Before the exporters were first started nobody saw whether it was."
            ),
            recommendation=(
                "Not urgent. Ask the owner whether it is still needed; a key that nobody uses is one that nobody "
                "misses when it is stolen. If not, disable it."
            ),
        )


def _key_auth_failures(terms: Terms) -> Iterator[Alert]:
    keys = terms.config.keys
    if keys.auth_failures is not None:
        failed = terms.over('key:gateway_errors:rate5m{type="auth"}', "15m")
        failures = terms.kept_over(f"sum by {terms.by('key')} ({failed})")
        requests = terms.kept_over(terms.over("key:gateway_requests:rate5m", "15m"))
        yield _alert(
            name="GatewayKeyAuthFailures",
            severity="warning",
            expression=terms.with_owner(
                f"{failures} > {keys.auth_failures}\nand {failures} > {keys.auth_failures_share:g} * {requests}"
            ),
            for_="5m",
            keep_firing_for="10m",
            summary=f"{KEY} was refused {counted('time', 'times')} in 15 minutes",
            description=(
                f"{counted('request', 'requests')} of {KEY} ended with 401 or 403 in the last 15 minutes (this alert: "
                f"{keys.auth_failures}), more than {keys.auth_failures_share:.0%} of all that it made."
            ),
            recommendation=(
                "See which status and which origins. 401 after a change of the key: the owner forgot a client. 403 "
                "on many methods from a new origin: somebody tries what a stolen key may do; disable it and call the "
                "owner."
            ),
        )


def _key_new_origins(terms: Terms) -> Iterator[Alert]:
    keys = terms.config.keys
    by_key = terms.by_target("key")
    if keys.new_origins is not None:
        origins = "key:gateway_key_new_origins:increase1h"
        late = terms.caught_up("1h", *terms.served.target_scope)
        yield _alert(
            name="GatewayKeyNewOrigins",
            severity="warning",
            expression=terms.with_owner(
                f"{origins} > {keys.new_origins}\nand on {by_key} {_USED} offset 1d > 0\n"
                f"unless on {terms.by_target()} {late}"
            ),
            for_="1m",
            keep_firing_for="15m",
            summary=f"{KEY} is used from {counted('new origin', 'new origins')}",
            description=(
                f"In the last hour {KEY} was used from {counted('origin', 'origins')} never seen for it (this alert: "
                f"{keys.new_origins})."
            ),
            recommendation=(
                "Look at the origins. If the owner doesn't know them, the key has leaked: disable it, give the owner a "
                "new one, and look at what was called from there."
            ),
        )


def _spikes(terms: Terms) -> Iterator[Alert]:
    anomalies = terms.config.anomalies
    if anomalies is None:
        return
    for name, unit, series, floor in (
        ("GatewayKeyCallsSpike", "call", "key:gateway_calls:increase1h", anomalies.calls),
        ("GatewayKeyTokensSpike", "token", "key_model:gateway_tokens:increase1h", anomalies.tokens),
    ):
        if floor is None:
            continue
        number = counted(unit, f"{unit}s", NUMBER)
        yield _alert(
            name=name,
            severity="warning",
            expression=terms.with_owner(terms.abnormal(series, floor, "key")),
            for_="10m",
            keep_firing_for="15m",
            summary=f"{KEY}: {number} in an hour, far more than usual",
            description=(
                f"{KEY} made {number} in the last hour: more than {anomalies.factor:g} times what it made at "
                f"this hour in any of the last {anomalies.weeks} weeks."
            ),
            recommendation=(
                "Look at the key's methods and origins. A new origin: perhaps a stolen key; call the owner, and "
                "disable it if they don't know. A known one: a loop or a launch; make sure that the limits hold."
            ),
            dashboard="gateway-llm" if unit == "token" else "gateway-key",
        )
