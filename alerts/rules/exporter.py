"""The exporter itself: whether its numbers can be trusted, and whether anybody would be told."""

from collections.abc import Iterator

from alerts.alert import DURATION, NUMBER, PERCENT, Alert
from alerts.promql import Terms
from exporter.durations import seconds

_WHERE = "{{ $labels.instance }}"
_INPUT = "{{ $labels.input }} on {{ $labels.instance }}"


def _alert(
    name: str, severity: str, expression: str, lasts: str, texts: tuple[str, str, str], keeps: str = "", **labels: str
) -> Alert:
    """An alert of this category; `texts` are summary, description, recommendation."""
    summary, description, recommendation = texts
    return Alert(
        name=name,
        severity=severity,
        component="exporter",
        category="exporter",
        expression=expression,
        lasts=lasts,
        keeps=keeps,
        labels=labels,
        summary=summary,
        description=description,
        recommendation=recommendation,
        dashboard="gateway-exporter",
        shown=("instance",),
    )


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this category."""
    yield from _reachable(terms)
    yield from _reading(terms)
    yield from _room(terms)
    yield from _state(terms)
    yield from _tables(terms)


def _reachable(terms: Terms) -> Iterator[Alert]:
    job = terms.config.job
    yield _alert(
        "GatewayWatchdog",
        "info",
        "vector(1) == 1",
        "0s",
        (
            "Alerts of the gateway work",
            "This alert always fires. Where it stops arriving, no other alert arrives either.",
            "Nothing to do while it comes. The receiver must call somebody when it stays away: then look at "
            "Prometheus, "
            "then at Alertmanager, then at the network between them.",
        ),
    )
    yield _alert(
        "GatewayExporterAbsent",
        "critical",
        # Not absent(up{job=…}): that is content with targets that are down. This one drops `job`, so it is put back.
        f'absent(up{{job="{job}"}} == 1) == 1',
        "2m",
        (
            f"No exporter of job {job} answers",
            "Prometheus has no exporter to ask: nothing of the gateway is measured, and every other alert about it is "
            "blind.",
            "See in Prometheus under Status, Targets why: process, network or scrape config. Start it again: the "
            "gateway's log is still there, and what was logged meanwhile is counted then.",
        ),
        job=job,
    )
    yield _alert(
        "GatewayExporterDown",
        "warning",
        f'up{{job="{job}"}} == 0',
        "2m",
        (
            f"The exporter {_WHERE} does not answer",
            f"Prometheus has not been able to scrape {_WHERE} for two minutes; the requests of its gateway are missing "
            "in "
            "every sum.",
            "See whether the process runs, and what its log says last. Start it again before the gateway's log is "
            "rotated away: then nothing is lost.",
        ),
    )
    yield _alert(
        "GatewayFleetSecretsDiffer",
        "warning",
        f"count by {terms.by_target()} (count by {terms.by_target('fingerprint')} (gateway_exporter_identity_info)) > "
        "1",
        "10m",
        (
            "Exporters hash keys with {{ $value }} different secrets",
            "The same API key has another public name on another exporter: its numbers don't add up, and its limits "
            "don't hold over the fleet.",
            "The dashboard shows the fingerprint of each exporter. Give all the same identity.secret_file, and restart "
            "those that differ.",
        ),
    )


def _reading(terms: Terms) -> Iterator[Alert]:
    exporter = terms.config.exporter
    for severity, lag in (("warning", exporter.lag.warning), ("critical", exporter.lag.critical)):
        if lag is not None:
            yield _alert(
                "GatewayExporterLagging",
                severity,
                f"gateway_exporter_lag_seconds > {seconds(lag)}",
                "2m",
                (
                    f"The log {_INPUT} is read {DURATION} late",
                    f"The oldest line of {_INPUT} that was not read yet is {DURATION} old. Rates "
                    "leave this exporter out until it has caught up.",
                    "See whether it catches up (lag in bytes falls): then wait. If not, look at the machine's CPU and "
                    "disk, and at the gateway's rate of lines; more than one log may need more than one exporter.",
                ),
                keeps="5m",
            )
    if exporter.silent is not None:
        yield _alert(
            "GatewaySilent",
            "warning",
            f"time() - (gateway_exporter_last_record_timestamp_seconds > 0) > {seconds(exporter.silent)}\n"
            "unless gateway_exporter_lag_seconds > 60",
            "1m",
            (
                f"No request was logged in {_INPUT} for {DURATION}",
                f"The exporter runs, and the last request in {_INPUT} is {DURATION} old.",
                "Send a request through the gateway. If it does not appear, see whether the gateway still writes this "
                "log, and here: a new path, a new format, a full disk. If it does, nobody was using the gateway: look "
                "at what stands before it.",
            ),
        )
    yield _alert(
        "GatewayExporterInputUnreadable",
        "warning",
        "gateway_exporter_input_readable == 0",
        "5m",
        (
            f"The log {_INPUT} can't be read",
            f"A log of the input {_INPUT} is missing or may not be read.",
            "The exporter's status page says which file, and why. Mostly it is the log's owner or mode after a "
            "rotation: let the exporter's user read it.",
        ),
    )
    if exporter.rejected is not None:
        rejected, lines = (
            f"sum by {terms.by_target('job', 'instance', 'input')} (increase(gateway_exporter_lines_total{only}[15m]))"
            for only in ('{result="rejected"}', "")
        )
        yield _alert(
            "GatewayExporterRejectingLines",
            "warning",
            f"{rejected}\n/ ({lines} > 0) > {exporter.rejected:g}\nand {lines} >= {terms.config.min_requests}",
            "5m",
            (
                f"{PERCENT} of the lines of {_INPUT} are rejected",
                f"{PERCENT} of the lines of {_INPUT} were no record in the last 15 minutes "
                f"(this alert: {exporter.rejected:.0%}): the requests in them are not counted.",
                "The status page shows the reasons and the shape of rejected lines, and `gateway-exporter explain` "
                "what "
                "it makes of each. Mostly the gateway's log format was changed: change the config's as well.",
            ),
        )
    yield _alert(
        "GatewayExporterLosingData",
        "warning",
        f"sum by {terms.by_target('job', 'instance', 'input', 'reason')} "
        "(increase(gateway_exporter_losses_total[15m])) > 0",
        "1m",
        (
            f"Lines of {_INPUT} were lost: {{{{ $labels.reason }}}}",
            f"Lines of {_INPUT} are gone, or may be, before they were read ({{{{ $labels.reason }}}}): the counters "
            "are "
            "that much too low.",
            "See the exporter's log for which file and how many bytes. Rotate by rename instead of copy and truncate, "
            "keep "
            "one old log uncompressed (delaycompress), and rotate less often than the exporter is down.",
        ),
        keeps="15m",
    )
    if exporter.unknown_keys is not None:
        unknown, parsed = (
            f"sum by {terms.by_target('job', 'instance', 'input')} (increase({series}[15m]))"
            for series in (
                "gateway_exporter_unknown_key_requests_total",
                'gateway_exporter_lines_total{result="parsed"}',
            )
        )
        yield _alert(
            "GatewayUnknownKeys",
            "info",
            f"{unknown}\n/ ({parsed} > 0) > {exporter.unknown_keys:g}\nand {unknown} >= {terms.config.min_requests}",
            "15m",
            (
                f"{PERCENT} of the requests in {_INPUT} come with unknown keys",
                f"{PERCENT} of the requests in {_INPUT} came with a key that is not registered, "
                f"in the last 15 minutes (this alert: {exporter.unknown_keys:.0%}).",
                "If they succeed, the registry is behind the gateway: renew it. If they are refused, somebody tries "
                "keys: "
                "block the origin before the gateway.",
            ),
        )


def _room(terms: Terms) -> Iterator[Alert]:
    if terms.config.exporter.series is not None:
        yield _alert(
            "GatewayExporterSeriesNearLimit",
            "warning",
            f"gateway_exporter_series / (gateway_exporter_series_limit > 0) > {terms.config.exporter.series:g}",
            "5m",
            (
                f"{_WHERE}: {{{{ $labels.family }}}} has used {PERCENT} of its series",
                f"{{{{ $labels.family }}}} on {_WHERE} holds {PERCENT} of the series that it "
                "may (max_series). Past that, new label values become `other`.",
                "See which label has grown: often paths that need a route, so that ids in them become one. If the "
                "values "
                "are right, raise metrics.max_series, and give Prometheus the room.",
            ),
        )
    yield _alert(
        "GatewayExporterOverflow",
        "info",
        f"sum by {terms.by_target('job', 'instance', 'family', 'label')} "
        "(increase(gateway_exporter_overflow_total[1h])) > 0",
        "15m",
        (
            f"{_WHERE}: new values of {{{{ $labels.label }}}} become `other`",
            f"The budget for {{{{ $labels.label }}}} in {{{{ $labels.family }}}} on {_WHERE} is used up: "
            f"{NUMBER} records of the last hour are counted as `other`. Sums are right.",
            "If these values matter to you, raise metrics.budgets or declare them (keys, routes, chains: they always "
            "have "
            "a place). If they are noise, leave it: that is what the budget is for.",
        ),
    )


def _state(terms: Terms) -> Iterator[Alert]:
    del terms
    yield _alert(
        "GatewayExporterReloadFailed",
        "warning",
        "gateway_exporter_config_last_reload_successful == 0",
        "5m",
        (
            f"{_WHERE} runs with an old config",
            f"The config that {_WHERE} was last told to load has a mistake; the one before it runs on.",
            "`gateway-exporter check` says the file, the line and the mistake. Mend it and reload.",
        ),
    )
    yield _alert(
        "GatewayExporterCheckpointFailing",
        "critical",
        "gateway_exporter_checkpoint_healthy == 0",
        "2m",
        (
            f"{_WHERE} can't save its state",
            f"{_WHERE} can't commit counters and positions: the counters that it serves stand still, and after a "
            "restart "
            "it reads again from the last commit.",
            "Mostly the disk of state.path is full or read-only: the exporter's log says. Make room; counting has gone "
            "on "
            "in memory and is committed then. Don't restart it before.",
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
            "Compare it with the providers' prices, change what has changed, and reload. If all is as it was, save the "
            "file anew: its date says that somebody looked.",
        ),
        (
            "GatewayKeyRegistryStale",
            exporter.key_registry,
            "gateway_exporter_key_registry_timestamp_seconds",
            "key registry",
            "See in the exporter's log why it can't be read: the admin API's address, its token, its certificate. New "
            "keys count as unknown until then.",
        ),
    ):
        if age is not None:
            yield _alert(
                name,
                "warning",
                f"time() - ({metric} > 0) > {seconds(age)}",
                "15m",
                (
                    f"The {what} of {_WHERE} is {DURATION} old",
                    f"The {what} that {_WHERE} works with is {DURATION} old (this alert: {age}).",
                    advice,
                ),
            )
