"""Gateway / Exporter: can I trust these numbers?"""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, RED, YELLOW, column, value_map
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.panels import bars, stat, text, timeline, timeseries
from dashboards.promql import Metrics
from dashboards.tables import table
from exporter.config_served import Served, or_zero

_HEADER = """**For whoever asks whether these numbers can be trusted.** All green: every line that the gateway wrote \
is counted, once, and in time. A red one says what is missing: lines not read yet (lag), not understood (rejected), \
gone before they were read (lost), or counted as `other` (overflow). The exporter's own page, `/`, shows rejected \
lines."""
_NONE = "No exporter is scraped: see Prometheus' targets"


def page(served: Served) -> Board:
    """The dashboard."""
    m = Metrics(served, ())
    return Board(
        uid="gateway-exporter",
        title="Exporter",
        about="gateway_exporter_build_info",
        description="Can these numbers be trusted? Lag, rejected and lost lines, overflow, checkpoint, scrapes.",
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Now", _now(m, served), id=2),
            Row("Lines", _lines(m), id=11),
            Row("Series", _series(m), id=19),
            Row("Checkpoint, config, files", _state(m), id=24),
            Row("Process and scrapes", _process(m), id=30),
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
    title: str, description: str, query: str, unit: str = "short", steps: dict[float, str] | None = None, *, id: int
) -> Panel:
    return stat(
        title, description, {"": query}, unit, steps=steps or {1: RED}, first=GREEN, no_value=_NONE, width=3, id=id
    )


def _exporters(m: Metrics) -> Panel:
    build = m("gateway_exporter_build_info")
    return stat(
        "Exporters",
        "How many are scraped. Fewer than there are gateways: see Prometheus' targets.",
        {"": f"count({build})"},
        "short",
        no_value=_NONE,
        width=3,
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
        id=6,
    )


def _losses(m: Metrics) -> Panel:
    lines = m.count("gateway_exporter_lines_total")
    return _bad(
        "Losses",
        "Events in which lines were lost, or may have been: a rotation without a copy, a truncation.",
        or_zero(m.count("gateway_exporter_losses_total"), lines),
        id=7,
    )


def _inputs_not_readable(m: Metrics) -> Panel:
    readable = m("gateway_exporter_input_readable")
    return _bad(
        "Inputs not readable",
        "Logs that are missing or may not be read.",
        or_zero(f"count({readable} == 0)", f"count({readable})"),
        id=8,
    )


def _checkpoint(m: Metrics) -> Panel:
    return _bad(
        "Checkpoint",
        "1: the last commit failed; counters stay as they were until one succeeds. Look at the disk.",
        f"1 - min({m('gateway_exporter_checkpoint_healthy')})",
        id=9,
    )


def _config(m: Metrics) -> Panel:
    return _bad(
        "Config",
        "1: the config that was loaded last is bad, and the one before runs on. The log says why.",
        f"1 - min({m('gateway_exporter_config_last_reload_successful')})",
        id=10,
    )


def _lines(m: Metrics) -> list[Panel]:
    return [
        _lines_a_second_by_input(m),
        _rejected_lines_by_reason(m),
        _lag_by_input(m),
        _bytes_not_read_yet(m),
        _lost(m),
        _rotations_by_kind(m),
        _inputs(m),
    ]


def _lines_a_second_by_input(m: Metrics) -> Panel:
    return timeseries(
        "Lines a second by input",
        "None though the gateway is busy: the log moved, or is not written.",
        {"{{input}}": m.rate("gateway_exporter_lines_total", by="input")},
        "short",
        no_value=_NONE,
        width=8,
        id=12,
    )


def _rejected_lines_by_reason(m: Metrics) -> Panel:
    every = {"over": "$__interval", "at": "offset -$__interval"}
    return bars(
        "Rejected lines by reason",
        "Why lines are no records. New after a release: the log's format changed.",
        {"{{input}} {{reason}}": m.count("gateway_exporter_rejected_lines_total", by="input reason", **every)},
        "short",
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
        no_value=_NONE,
        width=8,
        id=14,
    )


def _bytes_not_read_yet(m: Metrics) -> Panel:
    return timeseries(
        "Bytes not read yet",
        "How much is waiting.",
        {"{{input}}": f"sum by (input) ({m('gateway_exporter_lag_bytes')})"},
        "bytes",
        no_value=_NONE,
        width=8,
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
        width=8,
        id=16,
    )


def _rotations_by_kind(m: Metrics) -> Panel:
    every = {"over": "$__interval", "at": "offset -$__interval"}
    return bars(
        "Rotations by kind",
        "When logs were renamed or truncated: a check on what the losses say.",
        {"{{input}} {{kind}}": m.count("gateway_exporter_rotations_total", by="input kind", **every)},
        "short",
        no_value="No rotation in this time",
        width=8,
        id=17,
    )


def _inputs(m: Metrics) -> Panel:
    return table(
        "Inputs",
        "Each input: can it be read, how old is its last record, what was wrong with its lines.",
        {
            "readable": f"min by (input, instance) ({m('gateway_exporter_input_readable')})",
            "last_record": f"time() - max by (input, instance) ({m('gateway_exporter_last_record_timestamp_seconds')})",
            "lines": m.count("gateway_exporter_lines_total", by="input instance"),
            "rejected": m.count("gateway_exporter_lines_total", 'result="rejected"', by="input instance"),
            "losses": m.count("gateway_exporter_losses_total", by="input instance"),
            "unknown_keys": m.count("gateway_exporter_unknown_key_requests_total", by="input instance"),
        },
        {
            "input": "",
            "instance": "",
            "readable": column(mappings=value_map({1: ("yes", GREEN), 0: ("no", RED)}))
            | {"custom.cellOptions": {"type": "color-text"}},
            "last_record": "s",
            "lines": columns.COUNT,
            "rejected": columns.COUNT,
            "losses": columns.COUNT,
            "unknown_keys": columns.COUNT,
        },
        sort="rejected",
        no_value=_NONE,
        id=18,
    )


def _series(m: Metrics) -> list[Panel]:
    used, most = m("gateway_exporter_series"), m("gateway_exporter_series_limit")
    return [
        table(
            "Series by family",
            "Use of each family's ceiling. Past it, new values become `other`.",
            {
                "series": f"max by (family) ({used})",
                "limit": f"max by (family) ({most})",
                "use": f"max by (family) ({used} / {most})",
            },
            {
                "family": "",
                "series": columns.COUNT,
                "limit": columns.COUNT,
                "use": column("percentunit", steps={0.8: YELLOW, 0.95: RED}),
            },
            sort="use",
            no_value=_NONE,
            width=12,
            id=20,
        ),
        bars(
            "Overflow by family and label",
            "Records whose value became `other`: raise metrics.budgets, or list routes.",
            {
                "{{family}} {{label}}": m.count(
                    "gateway_exporter_overflow_total", by="family label", over="$__interval", at="offset -$__interval"
                )
            },
            "short",
            no_value="Nothing overflowed",
            id=21,
        ),
        timeseries(
            "Series",
            "All of an exporter's. A jump: a new label value on everything, or a scanner.",
            {
                "{{instance}}": f"sum by (instance) ({used})",
                "scraped samples": "sum(scrape_samples_scraped and on (instance, job) "
                f"{m('gateway_exporter_build_info')})",
            },
            "short",
            no_value=_NONE,
            id=22,
        ),
        timeseries(
            "Requests with unknown keys, a second",
            "Keys that are not registered: a scanner, or a new client.",
            {"{{input}}": m.rate("gateway_exporter_unknown_key_requests_total", by="input")},
            "reqps",
            no_value="No unknown key was seen",
            id=23,
        ),
    ]


def _state(m: Metrics) -> list[Panel]:
    files = {
        "config loaded": m("gateway_exporter_config_last_reload_success_timestamp_seconds"),
        "price table": m("gateway_exporter_price_table_timestamp_seconds"),
        "key registry": m("gateway_exporter_key_registry_timestamp_seconds"),
        "checkpoint": m("gateway_exporter_checkpoint_last_success_timestamp_seconds"),
    }
    commits = "gateway_exporter_checkpoint_duration_seconds"
    failed = m.count("gateway_exporter_checkpoint_failures_total", by="instance", over="$__rate_interval")
    healthy = f"sum by (instance) ({m('gateway_exporter_checkpoint_healthy')})"
    return [
        timeline(
            "Checkpoint over time",
            "While a commit fails, counters stay as they were, and counting goes on in memory.",
            {"{{instance}}": f"min by (instance) ({m('gateway_exporter_checkpoint_healthy')})"},
            value_map({1: ("good", GREEN), 0: ("failing", RED)}),
            no_value="No state file is kept",
            width=8,
            id=25,
        ),
        timeseries(
            "Duration of commits, p95",
            "Long commits delay scrapes: put the state on a faster disk.",
            {"p95": m.quantile(0.95, commits)},
            "s",
            no_value="No state file is kept",
            width=8,
            id=26,
        ),
        timeseries(
            "Failed commits",
            "The disk is full or gone; the log says which.",
            {"{{instance}}": or_zero(failed, healthy)},
            "short",
            no_value="No state file is kept",
            colours={".": RED},
            width=8,
            id=27,
        ),
        stat(
            "How old",
            "Age of what the exporter works with. A price table of months misprices new models.",
            {name: f"time() - min({query})" for name, query in files.items()},
            "s",
            no_value="No such file",
            width=12,
            id=28,
        ),
        table(
            "Exporters and their secrets",
            "Two fingerprints in one fleet: its keys have two names each. Share the secret.",
            {
                "info": f"max by (instance, fingerprint) ({m('gateway_exporter_identity_info')})",
                "version": f"max by (instance, version) ({m('gateway_exporter_build_info')})",
            },
            {"instance": "", "version": "", "fingerprint": ""},
            no_value=_NONE,
            width=12,
            id=29,
        ),
    ]


def _process(m: Metrics) -> list[Panel]:
    ours = f"and on (instance, job) {m('gateway_exporter_build_info')}"
    return [
        timeseries(
            "p95 time of a scrape",
            "Reading what is there, and rendering. Over a second: too many series.",
            {
                "exporter, p95": m.quantile(0.95, "gateway_exporter_scrape_duration_seconds"),
                "Prometheus, longest": f"max(scrape_duration_seconds {ours})",
            },
            "s",
            no_value=_NONE,
            width=8,
            id=31,
        ),
        timeseries(
            "CPU",
            "Cores used. Near 1 all the time: it falls behind; split the inputs.",
            {"{{instance}}": f"sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]) {ours})"},
            "short",
            no_value=_NONE,
            width=8,
            id=32,
        ),
        timeseries(
            "Memory",
            "Bounded by the series' ceiling. It climbs with series, then stays.",
            {"{{instance}}": f"sum by (instance) (process_resident_memory_bytes {ours})"},
            "bytes",
            no_value=_NONE,
            width=8,
            id=33,
        ),
        timeline(
            "Scraped",
            "Gaps here are gaps everywhere.",
            {"{{instance}}": f"min by (instance) (up and on (instance, job) last_over_time({_build(m)}[1h]))"},
            value_map({1: ("up", GREEN), 0: ("down", RED)}),
            no_value=_NONE,
            width=24,
            id=34,
        ),
    ]


def _build(m: Metrics) -> str:
    return m("gateway_exporter_build_info")
