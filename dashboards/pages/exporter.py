"""Gateway / Exporter: can I trust these numbers?"""

from typing import Any

from dashboards.board import Board, Row
from dashboards.fields import GREEN, RED, YELLOW, value_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.exporter_lines import lines
from dashboards.pages.exporter_requests import requests
from dashboards.pages.exporter_state import process, series, state
from dashboards.panels import stat, text
from exporter.config.served import Served, or_zero

_HEADER = "**For whoever asks whether these numbers are true.** All green: every line is counted."
_VARIABLES = ("instance", "input")
# Three columns wide, a curve is drawn below its number, where there is place.
_HIGH = 5


def page(served: Served) -> Board:
    """The dashboard."""
    m = Metrics(served, _VARIABLES)
    return Board(
        uid="gateway-exporter",
        title="Exporter",
        about="gateway_exporter_build_info",
        description="Can these numbers be trusted? Lag, rejected and lost lines, overflow, checkpoint, scrapes.",
        variables=_VARIABLES,
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Now", _now(m, served), id=2),
            Row("Lines", lines(m), id=11),
            Row("Series", series(m), id=19),
            Row("Checkpoint, config, files", state(m), closed=True, id=24),
            Row("Process and scrapes", process(m), closed=True, id=30),
            Row("Request log", requests(m), closed=True, id=36),
        ],
    )


def _now(m: Metrics, served: Served) -> list[Panel]:
    return [
        _exporters(m),
        _not_answering(m),
        _lag(m, served),
        _rejected_lines(m),
        _losses(m),
        _inputs_not_readable(m),
        _checkpoint(m),
        _config(m),
    ]


def _bad(
    title: str,
    description: str,
    query: str,
    unit: str = "none",
    steps: dict[float, str] | None = None,
    *,
    id: int,
    no_value: str = columns.NO_EXPORTER,
    **more: Any,
) -> Panel:
    """A number that is 0 where all is well."""
    return stat(
        title,
        description,
        {"": query},
        unit,
        steps=steps or {1: RED},
        first=GREEN,
        no_value=no_value,
        width=3,
        high=_HIGH,
        id=id,
        **more,
    )


def _exporters(m: Metrics) -> Panel:
    build = m("gateway_exporter_build_info")
    return stat(
        "Exporters",
        "How many are scraped. Fewer than there are gateways: see Prometheus' targets.",
        {"": f"count({build})"},
        "none",
        graph=True,
        no_value=columns.NO_EXPORTER,
        width=3,
        high=_HIGH,
        id=3,
    )


def _not_answering(m: Metrics) -> Panel:
    build = m("gateway_exporter_build_info")
    return _bad(
        "Not answering",
        "Exporters that were there in the last day and can't be scraped now.",
        or_zero(f"count(last_over_time({build}[1d]) unless on (instance, job) {build})", f"count({build})"),
        id=4,
    )


def _lag(m: Metrics, served: Served) -> Panel:
    return _bad(
        "Lag",
        "Age of the oldest line not counted. Minutes: the disk or the CPU is too slow, or a log too large.",
        f"max({m('gateway_exporter_lag_seconds')})",
        "s",
        columns.late(served),
        graph=True,
        id=5,
    )


def _rejected_lines(m: Metrics) -> Panel:
    lines = m.count("gateway_exporter_lines_total")
    return _bad(
        "Rejected lines",
        "Share of lines that could not be read. Look at the reasons below, then at the page `/`.",
        f"({or_zero(m.count('gateway_exporter_rejected_lines_total'), lines)}) / ({lines} > 0)",
        "percentunit",
        {0.0001: YELLOW, 0.01: RED},
        decimals=2,
        compared=True,
        id=6,
    )


def _losses(m: Metrics) -> Panel:
    lines = m.count("gateway_exporter_lines_total")
    return _bad(
        "Losses",
        "Events in which lines were lost, or may have been: a rotation without a copy, a truncation.",
        or_zero(m.count("gateway_exporter_losses_total"), lines),
        decimals=0,
        compared=True,
        id=7,
    )


def _inputs_not_readable(m: Metrics) -> Panel:
    readable = m("gateway_exporter_input_readable")
    return _bad(
        "Unreadable inputs",
        "Logs that are missing or may not be read.",
        or_zero(f"count({readable} == 0)", f"count({readable})"),
        graph=True,
        id=8,
    )


def _checkpoint(m: Metrics) -> Panel:
    return _bad(
        "Checkpoint",
        "Failing: the last commit failed; counters stay as they were until one succeeds. Look at the disk.",
        f"1 - min({m('gateway_exporter_checkpoint_healthy')})",
        mappings=value_map({0: ("good", GREEN), 1: ("failing", RED)}),
        graph=True,
        no_value="No state file is kept",
        id=9,
    )


def _config(m: Metrics) -> Panel:
    return _bad(
        "Config",
        "Bad: the config that was loaded last has mistakes, and the one before runs on. The log says why.",
        f"1 - min({m('gateway_exporter_config_last_reload_successful')})",
        mappings=value_map({0: ("good", GREEN), 1: ("bad", RED)}),
        graph=True,
        no_value="It runs without a config",
        id=10,
    )
