"""RECORDED: the series that recording rules make, declared once. Their expressions are in `alerts/`.

A name is `level:metric:operations`, as Prometheus' own naming practice has it: level says which labels are left,
operations what was done last. Every one carries the config's `alerts.scope_labels` too, as far as its families have
them. Four kinds:

    …:rate5m, …:mean5m, …:ratio_rate…   now: over the last minutes, for graphs of hours and for alerts. Exporters that
                                        are catching up are left out: their minutes hold hours.
    …:increase1h, …:max1h               how much in the last hour. Whole hours add up to a day, at a full hour:
                                        `sum_over_time(key:gateway_requests:increase1h[23h30m:1h])` takes 24 of
                                        them, also in Prometheus 2, where `[1d:1h]` has both its ends and takes 25.
    key:gateway_limit…, key:gateway_key… over the fleet: the exporters' answers joined into one.
    …:increase1d                        how much in the last 24 hours.

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


# The windows of burn rates: Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs".
BURN_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")

# What `…:rate5m` is recorded of, by level.
_LEVELS = {
    "fleet": ((), "of the fleet"),
    "key": (("key",), "by key"),
    "method": (("chain", "method"), "by method"),
}

# Counters whose last hour is recorded: the level, the family, the labels that are left.
HOURLY: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("key", "gateway_requests_total", ("key", "class")),
    ("method", "gateway_requests_total", ("chain", "method")),
    ("status", "gateway_requests_total", ("chain", "protocol", "status")),
    ("key_method_status", "gateway_requests_total", ("key", "chain", "method", "protocol", "status")),
    ("key", "gateway_calls_total", ("key", "result")),
    ("key_method", "gateway_calls_total", ("key", "chain", "method", "result")),
    ("key", "gateway_errors_total", ("key", "type")),
    ("method", "gateway_errors_total", ("chain", "method", "type")),
    ("key_origin", "gateway_origin_requests_total", ("key", "origin", "protocol")),
    ("key", "gateway_key_new_origins_total", ("key",)),
    ("key", "gateway_request_bytes_total", ("key",)),
    ("key", "gateway_response_bytes_total", ("key",)),
    ("key_method", "gateway_credits_total", ("key", "chain", "method")),
    ("key_model", "gateway_model_requests_total", ("key", "class", "model", "provider")),
    ("key_model", "gateway_tokens_total", ("key", "class", "model", "provider", "type")),
    ("key_model", "gateway_cost_total", ("key", "class", "model", "provider", "currency")),
    ("provider", "gateway_upstream_attempts_total", ("provider", "outcome")),
    ("provider", "gateway_failovers_total", ("from_provider", "to_provider", "reason")),
    ("model", "gateway_model_redirects_total", ("requested_model", "model", "billed")),
    ("key", "gateway_blocked_requests_total", ("key", "reason")),
)

# Histograms whose last hour is recorded: buckets (with `le`), sum and count, from which any quantile and average over
# any range is right.
HOURLY_HISTOGRAMS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("method", "gateway_request_duration_seconds", ("chain", "method")),
    ("key", "gateway_key_request_duration_seconds", ("key",)),
    ("model", "gateway_model_request_duration_seconds", ("model", "provider")),
    ("model", "gateway_time_to_first_token_seconds", ("model", "provider")),
    ("model", "gateway_time_per_output_token_seconds", ("model", "provider")),
)


def _now() -> list[Recorded]:
    made: list[Recorded] = []
    of_slow = (("gateway_request_duration_seconds", ()),)
    of_failed = (("gateway_requests_total", ()), ("gateway_errors_total", ("type",)))
    for level, (labels, words) in _LEVELS.items():
        requests, errors = ("gateway_requests_total", labels), ("gateway_errors_total", labels)
        duration = "gateway_key_request_duration_seconds" if level == "key" else "gateway_request_duration_seconds"
        made += [
            Recorded(f"{level}:gateway_requests:rate5m", f"Requests a second, {words}.", labels, of=(requests,)),
            Recorded(
                f"{level}:gateway_errors:rate5m",
                f"Failed requests a second, of every type, {words}.",
                labels,
                of=(requests, errors),
            ),
            Recorded(
                f"{level}:gateway_success:ratio_rate5m",
                f"Requests that did not fail, {words}: 0 to 1.",
                labels,
                of=(requests, errors),
            ),
            Recorded(
                f"{level}:{duration}:mean5m",
                f"Average duration of requests, {words}.",
                labels,
                "seconds",
                ((duration, labels),),
            ),
        ]
    made += [
        Recorded(
            "fleet:gateway_unavailable_requests:rate5m",
            "Requests a second that the gateway or its upstreams failed: server_error, upstream_error, timeout.",
            of=of_failed,
        ),
        Recorded("fleet:gateway_timed_requests:rate5m", "Requests a second whose duration counts.", of=of_slow),
        Recorded(
            "fleet:gateway_slow_requests:rate5m", "Of those, the ones that took longer than the objective.", of=of_slow
        ),
    ]
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
    for level, family, labels in HOURLY:
        about = CATALOG[family]
        name = f"{level}:{family.removesuffix('_total')}:increase1h"
        made.append(Recorded(name, f"In the last hour: {about.help}", labels, about.unit, ((family, labels),)))
    for level, family, labels in HOURLY_HISTOGRAMS:
        about = CATALOG[family]
        for part, more, unit in (("bucket", ("le",), ""), ("sum", (), "seconds"), ("count", (), "")):
            name, text = f"{level}:{family}_{part}:increase1h", f"In the last hour, {part}: {about.help}"
            made.append(Recorded(name, text, labels + more, unit, ((family, labels),)))
    made.append(
        Recorded(
            "method:gateway_request_duration_max_seconds:max1h",
            "Slowest request of the last hour.",
            ("chain", "method"),
            "seconds",
            (("gateway_request_duration_max_seconds", ("chain", "method")),),
        )
    )
    return made


_LIMIT = ("key", "unit", "window")
_ALLOWED, _RESET = ("gateway_limit", _LIMIT), ("gateway_limit_reset_timestamp_seconds", _LIMIT)
_USED, _LAST = ("gateway_limit_used", _LIMIT), ("gateway_limit_used_last", _LIMIT)
# A limit that each gateway has for itself (scope "gateway") has an `instance`; one of the whole fleet has none.
_SCOPED = (*_LIMIT, "scope", "instance")

_FLEET = (
    Recorded("key:gateway_limit:max", "The allowed amount in a window.", _SCOPED, of=(_ALLOWED,)),
    Recorded(
        "key:gateway_limit_used:sum",
        "Use in the running window, over the fleet; of keys without limit too.",
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
        "Use over the allowed amount at the reset, if the last six hours go on; for the fleet's 1d and 1mo.",
        (*_LIMIT, "scope"),
        of=(_ALLOWED, _USED, _RESET, ("gateway_requests_total", ("key", "status"))),
    ),
    Recorded(
        "key:gateway_key_info:unique",
        "1; one series for each key, also while exporters disagree about its name or owner: safe to join with.",
        ("key", "name", "owner", "plan", "class"),
    ),
    Recorded(
        "key:gateway_key_last_used_timestamp_seconds:max",
        "When the fleet saw a key last; 0 for a registered key that was never used.",
        ("key",),
        "seconds",
        (("gateway_key_last_used_timestamp_seconds", ("key",)),),
    ),
    Recorded(
        "key:gateway_cost:increase1d",
        "Money of the last 24 hours, by key.",
        ("key", "currency"),
        of=(("gateway_cost_total", ("key", "currency")),),
    ),
    Recorded(
        "fleet:gateway_exporter_lag_seconds:max", "Age of the oldest unread byte of all exporters.", (), "seconds"
    ),
)

RECORDED: dict[str, Recorded] = {recorded.name: recorded for recorded in (*_now(), *_hourly(), *_FLEET)}


def recorded_of(families: Mapping[str, Family]) -> dict[str, Recorded]:
    """What is recorded where these families are served: the series that have all that they are made of."""
    return {
        name: recorded
        for name, recorded in RECORDED.items()
        if all(family in families and {*labels} <= {*families[family].labels} for family, labels in recorded.of)
    }
