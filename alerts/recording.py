"""Recording rules: an expression for each series that `exporter.model.recorded` declares."""

from typing import Any

from alerts.objectives import objectives
from alerts.promql import AWAY, Terms, bound, either
from exporter.config.served import or_zero
from exporter.model.recorded import BURN_WINDOWS, HOURLY, HOURLY_HISTOGRAMS, LEVELS, MODEL_TIMES, hourly

_LIMIT = ("key", "unit", "window")
_DURATION = "gateway_request_duration_seconds"
_DAY = 86400
# Failures of clients: what scanners ask of a gateway that has nothing there ends so.
_CLIENTS = 'type=~"auth|client_error"'
SERVED = "(method:gateway_success:ratio_rate5m > 0 or method:gateway_success:max3d > 0)"


def groups(terms: Terms) -> list[dict[str, Any]]:
    """The rule groups. Within one, a rule sees what those before it have just recorded."""
    every = terms.interval
    made = terms.served.recorded
    groups = (
        ("gateway-fleet", every, _fleet(terms)),
        ("gateway-now", every, _now(terms)),
        ("gateway-burn", every, _burn(terms)),
        ("gateway-limits", min(every, 30), _limits(terms)),
        ("gateway-hours", min(10 * every, 300), _hours(terms)),
        ("gateway-objectives", min(10 * every, 300), objectives(terms)),
    )
    return [
        {
            "name": name,
            "interval": f"{every}s",
            "rules": [
                {"record": record, "expr": expression}
                for record, expression in rules.items()
                if record in made and terms.is_served(expression)
            ],
        }
        for name, every, rules in groups
        if not made.keys().isdisjoint(rules)
    ]


def _fleet(terms: Terms) -> dict[str, str]:
    info = terms.by_target("key", "name", "owner", "plan", "class")
    by_key, by_scope, up = terms.by_target("key"), terms.by_target(), terms.up
    unique = f"topk by {by_key} (1, max by {info} ({{}}))"
    lasting = (
        *("gateway_key_enabled", "gateway_key_expires_timestamp_seconds"),
        "gateway_key_last_used_timestamp_seconds",
    )
    return {
        # Two exporters may disagree on a name while the registry changes; joins need one answer.
        "key:gateway_key_info:unique": (
            f"{unique.format('gateway_key_info')}\n"
            f"or on {by_key} {unique.format(f'last_over_time(gateway_key_info[{AWAY}])')}"
        ),
        **{f"key:{family}:max": f"max by {by_key} (last_over_time({family}[{AWAY}]))" for family in lasting},
        "fleet:gateway_exporter_lag_seconds:max": f"max by {by_scope} (gateway_exporter_lag_seconds)",
        "fleet:gateway_exporter_first_start_timestamp_seconds:min": (
            f"min by {by_scope} ({terms.last('gateway_exporter_first_start_timestamp_seconds')})"
        ),
        "fleet:gateway_exporter_targets:count": f"count by {by_scope} ({up})",
        "fleet:gateway_exporter_away:count": (
            f"count by {by_scope} (\n"
            f"  max_over_time({up}[{AWAY}]) == 1\n"
            f"  unless on (job, instance) (min_over_time({up}[5m]) == 1 and {up} offset 5m == 1)\n"
            f"  or {terms.caught_up('5m', 'job', 'instance', *terms.served.target_scope)}\n"
            ")"
        ),
    }


def _now(terms: Terms) -> dict[str, str]:
    rules: dict[str, str] = {}
    made = terms.served.recorded
    models = "method:gateway_model_requests:rate5m"
    rules[models] = terms.now("rate", "gateway_model_requests_total", "5m", "method")
    for level in ("key", "method", "fleet"):
        labels, _ = LEVELS[level]
        requests, errors = f"{level}:gateway_requests:rate5m", f"{level}:gateway_errors:rate5m"
        by = terms.by(*labels)
        if level == "fleet" and "method:gateway_errors:rate5m" in made:
            # What is recorded by method is a small part of what it is summed from.
            rules[requests] = f"sum by {by} (method:gateway_requests:rate5m)"
            rules[errors] = or_zero(f"sum by {by} (method:gateway_errors:rate5m)", requests)
            rules["fleet:gateway_success:ratio_rate5m"] = _fleet_success(terms)
        else:
            rules[requests] = terms.now("rate", "gateway_requests_total", "5m", *labels)
            typed = () if level == "fleet" else ("type",)
            failed = terms.now("rate", "gateway_errors_total", "5m", *labels, *typed)
            rules[errors] = or_zero(failed, requests) if level == "fleet" else failed
            # A level that never failed has no error series: its rate is 0, not absent.
            all_failed = errors if level == "fleet" else f"(sum by {by} ({errors}) or 0 * {requests})"
            rules[f"{level}:gateway_success:ratio_rate5m"] = f"1 - {all_failed} / ({requests} > 0)"
    rules |= _durations(terms)
    ours = '{type=~"server_error|upstream_error|timeout"}'
    if "method:gateway_errors:rate5m" in made:
        failed = f"sum by {terms.by()} (method:gateway_errors:rate5m{ours})"
    else:
        failed = terms.now("rate", f"gateway_errors_total{ours}", "5m")
    rules["fleet:gateway_unavailable_requests:rate5m"] = or_zero(failed, "fleet:gateway_requests:rate5m")
    for name, family, labels in (
        ("model:gateway_model_requests:rate5m", "gateway_model_requests_total", ("model", "provider")),
        ("provider:gateway_upstream_attempts:rate5m", "gateway_upstream_attempts_total", ("provider", "outcome")),
        ("provider:gateway_failovers:rate5m", "gateway_failovers_total", ("from_provider",)),
        ("reason:gateway_blocked_requests:rate5m", "gateway_blocked_requests_total", ("reason",)),
    ):
        rules[name] = terms.now("rate", family, "5m", *labels)
    for family in MODEL_TIMES:
        total, count = (terms.now("rate", f"{family}_{part}", "5m", "model", "provider") for part in ("sum", "count"))
        rules[f"model:{family}:mean5m"] = f"{total}\n/\n({count} > 0)"
    return rules


def _fleet_success(terms: Terms) -> str:
    """Without what scanners ask: failures of clients at a method that never succeeded, or at none that is known."""
    by, method = terms.by(), terms.by("chain", "method")
    failed, all_ = "fleet:gateway_errors:rate5m", "fleet:gateway_requests:rate5m"
    errors = "method:gateway_errors:rate5m"
    stray = (
        f"(\n  sum by {by} (\n"
        f"    {errors}{{{_CLIENTS}}} unless on {method} {SERVED}\n"
        f'    or {errors}{{method="other", {_CLIENTS}}}\n'
        f"  )\n  or 0 * {all_}\n)"
    )
    return f"1 - (\n{failed} - {stray}\n)\n/ (\n{all_} - {stray}\n> 0)"


def _durations(terms: Terms) -> dict[str, str]:
    """Of the fleet, without what takes long by nature: models, and methods that the config names."""
    rules: dict[str, str] = {}
    slow = either(terms.config.slow_methods)
    swift = f'method!~"{slow}"' if slow else ""
    models = f"on {terms.by('method')} (method:gateway_model_requests:rate5m > 0)"
    if "method:gateway_model_requests:rate5m" not in terms.served.recorded or not terms.has(_DURATION, "method"):
        models = ""

    def timed(part: str, *matchers: str) -> str:
        only = ", ".join(filter(None, (*matchers, swift)))
        series = f"{_DURATION}_{part}{{{only}}}" if only else f"{_DURATION}_{part}"
        return terms.now("rate", series, "5m", unless=models)

    for level, labels in (("fleet", ()), ("method", ("chain", "method"))):
        total, count = (
            timed(part) if level == "fleet" else terms.now("rate", f"{_DURATION}_{part}", "5m", *labels)
            for part in ("sum", "count")
        )
        rules[f"{level}:{_DURATION}:mean5m"] = f"{total}\n/\n({count} > 0)"
    for part in ("bucket", "sum", "count"):
        by = ("le",) if part == "bucket" else ()
        rules[f"fleet:{_DURATION}_{part}:rate5m"] = terms.now("rate", f"{_DURATION}_{part}", "5m", *by)
    rules["fleet:gateway_timed_requests:rate5m"] = timed("count")
    fast = timed("bucket", f'le=~"{bound(terms.config.objectives.latency_seconds)}"')
    rules["fleet:gateway_slow_requests:rate5m"] = f"fleet:gateway_timed_requests:rate5m\n- {fast}"
    return rules


def _burn(terms: Terms) -> dict[str, str]:
    rules: dict[str, str] = {}
    for failed, all_ in (("unavailable", "requests"), ("slow", "timed_requests")):
        for window in BURN_WINDOWS:
            part, whole = f"fleet:gateway_{failed}_requests:rate5m", f"fleet:gateway_{all_}:rate5m"
            if window != "5m":
                part, whole = (f"sum_over_time({series}[{terms.within(window)}])" for series in (part, whole))
            rules[f"fleet:gateway_{failed}:ratio_rate{window}"] = f"{part} / ({whole} > 0)"
    return rules


def _limits(terms: Terms) -> dict[str, str]:
    limit, limit_here = terms.by_target(*_LIMIT), terms.by_target(*_LIMIT, "instance")
    used, ends = (_lasting(terms, f"gateway_limit_{what}") for what in ("used", "reset_timestamp_seconds"))
    last = terms.last('gateway_limit_used_last{window="1m"}')
    here = {name: f"max by {limit_here} ({series})" for name, series in (("used", used), ("last", last))}
    newest_last = f"sum by {limit} ({_newest(terms, last, ends)})"
    fleet_used = "key:gateway_limit_used:sum"
    fleet_limit, own_limit = ('key:gateway_limit:max{scope!="gateway"}', 'key:gateway_limit:max{scope="gateway"}')
    return {
        "key:gateway_limit:max": (
            f'max by {terms.by_target(*_LIMIT, "scope")} (last_over_time(gateway_limit{{scope!="gateway"}}[{AWAY}]))\n'
            f"or max by {terms.by_target(*_LIMIT, 'scope', 'instance')} "
            f'(last_over_time(gateway_limit{{scope="gateway"}}[{AWAY}]))'
        ),
        "key:gateway_limit_reset_timestamp_seconds:max": f"max by {limit} ({ends})",
        fleet_used: f"sum by {limit} ({_newest(terms, used, ends)})",
        "fleet:gateway_cost_used:sum": f'sum by {terms.by_target("window")} ({fleet_used}{{unit="cost"}})',
        "key:gateway_limit_utilization:ratio": (
            f"(\n  {newest_last} > {fleet_used}\n  or {fleet_used}\n)\n"
            f"/ on {limit} group_right () ({fleet_limit} > 0)\n"
            f"or\n(\n  {here['last']} > {here['used']}\n  or {here['used']}\n)\n"
            f"/ on {limit_here} group_right () ({own_limit} > 0)"
        ),
        "key:gateway_limit_projected:ratio": (
            f"(\n  {_projected()}\n)\n/ on {limit} group_right () ({fleet_limit} > 0)"
        ),
    }


def _projected() -> str:
    """Use at the reset, by the pace of the last three or six hours, whichever is slower: where an exporter had been
    away before it was asked one of them, that one is too fast. In a new window, or without a past, by its own pace.

    Use is by the log's own time, so it grows at no other pace where an exporter catches up.
    """
    reset, used = (
        f'{series}{{window=~"1d|1mo"}}'
        for series in ("key:gateway_limit_reset_timestamp_seconds:max", "key:gateway_limit_used:sum")
    )
    three, six = (
        f"({used} - ({used} offset {hours}h and {reset} offset {hours}h == {reset})) / {hours * 3600}"
        for hours in (3, 6)
    )
    left = f"({reset} - time())"
    month = f"{_DAY} * days_in_month({reset} - {_DAY})"
    own = "\n    or ".join(
        f"{used.replace('1d|1mo', window)} / clamp_min({length.replace('1d|1mo', window)} - "
        f"{left.replace('1d|1mo', window)}, 3600)"
        for window, length in (("1d", str(_DAY)), ("1mo", month))
    )
    pace = f"(\n    {three} < {six}\n    or {six}\n    or {own}\n  )"
    return f"{used}\n  + {left}\n  * clamp_min({pace}, 0)"


def _lasting(terms: Terms, series: str) -> str:
    """A limit's series, or its last value where its exporter is away; of long windows the last hour's, so that an
    exporter that is away keeps its share. One that is no target any more has no share: another may have its state.
    """
    lately = f'last_over_time({series}{{window=~"1m|1h"}}[{AWAY}]) or last_over_time({series}{{window=~"1d|1mo"}}[1h])'
    return f"({series} or ({lately}) and on (job, instance) {terms.up} == 0)"


def _newest(terms: Terms, series: str, reset: str) -> str:
    """A series of exporters whose window is the newest: one that has not rolled over still shows the last."""
    return (
        f"\n  {series}\n"
        f"  and on {terms.by_target('job', 'instance', *_LIMIT)} (\n"
        f"    {reset}\n"
        f"    == on {terms.by_target(*_LIMIT)} group_left () key:gateway_limit_reset_timestamp_seconds:max\n"
        f"  )\n"
    )


def _hours(terms: Terms) -> dict[str, str]:
    rules: dict[str, str] = {}
    for hour in HOURLY:
        summed = hourly(hour.summed, hour.family)
        finer = summed if hour.summed and summed in terms.served.recorded else f"increase({hour.family}[1h])"
        rules[hour.name] = f"sum by {terms.by(*hour.labels)} ({finer})"
    for level, family, labels, with_count in HOURLY_HISTOGRAMS:
        for part, more in (("bucket", ("le",)), ("sum", ()), ("count", ())):
            if part != "count" or with_count:
                series = f"{family}_{part}"
                rules[hourly(level, series)] = f"sum by {terms.by(*labels, *more)} (increase({series}[1h]))"
    slowest = "gateway_request_duration_max_seconds"
    rules[f"method:{slowest}:max1h"] = f"max by {terms.by('chain', 'method')} (max_over_time({slowest}[1h]))"
    # A day's minutes and two days' own, as three days' minutes are too many to read.
    rules["method:gateway_success:max1d"] = "max_over_time(method:gateway_success:ratio_rate5m[1d])"
    rules["method:gateway_success:max3d"] = "max_over_time(method:gateway_success:max1d[2d])"
    return rules
