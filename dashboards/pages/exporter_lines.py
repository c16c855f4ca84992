"""The page of the exporter: what becomes of each input's lines."""

from dashboards.fields import GREEN, RED, column, value_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.panels import bars, timeseries
from dashboards.tables import table
from exporter.config.served import or_zero


def lines(m: Metrics) -> list[Panel]:
    """What was read, rejected, lost, and is still to be read."""
    return [
        _lines_a_second_by_input(m),
        _rejected_lines_by_reason(m),
        _lag_by_input(m),
        _bytes_not_read_yet(m),
        _lost(m),
        _rotations_by_kind(m),
        _implausible_numbers(m),
        _inputs(m),
    ]


def _lines_a_second_by_input(m: Metrics) -> Panel:
    return timeseries(
        "Lines a second by input",
        "None though the gateway is busy: the log moved, or is not written.",
        {"{{input}}": m.rate("gateway_exporter_lines_total", by="input")},
        "short",
        no_value=columns.NO_EXPORTER,
        width=8,
        id=12,
    )


def _rejected_lines_by_reason(m: Metrics) -> Panel:
    every = {"over": "$__interval", "at": "offset -$__interval"}
    return bars(
        "Rejected lines by reason",
        "Why lines are no records. New after a release: the log's format changed.",
        {"{{input}} {{reason}}": m.count("gateway_exporter_rejected_lines_total", by="input reason", **every)},
        "locale",
        colours={".": RED},
        no_value="No line was rejected",
        width=8,
        id=13,
    )


def _lag_by_input(m: Metrics) -> Panel:
    return timeseries(
        "Lag by input",
        "Seconds behind the log. Peaks at rotation are harmless; a slope is not.",
        {
            "{{input}} {{instance}}": f"max by (input, instance) ({m('gateway_exporter_lag_seconds')})",
            "fleet": f"max({m('fleet:gateway_exporter_lag_seconds:max')})",
        },
        "s",
        highest=60,
        no_value=columns.NO_EXPORTER,
        width=8,
        id=14,
    )


def _bytes_not_read_yet(m: Metrics) -> Panel:
    return timeseries(
        "Bytes not read yet",
        "How much is waiting.",
        {"{{input}}": f"sum by (input) ({m('gateway_exporter_lag_bytes')})"},
        "bytes",
        highest=1024,
        no_value=columns.NO_EXPORTER,
        width=6,
        id=15,
    )


def _lost(m: Metrics) -> Panel:
    every = {"over": "$__interval", "at": "offset -$__interval"}
    return bars(
        "Lost, by reason",
        "Bytes known to be gone before they were read. Keep a copy when rotating.",
        {"{{input}} {{reason}}": m.count("gateway_exporter_lost_bytes_total", by="input reason", **every)},
        "bytes",
        colours={".": RED},
        no_value="Nothing was lost",
        width=6,
        id=16,
    )


def _implausible_numbers(m: Metrics) -> Panel:
    every = {"over": "$__interval", "at": "offset -$__interval"}
    return bars(
        "Implausible numbers by field",
        "Numbers that no request can have, left out of the sums. Many of one field: its unit or path is wrong.",
        {"{{input}} {{field}}": m.count("gateway_exporter_implausible_values_total", by="input field", **every)},
        "locale",
        no_value="No such number was logged",
        width=6,
        id=35,
    )


def _rotations_by_kind(m: Metrics) -> Panel:
    every = {"over": "$__interval", "at": "offset -$__interval"}
    return bars(
        "Rotations by kind",
        "When logs were renamed or truncated: a check on what the losses say.",
        {"{{input}} {{kind}}": m.count("gateway_exporter_rotations_total", by="input kind", **every)},
        "locale",
        no_value="No rotation in this time",
        width=6,
        id=17,
    )


def _inputs(m: Metrics) -> Panel:
    last = m("gateway_exporter_last_record_timestamp_seconds")
    read = m.count("gateway_exporter_lines_total", by="input instance")

    def of_these(name: str, *matchers: str) -> str:
        return or_zero(m.count(f"gateway_exporter_{name}_total", *matchers, by="input instance"), read)

    return table(
        "Inputs",
        "Each input: can it be read, how old is its last record, what was wrong with its lines.",
        {
            "readable": f"min by (input, instance) ({m('gateway_exporter_input_readable')})",
            "last_record": f"floor(time() - max by (input, instance) ({last} > 0))"
            f" or max by (input, instance) ({last}) - 1",
            "lines": read,
            "rejected": of_these("lines", 'result="rejected"'),
            "losses": of_these("losses"),
            "unknown_keys": of_these("unknown_key_requests"),
        },
        {
            "input": columns.NAME,
            "rejected": columns.COUNT,
            "losses": columns.COUNT,
            "readable": column(mappings=value_map({1: ("yes", GREEN), 0: ("no", RED)}))
            | {"custom.cellOptions": {"type": "color-text"}},
            "last_record": column("dtdurations", decimals=0, mappings=value_map({-1: ("never", "text")})),
            "lines": columns.COUNT,
            "unknown_keys": columns.COUNT,
            "instance": columns.NAME,
        },
        sort="rejected",
        no_value=columns.NO_EXPORTER,
        id=18,
    )
