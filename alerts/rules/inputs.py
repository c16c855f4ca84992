"""What the exporter reads: late, not at all, not understood, lost, or from keys that nobody knows."""

from collections.abc import Iterator
from functools import partial

from alerts.alert import DURATION, PERCENT, Alert
from alerts.promql import Terms
from exporter.durations import seconds

_INPUT = "{{ $labels.input }} on {{ $labels.instance }}"
_alert = partial(Alert, component="exporter", category="exporter", dashboard="gateway-exporter", shown=("instance",))


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this subject."""
    yield from _exporter_lagging(terms)
    yield from _silent(terms)
    yield from _input_empty(terms)
    yield from _exporter_input_unreadable(terms)
    yield from _exporter_rejecting_lines(terms)
    yield from _exporter_implausible_values(terms)
    yield from _exporter_losing_data(terms)
    yield from _unknown_keys(terms)


def _exporter_lagging(terms: Terms) -> Iterator[Alert]:
    exporter = terms.config.exporter
    for severity, lag in (("warning", exporter.lag.warning), ("critical", exporter.lag.critical)):
        if lag is not None:
            yield _alert(
                name="GatewayExporterLagging",
                severity=severity,
                expression=f"{terms.last('gateway_exporter_lag_seconds')} > {seconds(lag)}",
                for_="2m",
                keep_firing_for="5m",
                summary=f"The log {_INPUT} is read {DURATION} late",
                description=(
                    f"The oldest line of {_INPUT} that was not read yet is {DURATION} old. Rates leave this exporter "
                    "out until it has caught up."
                ),
                recommendation=(
                    "See whether it catches up (lag in bytes falls): then wait. If not, look at the machine's CPU "
                    "and disk, and at the gateway's rate of lines; more than one log may need more than one exporter."
                ),
            )


def _silent(terms: Terms) -> Iterator[Alert]:
    exporter = terms.config.exporter
    if exporter.silent is not None:
        yield _alert(
            name="GatewaySilent",
            severity="warning",
            expression=(
                f"time() - ({terms.last('gateway_exporter_last_record_timestamp_seconds')} > 0) "
                f"> {seconds(exporter.silent)}\nunless {terms.last('gateway_exporter_lag_seconds')} > 60"
            ),
            for_="1m",
            summary=f"No request was logged in {_INPUT} for {DURATION}",
            description=f"The exporter runs, and the last request in {_INPUT} is {DURATION} old.",
            recommendation=(
                "Send a request through the gateway. If it does not appear, see whether the gateway still writes "
                "this log, and here: a new path, a new format, a full disk. If it does, nobody was using the "
                "gateway: look at what stands before it."
            ),
        )


def _input_empty(terms: Terms) -> Iterator[Alert]:
    exporter = terms.config.exporter
    if exporter.silent is not None:
        yield _alert(
            name="GatewayInputEmpty",
            severity="warning",
            expression=(
                f"{terms.last('gateway_exporter_input_readable')} >= 0\n"
                f"unless on (job, instance, input) {terms.last('gateway_exporter_last_record_timestamp_seconds')}"
            ),
            for_=exporter.silent,
            summary=f"Nothing has ever been read from {_INPUT}",
            description=(
                f"The exporter has read no request from {_INPUT} since it knows this input: what is logged there, if "
                "anything, is not counted."
            ),
            recommendation=(
                "Send a request through the gateway, and see whether the log grows. If it does, the path is another "
                "log's, or its lines are rejected (status page). If the gateway is to write elsewhere, change "
                "inputs.path."
            ),
        )


def _exporter_input_unreadable(terms: Terms) -> Iterator[Alert]:
    yield _alert(
        name="GatewayExporterInputUnreadable",
        severity="warning",
        expression=f"{terms.last('gateway_exporter_input_readable')} == 0",
        for_="5m",
        summary=f"The log {_INPUT} can't be read",
        description=f"A log of the input {_INPUT} is missing or may not be read.",
        recommendation=(
            "The exporter's status page says which file, and why. Mostly it is the log's owner or mode after a "
            "rotation: let the exporter's user read it."
        ),
    )


def _exporter_rejecting_lines(terms: Terms) -> Iterator[Alert]:
    exporter = terms.config.exporter
    of_input = terms.by_target("job", "instance", "input")
    enough = terms.config.min_requests
    if exporter.rejected is not None:
        rejected, lines = (
            f"sum by {of_input} (increase(gateway_exporter_lines_total{only}[15m]))"
            for only in ('{result="rejected"}', "")
        )
        yield _alert(
            name="GatewayExporterRejectingLines",
            severity="warning",
            expression=f"{rejected}\n/ ({lines} > 0) > {exporter.rejected:g}\nand {lines} >= {enough}",
            for_="5m",
            keep_firing_for="15m",
            summary=f"{PERCENT} of the lines of {_INPUT} are rejected",
            description=(
                f"{PERCENT} of the lines of {_INPUT} were no record in the last 15 minutes (this alert: "
                f"{exporter.rejected:.0%}): the requests in them are not counted."
            ),
            recommendation=(
                "The status page shows the reasons and the shape of rejected lines, and `gateway-exporter explain` "
                "what is read from each. Mostly the gateway's log format was changed: change the config's as well."
            ),
        )


def _exporter_implausible_values(terms: Terms) -> Iterator[Alert]:
    exporter = terms.config.exporter
    if exporter.implausible is None:
        return
    of_input = terms.by_target("job", "instance", "input")
    of_field = terms.by_target("job", "instance", "input", "field")
    implausible = f"sum by {of_field} (increase(gateway_exporter_implausible_values_total[15m]))"
    parsed = f'sum by {of_input} (increase(gateway_exporter_lines_total{{result="parsed"}}[15m]))'
    enough = terms.config.min_requests
    yield _alert(
        name="GatewayExporterImplausibleValues",
        severity="warning",
        expression=f"{implausible}\n/ on {of_input} group_left () ({parsed} >= {enough}) > {exporter.implausible:g}",
        for_="5m",
        keep_firing_for="15m",
        summary=f"{PERCENT} of the requests in {_INPUT} have a {{{{ $labels.field }}}} that can't be",
        description=(
            f"{PERCENT} of the requests in {_INPUT} were logged with a {{{{ $labels.field }}}} that no request can "
            f"have, in the last 15 minutes (this alert: {exporter.implausible:.0%}): the sums of this field are "
            "without them."
        ),
        recommendation=(
            "Look at what the log writes there: mostly the field's unit or path in the format is wrong, or the "
            "gateway writes a number of its own for nothing. The runbook has the range of each field."
        ),
    )


def _exporter_losing_data(terms: Terms) -> Iterator[Alert]:
    yield _alert(
        name="GatewayExporterLosingData",
        severity="warning",
        expression=(
            f"sum by {terms.by_target('job', 'instance', 'input', 'reason')} "
            "(increase(gateway_exporter_losses_total[15m])) > 0"
        ),
        for_="1m",
        keep_firing_for="15m",
        summary=f"Lines of {_INPUT} were lost: {{{{ $labels.reason }}}}",
        description=(
            f"Lines of {_INPUT} are gone, or may be, before they were read ({{{{ $labels.reason }}}}): the counters "
            "are that much too low."
        ),
        recommendation=(
            "See the exporter's log for which file and how many bytes. Rotate by rename instead of copy and "
            "truncate, keep one old log uncompressed (delaycompress), and rotate less often than the exporter is "
            "down. By syslog, send over TCP."
        ),
    )


def _unknown_keys(terms: Terms) -> Iterator[Alert]:
    exporter = terms.config.exporter
    of_input = terms.by_target("job", "instance", "input")
    enough = terms.config.min_requests
    if exporter.unknown_keys is not None:
        unknown, parsed = (
            f"sum by {of_input} (increase({series}[15m]))"
            for series in (
                "gateway_exporter_unknown_key_requests_total",
                'gateway_exporter_lines_total{result="parsed"}',
            )
        )
        yield _alert(
            name="GatewayUnknownKeys",
            severity="info",
            expression=f"{unknown}\n/ ({parsed} > 0) > {exporter.unknown_keys:g}\nand {unknown} >= {enough}",
            for_="15m",
            keep_firing_for="15m",
            summary=f"{PERCENT} of the requests in {_INPUT} come with unknown keys",
            description=(
                f"{PERCENT} of the requests in {_INPUT} came with a key that is not registered, in the last 15 "
                f"minutes (this alert: {exporter.unknown_keys:.0%})."
            ),
            recommendation=(
                "If they succeed, the registry is behind the gateway: renew it. If they are refused, somebody tries "
                "keys: block the origin before the gateway."
            ),
        )
