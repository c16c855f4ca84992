"""The page of the exporter: its series, its state, and the process."""

from dashboards.fields import GREEN, ORANGE, RED, YELLOW, column, value_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.panels import bars, stat, timeline, timeseries
from dashboards.tables import table
from exporter.config.served import or_zero


def series(m: Metrics) -> list[Panel]:
    """How many series there are, and what overflows."""
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
                "family": {"custom.minWidth": 250},
                "use": column("percentunit", decimals=1, steps={0.8: YELLOW, 0.95: ORANGE}),
                "series": columns.COUNT,
                "limit": columns.COUNT,
            },
            sort="use",
            no_value=columns.NO_EXPORTER,
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
            "locale",
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
            "locale",
            no_value=columns.NO_EXPORTER,
            id=22,
        ),
        timeseries(
            "Requests with unknown keys, an hour",
            "Keys that are not registered, at the rate of each time: a scanner, or a new client.",
            {"{{input}}": f"3600 * {m.rate('gateway_exporter_unknown_key_requests_total', by='input')}"},
            "short",
            no_value="No unknown key was seen",
            id=23,
        ),
    ]


def state(m: Metrics) -> list[Panel]:
    """What lasts over a restart, and how old it is."""
    files = {
        "config loaded": m("gateway_exporter_config_last_reload_success_timestamp_seconds"),
        "price table": m("gateway_exporter_price_table_timestamp_seconds"),
        "key registry": m("gateway_exporter_key_registry_timestamp_seconds"),
        "checkpoint": m("gateway_exporter_checkpoint_last_success_timestamp_seconds"),
    }
    commits = "gateway_exporter_checkpoint_duration_seconds"
    failed = m.count("gateway_exporter_checkpoint_failures_total", by="instance", over="$__rate_interval")
    healthy = f"sum by (instance) ({m('gateway_exporter_checkpoint_healthy')})"
    started = m("gateway_exporter_first_start_timestamp_seconds")
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
            "locale",
            no_value="No state file is kept",
            colours={".": RED},
            width=8,
            id=27,
        ),
        stat(
            "How old",
            "Age of what the exporter works with. A price table of months misprices new models.",
            {name: f"floor(time() - min({query}))" for name, query in files.items()},
            "dtdurations",
            decimals=0,
            no_value="No such file",
            width=12,
            high=8,
            id=28,
        ),
        table(
            "Exporters and their secrets",
            "Two fingerprints in one fleet: its keys have two names each. Share the secret.",
            {
                "info": f"max by (instance, fingerprint) ({m('gateway_exporter_identity_info')})",
                "build": f"max by (instance, version) ({m('gateway_exporter_build_info')})",
                "watches_for": f"floor(time() - max by (instance) ({started}))",
            },
            {"instance": "", "version": columns.TEXT, "fingerprint": "", "watches_for": "s"},
            no_value=columns.NO_EXPORTER,
            width=12,
            id=29,
        ),
    ]


def process(m: Metrics) -> list[Panel]:
    """What the exporter takes of the machine."""
    ours = f"and on (instance, job) {m('gateway_exporter_build_info')}"
    return [
        timeseries(
            "p95 time of a scrape",
            "Reading what is there, and committing; Prometheus waits for the text too. Over a second: too many series.",
            {
                "exporter, p95": m.quantile(0.95, "gateway_exporter_scrape_duration_seconds"),
                "Prometheus, longest": f"max(scrape_duration_seconds {ours})",
            },
            "s",
            no_value=columns.NO_EXPORTER,
            width=8,
            id=31,
        ),
        timeseries(
            "CPU",
            "Cores used. Near 1 all the time: it falls behind; split the inputs.",
            {"{{instance}}": f"sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]) {ours})"},
            "none",
            decimals=3,
            highest=0.1,
            no_value=columns.NO_EXPORTER,
            width=8,
            id=32,
        ),
        timeseries(
            "Memory",
            "Bounded by the series' ceiling. It climbs with series, then stays.",
            {"{{instance}}": f"sum by (instance) (process_resident_memory_bytes {ours})"},
            "bytes",
            no_value=columns.NO_EXPORTER,
            width=8,
            id=33,
        ),
        timeline(
            "Scraped",
            "Scrape success. A gap here means a gap in every panel.",
            {"{{instance}}": f"min by (instance) (up and on (instance, job) last_over_time({_build(m)}[1h]))"},
            value_map({1: ("up", GREEN), 0: ("down", RED)}),
            no_value=columns.NO_EXPORTER,
            width=24,
            id=34,
        ),
    ]


def _build(m: Metrics) -> str:
    return m("gateway_exporter_build_info")
