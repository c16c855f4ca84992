"""Objectives: what is promised to the fleet's users, or to those of a chain, a model or a plan, and what is left of it.

The error budget of a month is what may fail in 30 days. It is counted whole, with what an exporter read late: by then
it makes no difference at what minute it was counted.
"""

from alerts.promql import Terms, bound, either, escaped
from exporter.config.objectives import Objective
from exporter.config.served import or_zero
from exporter.durations import seconds

_PROMISED = ("objective", "chain", "model", "plan")
BUDGET_DAYS = 30
_OURS = 'type=~"server_error|upstream_error|timeout"'
_BY_METHOD, _BY_MODEL = "gateway_request_duration_seconds", "gateway_model_request_duration_seconds"


def objectives(terms: Terms) -> dict[str, str]:
    """The recorded series of `exporter.model.recorded` that begin with `objective:`."""
    targets, all_, missed = [], [], []
    for promise in terms.config.objectives.promises:
        for objective, target in (("availability", promise.availability), ("latency", promise.latency)):
            if target is None:
                continue
            whole, part = (_availability if objective == "availability" else _latency)(terms, promise)
            if not terms.is_served(whole + part):
                continue
            targets.append(_labelled(f"vector({target:g})", objective, promise))
            all_.append(_labelled(whole, objective, promise))
            missed.append(_labelled(or_zero(part, f"({whole})"), objective, promise))
    if not targets:
        return {}
    requests, failed = "objective:gateway_requests:increase1h", "objective:gateway_missed_requests:increase1h"
    days = min(BUDGET_DAYS, int((seconds(terms.config.retention) - 3600) / 86400))
    return {
        "objective:gateway_target:ratio": "\nor\n".join(targets),
        requests: "\nor\n".join(all_),
        failed: "\nor\n".join(missed),
        "objective:gateway_budget_left:ratio": (
            f"1 - sum_over_time({failed}[{days}d]) / (sum_over_time({requests}[{days}d]) > 0)\n"
            f"/ on ({', '.join(_PROMISED)}) group_left () (1 - objective:gateway_target:ratio)"
        ),
    }


def _labelled(expression: str, objective: str, promise: Objective) -> str:
    """With the labels that tell promises apart."""
    labels = {"objective": objective} | ({promise.label: promise.value} if promise.label else {})
    for label, value in labels.items():
        expression = f'label_replace({expression}, "{label}", {_quoted(value.replace("$", "$$"))}, "", "")'
    return expression


def _quoted(text: str) -> str:
    return f'"{escaped(text)}"'


def _availability(terms: Terms, promise: Objective) -> tuple[str, str]:
    """Requests of the last hour, and those that failed."""
    by = terms.by()
    if promise.label == "model":
        requests = f"model:gateway_model_requests:increase1h{{model={_quoted(promise.value)}}}"
        return f"sum by {by} ({requests})", f'sum by {by} ({requests[:-1]}, status=~"5.."}})'
    if promise.label == "plan":
        return tuple(  # type: ignore[return-value]
            f"sum by {by} ({series} {_of_plan(terms, promise)})"
            for series in ("key:gateway_requests:increase1h", f"key:gateway_errors:increase1h{{{_OURS}}}")
        )
    only = f"chain={_quoted(promise.value)}" if promise.label else ""
    failed = ", ".join(filter(None, (only, _OURS)))
    return (
        f"sum by {by} (method:gateway_requests:increase1h{f'{{{only}}}' if only else ''})",
        f"sum by {by} (method:gateway_errors:increase1h{{{failed}}})",
    )


def _latency(terms: Terms, promise: Objective) -> tuple[str, str]:
    """Timed requests of the last hour, and those that took longer than promised."""
    by, within = terms.by(), f'le=~"{bound(promise.latency_seconds)}"'
    if promise.label == "plan":
        of_plan = _of_plan(terms, promise)
        family, key = "gateway_key_request_duration_seconds", terms.by("key")
        total, fast = (
            f"sum by {by} (sum by {key} (increase({family}_{part}[1h])) {of_plan})"
            for part in ("count", f"bucket{{{within}}}")
        )
        return total, f"{total} - {fast}"
    matchers, rest = [], ""
    if promise.label:
        matchers.append(f"{promise.label}={_quoted(promise.value)}")
    if promise.label != "model":
        if terms.config.slow_methods:
            matchers.append(f'method!~"{either(terms.config.slow_methods)}"')
        models = "method:gateway_model_requests:rate5m"
        if models in terms.served.recorded:
            rest = f" unless on {terms.by('method')} max_over_time({models}[1h]) > 0"
    family, level = (_BY_MODEL, "model") if promise.label == "model" else (_BY_METHOD, "method")
    total, fast = (
        f"sum by {by} ({level}:{family}_{part}:increase1h{f'{{{only}}}' if only else ''}{rest})"
        for part, only in (("count", ", ".join(matchers)), ("bucket", ", ".join([*matchers, within])))
    )
    return total, f"{total} - {fast}"


def _of_plan(terms: Terms, promise: Objective) -> str:
    """A join that keeps the keys of a plan."""
    return f"* on {terms.by_target('key')} group_left () key:gateway_key_info:unique{{plan={_quoted(promise.value)}}}"
