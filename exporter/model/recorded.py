"""RECORDED: the series that recording rules make, declared once. Their expressions are in `alerts/`.

This is the one budget of recorded series: dashboards, alerts and the usage API share it, and `docs/recorded-series.md`
shows it with what each costs. Nothing is recorded by key, chain *and* method, of which a large gateway has as many as
raw series; where all three are asked for at once, the raw series have to answer.

A name is `level:metric:operations`, as Prometheus' own naming practice has it: level says which labels are left,
operations what was done last. Every one carries the config's `alerts.scope_labels` too, as far as its families have
them. Five kinds:

    …:rate5m, …:mean5m, …:ratio_rate…   now: over the last minutes, for graphs of hours and for alerts. Exporters that
                                        have just counted what is older are left out: their minutes hold hours.
    …:increase1h, …:max1h               how much in the last hour. Whole hours add up to a day, at a full hour:
                                        `sum_over_time(key:gateway_requests:increase1h[23h30m:1h])` takes 24 of
                                        them, also in Prometheus 2, where `[1d:1h]` has both its ends and takes 25.
    key:gateway_limit…, key:gateway_key… over the fleet: the exporters' answers joined into one, kept while an
                                        exporter is away for a short time.
    objective:…                         what is promised, what was not kept of it, and what is left of the budget.
    fleet:gateway_exporter…             which exporters there are, and whether one is away.

Names and labels are a contract as those of `catalog.py` are.
"""

from collections.abc import Mapping

from msgspec import Struct

from exporter.model.catalog import CATALOG, Family


class Recorded(Struct, frozen=True):
    """One recorded series: its name, what it is, its labels, its base unit ("" where it counts or is a ratio).

    It is made `of` families, each with the labels that it needs of them.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    of: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Hourly(Struct, frozen=True):
    """A counter whose last hour is recorded: the level, the family, the labels that are left.

    `summed` is the level that it is summed from, where that is recorded: the raw series are read once then.
    """

    level: str
    family: str
    labels: tuple[str, ...]
    summed: str = ""

    @property
    def name(self) -> str:
        """The recorded series' name."""
        return hourly(self.level, self.family)


def hourly(level: str, family: str) -> str:
    """The name of a family's last hour, by level."""
    return f"{level}:{family.removesuffix('_total')}:increase1h"


# The windows of burn rates: Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs".
BURN_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")

# What `…:rate5m` is recorded of, by level.
LEVELS = {
    "fleet": ((), "of the fleet"),
    "key": (("key",), "by key"),
    "method": (("chain", "method"), "by method"),
}

HOURLY = (
    Hourly("key_status", "gateway_requests_total", ("key", "class", "status")),
    Hourly("key", "gateway_requests_total", ("key", "class"), summed="key_status"),
    Hourly("fleet", "gateway_requests_total", ("class",), summed="key"),
    Hourly("method_status", "gateway_requests_total", ("chain", "method", "protocol", "status")),
    Hourly("method", "gateway_requests_total", ("chain", "method"), summed="method_status"),
    Hourly("key_method", "gateway_calls_total", ("key", "method")),
    Hourly("key", "gateway_calls_total", ("key", "result")),
    Hourly("method", "gateway_calls_total", ("chain", "method", "result")),
    Hourly("key_method", "gateway_errors_total", ("key", "method", "status", "type")),
    Hourly("key", "gateway_errors_total", ("key", "type"), summed="key_method"),
    Hourly("method", "gateway_errors_total", ("chain", "method", "status", "type")),
    Hourly("key_origin", "gateway_origin_requests_total", ("key", "origin")),
    Hourly("key", "gateway_key_new_origins_total", ("key",)),
    Hourly("fleet", "gateway_request_bytes_total", ()),
    Hourly("key", "gateway_response_bytes_total", ("key",)),
    Hourly("fleet", "gateway_response_bytes_total", (), summed="key"),
    Hourly("key", "gateway_credits_total", ("key",)),
    Hourly("fleet", "gateway_credits_total", (), summed="key"),
    Hourly("key_model", "gateway_model_requests_total", ("key", "class", "model", "provider")),
    Hourly("model", "gateway_model_requests_total", ("class", "model", "provider", "status")),
    Hourly("key_model", "gateway_tokens_total", ("key", "class", "model", "provider", "type")),
    Hourly("model", "gateway_tokens_total", ("model", "provider", "type"), summed="key_model"),
    Hourly("key_model", "gateway_cost_total", ("key", "class", "model", "provider", "currency")),
    Hourly("key", "gateway_cost_total", ("key", "currency"), summed="key_model"),
    Hourly("model", "gateway_cost_total", ("model", "provider", "currency"), summed="key_model"),
    Hourly("model", "gateway_model_requests_without_usage_total", ("model", "provider")),
    Hourly("model", "gateway_unpriced_requests_total", ("model",)),
    Hourly("model", "gateway_cached_requests_total", ("model",)),
    Hourly("key_method", "gateway_unbilled_requests_total", ("key", "method")),
    Hourly("provider", "gateway_upstream_attempts_total", ("provider", "outcome")),
    Hourly("provider", "gateway_failovers_total", ("from_provider", "to_provider", "reason")),
    Hourly("model", "gateway_model_redirects_total", ("requested_model", "model", "billed")),
    Hourly("key", "gateway_blocked_requests_total", ("key", "reason")),
)

# Histograms whose last hour is recorded: the sum, buckets (with `le`) for quantiles, and, where True, the count, which
# is that of the bucket `le="+Inf"` too: of many keys it would be a series each.
HOURLY_HISTOGRAMS: tuple[tuple[str, str, tuple[str, ...], bool], ...] = (
    ("method", "gateway_request_duration_seconds", ("chain", "method"), True),
    ("key", "gateway_key_request_duration_seconds", ("key",), False),
    ("model", "gateway_model_request_duration_seconds", ("model", "provider"), True),
    ("model", "gateway_time_to_first_token_seconds", ("model", "provider"), True),
    ("model", "gateway_time_per_output_token_seconds", ("model", "provider"), True),
)

# The parts of a histogram, with the labels and the unit of each.
_PARTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("bucket", ("le",), ""),
    ("sum", (), "seconds"),
    ("count", (), ""),
)

# Histograms of models whose average over the last minutes is recorded.
MODEL_TIMES = ("gateway_time_to_first_token_seconds", "gateway_time_per_output_token_seconds")


def _now() -> list[Recorded]:
    made: list[Recorded] = []
    duration = "gateway_request_duration_seconds"
    of_slow = ((duration, ()),)
    of_failed = (("gateway_requests_total", ()), ("gateway_errors_total", ("type",)))
    for level, (labels, words) in LEVELS.items():
        requests, errors = ("gateway_requests_total", labels), ("gateway_errors_total", labels)
        typed = () if level == "fleet" else ("type",)
        made += [
            Recorded(f"{level}:gateway_requests:rate5m", f"Requests a second, {words}.", labels, of=(requests,)),
            Recorded(
                f"{level}:gateway_errors:rate5m",
                f"Failed requests a second, {words}{' and type' if typed else ', of every type'}.",
                (*labels, *typed),
                of=(requests, (errors[0], (*labels, *typed))),
            ),
            Recorded(
                f"{level}:gateway_success:ratio_rate5m",
                f"Requests that did not fail, {words}: 0 to 1."
                + ("" if level != "fleet" else " Without what never succeeded, and what clients ask of nothing."),
                labels,
                of=(requests, (errors[0], (*labels, *typed))),
            ),
        ]
        if level != "key":
            made.append(
                Recorded(
                    f"{level}:{duration}:mean5m",
                    f"Average duration of requests, {words}; of the fleet, without models and slow methods."
                    if level == "fleet"
                    else f"Average duration of requests, {words}.",
                    labels,
                    "seconds",
                    ((duration, labels),),
                )
            )
    made += [
        Recorded(
            "fleet:gateway_unavailable_requests:rate5m",
            "Requests a second that the gateway or its upstreams failed: server_error, upstream_error, timeout.",
            of=of_failed,
        ),
        Recorded(
            "fleet:gateway_timed_requests:rate5m",
            "Requests a second whose duration counts: without models and slow methods.",
            of=of_slow,
        ),
        Recorded(
            "fleet:gateway_slow_requests:rate5m", "Of those, the ones that took longer than the objective.", of=of_slow
        ),
        *(
            Recorded(
                f"fleet:{duration}_{part}:rate5m", f"A second, {part}: {CATALOG[duration].help}", more, unit, of_slow
            )
            for part, more, unit in _PARTS
        ),
        Recorded(
            "method:gateway_model_requests:rate5m",
            "Requests to language models a second, by the method that they came by.",
            ("method",),
            of=(("gateway_model_requests_total", ("method",)),),
        ),
        Recorded(
            "model:gateway_model_requests:rate5m",
            "Requests to language models a second.",
            ("model", "provider"),
            of=(("gateway_model_requests_total", ("model", "provider")),),
        ),
        Recorded(
            "provider:gateway_upstream_attempts:rate5m",
            "Attempts a second.",
            ("provider", "outcome"),
            of=(("gateway_upstream_attempts_total", ("provider", "outcome")),),
        ),
        Recorded(
            "provider:gateway_failovers:rate5m",
            "Attempts a second that moved on to another provider.",
            ("from_provider",),
            of=(("gateway_failovers_total", ("from_provider",)),),
        ),
        Recorded(
            "reason:gateway_blocked_requests:rate5m",
            "Requests a second that a policy of the gateway blocked.",
            ("reason",),
            of=(("gateway_blocked_requests_total", ("reason",)),),
        ),
    ]
    for family in MODEL_TIMES:
        made.append(
            Recorded(
                f"model:{family}:mean5m",
                f"Average of the last five minutes: {CATALOG[family].help}",
                ("model", "provider"),
                "seconds",
                ((family, ("model", "provider")),),
            )
        )
    for window in BURN_WINDOWS:
        made += [
            Recorded(
                f"fleet:gateway_unavailable:ratio_rate{window}",
                f"Share of requests that failed, over {window}.",
                of=of_failed,
            ),
            Recorded(
                f"fleet:gateway_slow:ratio_rate{window}",
                f"Share of requests that were slow, over {window}.",
                of=of_slow,
            ),
        ]
    return made


def _hourly() -> list[Recorded]:
    made: list[Recorded] = []
    for series in HOURLY:
        about = CATALOG[series.family]
        of = ((series.family, series.labels),)
        made.append(Recorded(series.name, f"In the last hour: {about.help}", series.labels, about.unit, of))
    for level, family, labels, with_count in HOURLY_HISTOGRAMS:
        about = CATALOG[family]
        for part, more, unit in _PARTS:
            if part != "count" or with_count:
                text = f"In the last hour, {part}: {about.help}"
                of = ((family, labels),)
                made.append(Recorded(hourly(level, f"{family}_{part}"), text, labels + more, unit, of))
    duration = "gateway_request_duration_max_seconds"
    made += [
        Recorded(
            f"method:{duration}:max1h",
            "Slowest request of the last hour.",
            ("chain", "method"),
            "seconds",
            ((duration, ("chain", "method")),),
        ),
        *(
            Recorded(
                f"method:gateway_success:max{window}",
                f"The best success rate of the last {words}: 0 of what never succeeded.",
                ("chain", "method"),
                of=(
                    ("gateway_requests_total", ("chain", "method")),
                    ("gateway_errors_total", ("chain", "method", "type")),
                ),
            )
            for window, words in (("1d", "day"), ("3d", "three days"))
        ),
    ]
    return made


_LIMIT = ("key", "unit", "window")
_ALLOWED, _RESET = ("gateway_limit", _LIMIT), ("gateway_limit_reset_timestamp_seconds", _LIMIT)
_USED, _LAST = ("gateway_limit_used", _LIMIT), ("gateway_limit_used_last", _LIMIT)
# A limit that each gateway has for itself (scope "gateway") has an `instance`; one of the whole fleet has none.
_SCOPED = (*_LIMIT, "scope", "instance")

_KEYS = (
    Recorded("key:gateway_limit:max", "The allowed amount in a window.", _SCOPED, of=(_ALLOWED,)),
    Recorded(
        "key:gateway_limit_used:sum",
        "Use in the running window, over the fleet; of keys without limit too: requests and cost of the day and month.",
        _LIMIT,
        of=(_USED, _RESET),
    ),
    Recorded(
        "key:gateway_limit_reset_timestamp_seconds:max",
        "When the running window ends.",
        _LIMIT,
        "seconds",
        (_RESET,),
    ),
    Recorded(
        "key:gateway_limit_utilization:ratio",
        "Use over the allowed amount; for 1m the running or the last window, whichever is more.",
        _SCOPED,
        of=(_ALLOWED, _USED, _LAST, _RESET),
    ),
    Recorded(
        "key:gateway_limit_projected:ratio",
        "Use over the allowed amount at the reset, if the last hours go on; for the fleet's 1d and 1mo.",
        (*_LIMIT, "scope"),
        of=(_ALLOWED, _USED, _RESET),
    ),
    Recorded(
        "fleet:gateway_cost_used:sum",
        "Money of the running day and month of all keys, by the log's own time.",
        ("window",),
        of=(_USED, _RESET, ("gateway_cost_total", ())),
    ),
    Recorded(
        "key:gateway_key_info:unique",
        "1; one series for each key, also while exporters disagree about its name or owner: safe to join with.",
        ("key", "name", "owner", "plan", "class"),
    ),
    *(
        Recorded(f"key:{family}:max", text, ("key",), unit, ((family, ("key",)),))
        for family, text, unit in (
            ("gateway_key_enabled", "1 if a registry says that the key is enabled.", ""),
            ("gateway_key_expires_timestamp_seconds", "When the key expires.", "seconds"),
            (
                "gateway_key_last_used_timestamp_seconds",
                "When the fleet saw a key last; 0 for a registered key that was never used.",
                "seconds",
            ),
        )
    ),
)

# What of a promise: which objective (availability, latency), and of whose requests; of the fleet where it is nobody's.
_PROMISE = ("objective", "chain", "model", "plan")

_OBJECTIVES = (
    Recorded("objective:gateway_target:ratio", "The promised share of requests.", _PROMISE),
    Recorded("objective:gateway_requests:increase1h", "Requests of the last hour that it is promised of.", _PROMISE),
    Recorded("objective:gateway_missed_requests:increase1h", "Of those, the ones that failed, or were slow.", _PROMISE),
    Recorded(
        "objective:gateway_budget_left:ratio",
        "What is left of the error budget of 30 days (or of Prometheus' retention, if less): 1 all, 0 none, less than "
        "0 overspent.",
        _PROMISE,
    ),
)

_EXPORTERS = (
    Recorded(
        "fleet:gateway_exporter_lag_seconds:max", "Age of the oldest unread byte of all exporters.", (), "seconds"
    ),
    Recorded(
        "fleet:gateway_exporter_first_start_timestamp_seconds:min",
        "Since when an exporter has watched: what was before, nobody has seen.",
        (),
        "seconds",
    ),
    Recorded("fleet:gateway_exporter_targets:count", "Exporters that Prometheus scrapes, or tries to."),
    Recorded(
        "fleet:gateway_exporter_away:count",
        "Exporters that have answered lately, and do not now, or have just come back: what they tell is kept.",
    ),
)

RECORDED: dict[str, Recorded] = {
    recorded.name: recorded for recorded in (*_now(), *_hourly(), *_KEYS, *_OBJECTIVES, *_EXPORTERS)
}


def recorded_of(families: Mapping[str, Family]) -> dict[str, Recorded]:
    """What is recorded where these families are served: the series that have all that they are made of."""
    return {
        name: recorded
        for name, recorded in RECORDED.items()
        if all(family in families and {*labels} <= {*families[family].labels} for family, labels in recorded.of)
    }
