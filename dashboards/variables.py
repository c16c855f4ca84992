"""The drop-downs. Each narrows every query whose family has its label."""

from typing import Any

from grafanalib import core

from dashboards.grafana import DATASOURCE
from dashboards.promql import Metrics
from exporter.config.served import ABSENT, Served

# A label without a value is absent, and `.*` matches that too: with `.+`, "All" would leave requests out.
ALL = ".*"
_CHANGES = core.REFRESH_ON_TIME_RANGE_CHANGE
_LABELS = {
    "key": "API key",
    "chain": "Chain",
    "method": "Method",
    "model_type": "Model type",
    "model": "Model",
    "provider": "Provider",
}
# What is taken of each series: of a key its name where it has one, {key="k_1",name="Acme"} → Acme.
_REGEX = {
    "key": '/key="(?<value>[^"]+)"(?:.*name="(?<text>[^"]+)")?/',
    "model": '/model="([^"]+)"/',
    "provider": '/provider="([^"]+)"/',
}


def variables(names: tuple[str, ...], served: Served) -> list[core.Template]:
    """The data source, the scope, and the named variables; those whose families are not there are left out."""
    source = core.Template("datasource", "prometheus", type="datasource", label="Data source")
    source._current = {"selected": True, "text": "default", "value": "default"}
    found = [source]
    found += [
        _query(name, name.capitalize(), f"label_values({Metrics(served, ())('gateway_requests_total')}, {name})")
        for name in served.record_scope
    ]
    for name in names:
        query = _values(name, names, served)
        if ABSENT not in query:
            # All models are those of the chosen type: their names, one by one.
            every = None if name == "model" and "model_type" in names else ALL
            found.append(_query(name, _LABELS[name], query, allValue=every, regex=_REGEX.get(name, "")))
    return found


def custom(name: str, label: str, options: dict[str, str]) -> core.Template:
    """A choice among words, each standing for a text in queries."""
    found = [{"text": text, "value": value, "selected": not n} for n, (text, value) in enumerate(options.items())]
    query = ", ".join(f"{text} : {value}" for text, value in options.items())
    return core.Template(name, query, type="custom", label=label, options=found)


def textbox(name: str, label: str, value: str) -> core.Template:
    """A number that the reader types."""
    template = core.Template(name, value, type="textbox", label=label)
    template._current = {"selected": True, "text": value, "value": value}
    template.options = [{"text": value, "value": value, "selected": True}]
    return template


def _values(name: str, names: tuple[str, ...], served: Served) -> str:
    """The query for a variable's values; those of the variables before it narrow it."""
    scoped, narrowed = Metrics(served, ()), Metrics(served, names[: names.index(name)])
    if name == "key":
        infos = f"group by (key, name) ({scoped('gateway_key_info', by='key name')})"
        return f"query_result({infos} or on (key) group by (key) ({scoped('gateway_requests_total', by='key')}))"
    if name == "model_type":
        return f"label_values({scoped('gateway_model_info', by='type')}, type)"
    if name == "model":
        used = narrowed("gateway_model_requests_total", by="model")
        if "model_type" not in names:
            return f"query_result(group by (model) ({used}))"
        infos, typed = scoped("gateway_model_info"), scoped("gateway_model_info", 'type=~"$model_type"')
        # Models whose type is not known stay in, whatever type is chosen.
        return f"query_result(group by (model) ({used} unless on (model) ({infos} unless {typed})))"
    if name == "provider":
        # Where no attempts are logged, the answers still say who gave them.
        asked = [narrowed(f"gateway_{one}_total", by=name) for one in ("model_requests", "upstream_attempts")]
        groups = [f"group by (provider) ({one})" for one in asked if one != ABSENT]
        return f"query_result({' or '.join(groups) or ABSENT})"
    return f"label_values({narrowed('gateway_calls_total', by=name)}, {name})"


def _query(name: str, label: str, query: str, **more: Any) -> core.Template:
    """A list of values, several of which can be chosen."""
    template = core.Template(
        name,
        {"query": query, "refId": f"variable-{name}"},
        label=label,
        dataSource=DATASOURCE,
        multi=True,
        includeAll=True,
        refresh=_CHANGES,
        **({"allValue": ALL} | more),
    )
    template._current = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return template
