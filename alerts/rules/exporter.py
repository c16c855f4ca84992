"""The exporter itself: whether it is there, has room, keeps its state, and whether anybody would be notified."""

from collections.abc import Iterator
from functools import partial

from alerts.alert import COUNT, DURATION, PERCENT, Alert, counted
from alerts.promql import Terms
from alerts.rules.otlp import otlp
from exporter.durations import seconds

_WHERE = "{{ $labels.instance }}"
_alert = partial(Alert, component="exporter", category="exporter", dashboard="gateway-exporter", shown=("instance",))


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this category."""
    yield from _reachable(terms)
    yield from _room(terms)
    yield from _state(terms)
    yield from otlp(terms)
    yield from _tables(terms)


def _reachable(terms: Terms) -> Iterator[Alert]:
    yield from _watchdog()
    yield from _exporter_absent(terms)
    yield from _exporter_down(terms)
    yield from _exporter_missing(terms)
    yield from _rules_missed(terms)
    yield from _fleet_secrets_differ(terms)


def _watchdog() -> Iterator[Alert]:
    yield _alert(
        name="GatewayWatchdog",
        severity="info",
        expression="vector(1) == 1",
        for_="0s",
        summary="Alerts of the gateway work",
        description="This alert always fires. Where it stops arriving, no other alert arrives either.",
        recommendation=(
            "Nothing to do while it comes. The receiver must call somebody when it stays away: then look at "
            "Prometheus, then at Alertmanager, then at the network between them."
        ),
    )


def _exporter_absent(terms: Terms) -> Iterator[Alert]:
    job = terms.config.job
    yield _alert(
        name="GatewayExporterAbsent",
        severity="critical",
        # Not absent(up{job=…}): that is content with targets that are down. This one drops `job`, so it is put back.
        expression=f"absent({terms.up} == 1) == 1",
        for_="2m",
        summary=f"No exporter of job {job} answers",
        description=(
            "Prometheus has no exporter to ask: nothing of the gateway is measured, and every other alert about it "
            "is blind."
        ),
        recommendation=(
            "See in Prometheus under Status, Targets why: process, network or scrape config. Start it again: the "
            "gateway's log is still there, and what was logged meanwhile is counted then."
        ),
        labels={"job": job},
    )


def _exporter_down(terms: Terms) -> Iterator[Alert]:
    yield _alert(
        name="GatewayExporterDown",
        severity="warning",
        expression=f"{terms.up} == 0",
        for_="2m",
        summary=f"The exporter {_WHERE} does not answer",
        description=(
            f"Prometheus has not been able to scrape {_WHERE} for two minutes; the requests of its gateway are "
            "missing in every sum."
        ),
        recommendation=(
            "See whether the process runs, and what its log says last. Start it again before the gateway's log is "
            "rotated away: then nothing is lost."
        ),
    )


def _exporter_missing(terms: Terms) -> Iterator[Alert]:
    targets = "fleet:gateway_exporter_targets:count"
    yield _alert(
        name="GatewayExporterMissing",
        severity="warning",
        # The middle of a day: a deploy that starts the new one before it stops the old one has two for a while.
        expression=f"quantile_over_time(0.5, {targets}[1d]) - {targets} > 0.5",
        for_="15m",
        summary=f"{counted('exporter', 'exporters')} fewer than yesterday",
        description=(
            f"Prometheus no longer knows of {COUNT} of the exporters of job {terms.config.job} that it scraped over "
            "the last day. No other alert sees that: what is gone from the targets is not down."
        ),
        recommendation=(
            "If you took a gateway out of service, nothing is wrong, and this ends within half a day. If not, look at "
            "the service discovery or the scrape config: who is missing under Status, Targets?"
        ),
    )


def _rules_missed(terms: Terms) -> Iterator[Alert]:
    missed = 'prometheus_rule_group_iterations_missed_total{rule_group=~".*;gateway-.*"}'
    yield _alert(
        name="GatewayRulesMissed",
        severity="warning",
        expression=f"sum by {terms.by_target('rule_group')} (increase({missed}[15m])) > 1",
        for_="5m",
        keep_firing_for="15m",
        summary="Prometheus is too slow for the rules of {{ $labels.rule_group }}",
        description=(
            f"Prometheus left out {counted('evaluation', 'evaluations')} of {{{{ $labels.rule_group }}}} in the last "
            "15 minutes, because the one before had not ended: recorded series have gaps, and alerts come late."
        ),
        recommendation=(
            "See Status, Rules for how long the group takes. Give Prometheus more CPU, raise alerts.interval, or "
            "lower metrics.budgets so that there are fewer series; docs/recorded-series.md says what each costs."
        ),
    )


def _fleet_secrets_differ(terms: Terms) -> Iterator[Alert]:
    yield _alert(
        name="GatewayFleetSecretsDiffer",
        severity="warning",
        expression=(
            f"count by {terms.by_target()} (count by {terms.by_target('fingerprint')} (\n"
            f"  gateway_exporter_identity_info\n"
            f"  or on (job, instance) {terms.last('gateway_exporter_identity_info')}\n"
            ")) > 1"
        ),
        for_="10m",
        summary="Exporters hash keys with {{ $value }} different secrets",
        description=(
            "The same API key has another public name on another exporter: its numbers don't add up, and its limits "
            "don't hold over the fleet."
        ),
        recommendation=(
            "The dashboard shows the fingerprint of each exporter. Give all the same identity.secret_file, and "
            "restart those that differ."
        ),
    )


def _room(terms: Terms) -> Iterator[Alert]:
    near = terms.config.exporter.series
    if near is not None:
        yield _alert(
            name="GatewayExporterSeriesNearLimit",
            severity="warning",
            expression=(
                f"{terms.last('gateway_exporter_series')} / ({terms.last('gateway_exporter_series_limit')} > 0) "
                f"> {near:g}"
            ),
            for_="5m",
            summary=f"{_WHERE}: {{{{ $labels.family }}}} has used {PERCENT} of its series",
            description=(
                f"{{{{ $labels.family }}}} on {_WHERE} holds {PERCENT} of the series that it may (max_series). Past "
                "that, new label values become `other`."
            ),
            recommendation=(
                "See which label has grown: often paths that need a route, so that ids in them become one. If the "
                "values are right, raise metrics.max_series, and give Prometheus the room."
            ),
        )
    yield _alert(
        name="GatewayExporterOverflow",
        severity="info",
        expression=(
            f"sum by {terms.by_target('job', 'instance', 'family', 'label')} "
            "(increase(gateway_exporter_overflow_total[1h])) > 0"
        ),
        for_="15m",
        summary=f"{_WHERE}: new values of {{{{ $labels.label }}}} become `other`",
        description=(
            f"The budget for {{{{ $labels.label }}}} in {{{{ $labels.family }}}} on {_WHERE} is used up: "
            f"{counted('record of the last hour is', 'records of the last hour are')} counted as `other`. Sums are "
            "right."
        ),
        recommendation=(
            "If these values matter to you, raise metrics.budgets or declare them (keys, routes, chains: they always "
            "have a place). If they are noise, leave it: that is what the budget is for."
        ),
    )


def _state(terms: Terms) -> Iterator[Alert]:
    yield _alert(
        name="GatewayExporterReloadFailed",
        severity="warning",
        expression=f"{terms.last('gateway_exporter_config_last_reload_successful')} == 0",
        for_="5m",
        summary=f"{_WHERE} runs with an old config",
        description=f"The config that {_WHERE} was last asked to load has a mistake; the one before it runs on.",
        recommendation="`gateway-exporter check` says the file, the line and the mistake. Mend it and reload.",
    )
    yield _alert(
        name="GatewayExporterCheckpointFailing",
        severity="critical",
        expression=f"{terms.last('gateway_exporter_checkpoint_healthy')} == 0",
        for_="2m",
        summary=f"{_WHERE} can't save its state",
        description=(
            f"{_WHERE} can't commit counters and positions: the counters that it serves stand still, and after a "
            "restart it reads again from the last commit."
        ),
        recommendation=(
            "Mostly the disk of state.path is full or read-only: the exporter's log says. Make room; counting has "
            "gone on in memory and is committed then. Don't restart it before."
        ),
    )
    yield _alert(
        name="GatewayRequestLogStopped",
        severity="warning",
        expression=f"{terms.last('gateway_exporter_request_log_healthy')} == 0",
        for_="5m",
        summary=f"{_WHERE} does not keep single requests",
        description=(
            f"{_WHERE} can't write rows of single requests: those of this time can't be found later. All of them are "
            "counted, so metrics, dashboards and other alerts are right."
        ),
        recommendation=(
            "Its log says why. Mostly the disk of requests.path is nearly full: the rest is kept for the state. Make "
            "room, or lower requests.max_size or requests.keep and reload."
        ),
    )


def _tables(terms: Terms) -> Iterator[Alert]:
    exporter = terms.config.exporter
    for name, age, metric, what, advice in (
        (
            "GatewayPriceTableStale",
            exporter.price_table,
            "gateway_exporter_price_table_timestamp_seconds",
            "price table",
            "Compare it with the providers' prices, change what has changed, and reload. If all is as it was, save "
            "the file again, so that its date shows that somebody looked.",
        ),
        (
            "GatewayKeyRegistryStale",
            exporter.key_registry,
            "gateway_exporter_key_registry_timestamp_seconds",
            "key registry",
            "See in the exporter's log why it can't be read: the admin API's address, its token, its certificate. "
            "New keys count as unknown until then.",
        ),
    ):
        if age is not None:
            yield _alert(
                name=name,
                severity="warning",
                expression=f"time() - ({terms.last(metric)} > 0) > {seconds(age)}",
                for_="15m",
                summary=f"The {what} of {_WHERE} is {DURATION} old",
                description=f"The {what} that {_WHERE} works with is {DURATION} old (this alert: {age}).",
                recommendation=advice,
            )
