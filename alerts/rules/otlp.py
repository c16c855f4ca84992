"""Single requests that are sent on by OTLP: those that wait, and those that never arrive."""

from collections.abc import Iterator
from functools import partial

from alerts.alert import DURATION, Alert, counted
from alerts.promql import Terms
from exporter.durations import seconds

_WHERE = "{{ $labels.instance }}"
_alert = partial(
    Alert,
    component="exporter",
    category="exporter",
    dashboard="gateway-exporter",
    shown=("instance",),
    severity="warning",
)


def otlp(terms: Terms) -> Iterator[Alert]:
    """The alerts about them. All other numbers of the gateway are right meanwhile."""
    lag = terms.config.exporter.otlp_lag
    if lag is not None:
        yield _alert(
            name="GatewayOtlpBehind",
            expression=f"{terms.last('gateway_exporter_otlp_lag_seconds')} > {seconds(lag):g}",
            for_="5m",
            summary=f"{_WHERE} can't send single requests on",
            description=(
                f"The oldest request that {_WHERE} has to send by OTLP is {DURATION} old. They wait in its files: "
                "nothing is lost before requests.keep or requests.max_size is reached."
            ),
            recommendation=(
                "Its status page and its log say what the receiver answers; `gateway-exporter check` asks it. Is it "
                "down, are the credentials old, or does it take less than the gateway has? Rows go on by themselves."
            ),
        )
    yield _alert(
        name="GatewayOtlpRefused",
        expression=_of_last_hour(terms, "refused"),
        for_="1m",
        summary=f"The OTLP receiver of {_WHERE} refuses single requests",
        description=(
            f"In the last hour the receiver refused for good {counted('request', 'requests')} of {_WHERE}: these are "
            "missing there, and are not sent again. They can still be found at the exporter."
        ),
        recommendation=(
            "The exporter's log has the receiver's reason. Loki: raise reject_old_samples_max_age if they were late; "
            "others: look at its limits of sizes and numbers of attributes."
        ),
    )
    yield _alert(
        name="GatewayOtlpLost",
        expression=_of_last_hour(terms, "lost"),
        for_="1m",
        summary=f"{_WHERE} has deleted single requests before they were sent",
        description=(
            f"In the last hour {counted('request', 'requests')} of {_WHERE} got too old or took too much room while "
            "waiting for the OTLP receiver: these are missing there. All of them were counted."
        ),
        recommendation=(
            "Make the receiver answer again (see GatewayOtlpBehind). Until then raise requests.keep or "
            "requests.max_size, and reload."
        ),
    )


def _of_last_hour(terms: Terms, result: str) -> str:
    by = terms.by_target("job", "instance")
    return f'sum by {by} (increase(gateway_exporter_otlp_rows_total{{result="{result}"}}[1h])) > 0'
