"""Recording rules: an expression for each series that `exporter.model.recorded` declares."""

from typing import Any

from alerts.promql import Terms, bound, either
from exporter.config.served import or_zero
from exporter.model.recorded import BURN_WINDOWS, HOURLY, HOURLY_HISTOGRAMS

_LEVELS: dict[str, tuple[str, ...]] = {"fleet": (), "key": ("key",), "method": ("chain", "method")}
# What a limit's use is counted in → the counter of it. Refused requests use up nothing.
_COUNTERS = {
    "requests": 'gateway_requests_total{status!~"401|403|429"}',
    "tokens": "gateway_tokens_total",
    "credits": "gateway_credits_total",
    "cost": "gateway_cost_total",
}
_LIMIT = ("key", "unit", "window")


def groups(terms: Terms) -> list[dict[str, Any]]:
    """The rule groups. Within one, a rule sees what those before it have just recorded."""
    every = terms.interval
    made = terms.served.recorded
    groups = (
        ("gateway-fleet", every, _fleet(terms)),
        ("gateway-now", every, _now(terms)),
        ("gateway-burn", every, _burn()),
        ("gateway-limits", min(every, 30), _limits(terms)),
        ("gateway-hours", min(10 * every, 300), _hours(terms)),
    )
    return [
        {
            "name": name,
            "interval": f"{every}s",
            "rules": [{"record": one, "expr": expression} for one, expression in rules.items() if one in made],
        }
        for name, every, rules in groups
        if not made.keys().isdisjoint(rules)
    ]


def _fleet(terms: Terms) -> dict[str, str]:
    info = terms.by_target("key", "name", "owner", "plan", "class")
    return {
        # Two exporters may disagree on a name while the registry changes; joins need one answer.
        "key:gateway_key_info:unique": f"topk by {terms.by_target('key')} (1, max by {info} (gateway_key_info))",
        "key:gateway_key_last_used_timestamp_seconds:max": (
            f"max by {terms.by_target('key')} (gateway_key_last_used_timestamp_seconds)"
        ),
        "fleet:gateway_exporter_lag_seconds:max": f"max by {terms.by_target()} (gateway_exporter_lag_seconds)",
    }


def _now(terms: Terms) -> dict[str, str]:
    rules: dict[str, str] = {}
    slow = either(terms.config.slow_methods)
    swift = f'method!~"{slow}"' if slow else ""
    for level, labels in _LEVELS.items():
        requests, errors = f"{level}:gateway_requests:rate5m", f"{level}:gateway_errors:rate5m"
        rules[requests] = terms.now("rate", "gateway_requests_total", "5m", *labels)
        # A level that never failed has no error series: its rate is 0, not absent.
        rules[errors] = or_zero(terms.now("rate", "gateway_errors_total", "5m", *labels), requests)
        rules[f"{level}:gateway_success:ratio_rate5m"] = f"1 - {errors} / ({requests} > 0)"
        family = "gateway_key_request_duration_seconds" if level == "key" else "gateway_request_duration_seconds"
        only = f"{{{swift}}}" if swift and level == "fleet" else ""
        total, count = (terms.now("rate", f"{family}_{part}{only}", "5m", *labels) for part in ("sum", "count"))
        rules[f"{level}:{family}:mean5m"] = f"{total}\n/\n({count} > 0)"
    unavailable = 'gateway_errors_total{type=~"server_error|upstream_error|timeout"}'
    rules["fleet:gateway_unavailable_requests:rate5m"] = or_zero(
        terms.now("rate", unavailable, "5m"), "fleet:gateway_requests:rate5m"
    )
    within = f'le=~"{bound(terms.config.objectives.latency_seconds)}"'
    duration = "gateway_request_duration_seconds"
    rules["fleet:gateway_timed_requests:rate5m"] = terms.now(
        "rate", f"{duration}_count{{{swift}}}" if swift else f"{duration}_count", "5m"
    )
    fast = terms.now("rate", f"{duration}_bucket{{{', '.join(filter(None, (within, swift)))}}}", "5m")
    rules["fleet:gateway_slow_requests:rate5m"] = f"fleet:gateway_timed_requests:rate5m\n- {fast}"
    return rules


def _burn() -> dict[str, str]:
    rules: dict[str, str] = {}
    for failed, all_ in (("unavailable", "requests"), ("slow", "timed_requests")):
        for window in BURN_WINDOWS:
            part, whole = f"fleet:gateway_{failed}_requests:rate5m", f"fleet:gateway_{all_}:rate5m"
            if window != "5m":
                part, whole = f"sum_over_time({part}[{window}])", f"sum_over_time({whole}[{window}])"
            rules[f"fleet:gateway_{failed}:ratio_rate{window}"] = f"{part} / ({whole} > 0)"
    return rules


def _limits(terms: Terms) -> dict[str, str]:
    limit, limit_here = terms.by_target(*_LIMIT), terms.by_target(*_LIMIT, "instance")
    used, last = "gateway_limit_used", 'gateway_limit_used_last{window="1m"}'
    here = {name: f"max by {limit_here} ({series})" for name, series in (("used", used), ("last", last))}
    ends = "gateway_limit_reset_timestamp_seconds"
    newest_last = f"sum by {limit} ({_newest(terms, last, ends)})"
    fleet_used, reset = "key:gateway_limit_used:sum", "key:gateway_limit_reset_timestamp_seconds:max"
    fleet_limit, own_limit = ('key:gateway_limit:max{scope!="gateway"}', 'key:gateway_limit:max{scope="gateway"}')
    left = f"({reset} - time())"
    projected = "\nor\n".join(
        f'{fleet_used}{{unit="{unit}", window=~"1d|1mo"}}\n'
        f"+ on {limit} {left}\n"
        f"* on {terms.by_target('key')} group_left () sum by {terms.by_target('key')} (rate({counter}[6h]))"
        for unit, counter in _COUNTERS.items()
        if terms.selector(counter, "key") == counter
    )
    return {
        "key:gateway_limit:max": (
            f'max by {terms.by_target(*_LIMIT, "scope")} (gateway_limit{{scope!="gateway"}})\n'
            f'or max by {terms.by_target(*_LIMIT, "scope", "instance")} (gateway_limit{{scope="gateway"}})'
        ),
        reset: f"max by {limit} ({_lasting(ends)})",
        fleet_used: f"sum by {limit} ({_newest(terms, _lasting(used), _lasting(ends))})",
        "key:gateway_limit_utilization:ratio": (
            f"(\n  {newest_last} > {fleet_used}\n  or {fleet_used}\n)\n"
            f"/ on {limit} group_right () ({fleet_limit} > 0)\n"
            f"or\n(\n  {here['last']} > {here['used']}\n  or {here['used']}\n)\n"
            f"/ on {limit_here} group_right () ({own_limit} > 0)"
        ),
        "key:gateway_limit_projected:ratio": f"(\n{projected}\n)\n/ on {limit} group_right () ({fleet_limit} > 0)",
    }


def _lasting(series: str) -> str:
    """A limit's series; of long windows the last hour's, so that an exporter that is away keeps its share."""
    return f'({series}{{window=~"1m|1h"}} or last_over_time({series}{{window=~"1d|1mo"}}[1h]))'


def _newest(terms: Terms, series: str, reset: str) -> str:
    """A series of exporters whose window is the newest: one that has not rolled over still shows the last."""
    return (
        f"\n  {series}\n"
        f"  and on {terms.by_target('job', 'instance', *_LIMIT)} (\n"
        f"    {reset}\n"
        f"    == on {terms.by_target(*_LIMIT)} group_left ()\n"
        f"    max by {terms.by_target(*_LIMIT)} ({reset})\n"
        f"  )\n"
    )


def _hours(terms: Terms) -> dict[str, str]:
    rules: dict[str, str] = {}
    for level, family, labels in HOURLY:
        name = f"{level}:{family.removesuffix('_total')}:increase1h"
        rules[name] = f"sum by {terms.by(*labels)} (increase({family}[1h]))"
    for level, family, labels in HOURLY_HISTOGRAMS:
        for part, more in (("bucket", ("le",)), ("sum", ()), ("count", ())):
            series = f"{family}_{part}"
            rules[f"{level}:{series}:increase1h"] = f"sum by {terms.by(*labels, *more)} (increase({series}[1h]))"
    slowest = "gateway_request_duration_max_seconds"
    rules[f"method:{slowest}:max1h"] = f"max by {terms.by('chain', 'method')} (max_over_time({slowest}[1h]))"
    rules["key:gateway_cost:increase1d"] = f"sum by {terms.by('key', 'currency')} (increase(gateway_cost_total[1d]))"
    return rules
