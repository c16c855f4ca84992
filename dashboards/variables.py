"""The drop-downs. Each narrows every query whose family has its label."""

from typing import Any

from grafanalib import core

from dashboards.grafana import DATASOURCE
from dashboards.metrics import Metrics
from dashboards.promql import RECORDED_VARIABLE, total, with_matcher
from exporter.config.served import ABSENT, Served

# A label without a value is absent, and `.*` matches that too: with `.+`, "All" would leave requests out.
ALL = ".*"
_CHANGES = core.REFRESH_ON_TIME_RANGE_CHANGE
_LABELS = {
    "key": "API key",
    "owner": "Owner",
    "plan": "Plan",
    "instance": "Exporter",
    "input": "Input",
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
_FIRST_KEY = '/key="([^"]+)"/'
# Values of a label, as they are.
_PLAIN = {
    "owner": ("gateway_key_info", "owner"),
    "plan": ("gateway_key_info", "plan"),
    "instance": ("gateway_exporter_build_info", "instance"),
    "input": ("gateway_exporter_lines_total", "input"),
    "model_type": ("gateway_model_info", "type"),
    "chain": ("gateway_calls_total", "chain"),
    "method": ("gateway_calls_total", "method"),
}
# Whether neither an owner nor a plan is chosen: then their patterns match what has no label. Keys that are not
# registered have neither.
_ALL = 'label_replace(vector(1), "all", "yes", "none", "{}")'
_UNCHOSEN = f"and on () ({_ALL.format('$owner$plan')} and on (all) {_ALL.format('')})"


# Seconds of range times series, from where on recorded hours answer: ten queries of so many read 70 million samples
# that were scraped every 15 s. In less than twelve hours, whole hours are too coarse.
_LONG = 100_000_000
_SHORTEST = 12 * 3600
# Of recorded hours a bar is an hour at least; of what was scraped, a minute.
_RAW, _HOURS = ("-", "1m"), (".*", "1h")


def variables(
    names: tuple[str, ...], served: Served, one_key: bool = False, covered: tuple[str, ...] | None = None
) -> list[core.Template]:
    """The data source, the scope, and the named variables; those whose families are not there are left out.

    With `one_key` the page is about one key, the busiest until another is chosen. With `covered` it reads recorded
    hours over long ranges, which can be narrowed by these.
    """
    source = core.Template("datasource", "prometheus", type="datasource", label="Data source")
    source._current = {"selected": True, "text": "default", "value": "default"}
    found = [source]
    found += [
        _query(name, name.capitalize(), f"label_values(gateway_requests_total, {name})") for name in served.record_scope
    ]
    for name in names:
        query = _busiest(served) if name == "key" and one_key else _values(name, names, served)
        if ABSENT in query:
            continue
        if name == "key" and one_key:
            found.append(_one(name, _LABELS[name], query, _REGEX[name]))
        else:
            # All models are those of the chosen type, all keys those of the chosen owner: their names, one by one.
            chained = {"model": "model_type", "key": "owner"}
            every = None if chained.get(name) in names else ALL
            title = _LABELS.get(name) or name.capitalize()
            found.append(_query(name, title, query, allValue=every, regex=_REGEX.get(name, "")))
    return found if covered is None else [*found, _recorded(names, covered, served)]


def _recorded(names: tuple[str, ...], covered: tuple[str, ...], served: Served) -> core.Template:
    """`.*` where recorded hours answer, else `-`; nobody sees it.

    They answer where raw series would read very much, where the rules missed no hour of the range nor of the time
    before it, and where nothing is chosen that the hours can't be narrowed by: those matchers fit no recorded series.
    """
    scoped = Metrics(served, ())
    fleet = scoped("fleet:gateway_requests:rate5m")
    hours, exporters = scoped("key:gateway_requests:increase1h"), scoped("gateway_exporter_build_info")
    raw = Metrics(served, names)("gateway_requests_total")
    no, yes = (
        f'label_replace(label_replace(vector(1), "use", "{use}", "", ""), "bar", "{bar}", "", "")'
        for use, bar in (_RAW, _HOURS)
    )
    if ABSENT in fleet + hours + exporters + raw:
        query = no
    else:
        unchosen = [f'{name}=~"${name}"' for name in names if name not in (*covered, "owner", "plan", "model_type")]
        for name in unchosen:
            fleet = with_matcher(fleet, name)
        conditions = [
            f"vector($__range_s) >= {_SHORTEST}",
            f"count({raw}) * $__range_s > {_LONG}",
            total(f"last_over_time({fleet}[1d])"),
        ]
        for at in ("", " offset $__range"):
            seen, there = (
                f"(count_over_time(count({series})[$__range:1h]{at}) or vector(0))" for series in (hours, exporters)
            )
            conditions.append(f"{seen} >= {there} - 1")
        query = " and on () ".join([yes, *(f"({condition})" for condition in conditions)]) + f" or on () {no}"
    asked = {"query": f"query_result({query})", "refId": f"variable-{RECORDED_VARIABLE}"}
    template = core.Template(
        RECORDED_VARIABLE,
        asked,
        dataSource=DATASOURCE,
        refresh=_CHANGES,
        regex='/bar="(?<text>[^"]+)".*use="(?<value>[^"]+)"/',
        hide=core.HIDE_VARIABLE,
    )
    template._current = dict(zip(("value", "text"), _RAW, strict=True))
    return template


def largest_keys(most: int = 5, /, **rankings: str) -> list[core.Template]:
    """For each name the largest keys of a ranking, as one pattern.

    So panels read these few alone, and the ranking of all keys is asked for once.
    """
    return [keys_of(name, f"topk({most}, {ranking})") for name, ranking in rankings.items() if ABSENT not in ranking]


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
    narrowed = Metrics(served, names[: names.index(name)])
    if name in served.declared:
        return _declared(name, served)
    if name in ("owner", "plan") and ABSENT in _names(narrowed):
        return ABSENT
    if name in _PLAIN:
        family, label = _PLAIN[name]
        return f"label_values({narrowed(family, by=label)}, {label})"
    if name == "key":
        return f"query_result({_keys(Metrics(served, ()), 'owner' in names)})"
    if name == "model":
        return f"query_result(group by (model) ({_models(Metrics(served, ()), narrowed, 'model_type' in names)}))"
    # Where no attempts are logged, the answers still say who gave them.
    asked = [narrowed(f"gateway_{family}_total", by=name) for family in ("model_requests", "upstream_attempts")]
    groups = [f"group by (provider) ({selector})" for selector in asked if selector != ABSENT]
    return f"query_result({' or '.join(groups) or ABSENT})"


def _declared(name: str, served: Served) -> str:
    """The values of a declared label; narrowed by keys alone, so that no drop-down depends on itself."""
    family = next(family for family, has in served.families.items() if name in has.labels)
    values = Metrics(served, ())(family, 'key=~"$key"', by=name)
    return f"label_values({values}, {name})"


def _keys(m: Metrics, owned: bool) -> str:
    requests = f"group by (key) ({m('gateway_requests_total', by='key')})"
    if ABSENT in _names(m):
        return requests
    if not owned:
        return f"{_names(m)} or on (key) {requests}"
    chosen = _names(m, 'owner=~"$owner"', 'plan=~"$plan"')
    requests = f"group by (key) ({_in_range(m, 'gateway_requests_total', 'key:gateway_requests', 'key')})"
    return f"{chosen} or on (key) ({requests} unless on (key) {_names(m)} {_UNCHOSEN})"


def _models(scoped: Metrics, narrowed: Metrics, typed: bool) -> str:
    models = "gateway_model_requests_total"
    if not typed:
        return narrowed(models, by="model")
    used = _in_range(narrowed, models, "key_model:gateway_model_requests", "model")
    infos, chosen = scoped("gateway_model_info"), scoped("gateway_model_info", 'type=~"$model_type"')
    # Models whose type is not known stay in, whatever type is chosen.
    return f"{used} unless on (model) ({infos} unless {chosen})"


def _in_range(m: Metrics, counter: str, recorded: str, label: str) -> str:
    """What is counted now or, as the rules recorded it, was in the chosen time: where "All" is a list of names, those
    that are left out are missing from every sum of the page.
    """
    now, hours = m(counter, by=label), m(f"{recorded}:increase1h", by=label)
    return now if ABSENT in hours else f"({now} or last_over_time({hours}[$__range:1h]))"


def _names(m: Metrics, *matchers: str) -> str:
    """Each key with its name, owner and plan as one name: typing an owner into the drop-down finds the owner's keys."""
    info = m.info("name", "owner", "plan", matchers=matchers, lately=True)
    joined = f'label_join({info}, "name", " · ", "name", "owner", "plan")'
    return f'label_replace({joined}, "name", "$1", "name", "(.*?)(?: · )+")'


def _busiest(served: Served) -> str:
    """Keys by their requests of the last minutes; those that are none come last.

    Requests are counted where they are timed, if they are: of those series there is one for each key.
    """
    m = Metrics(served, ())
    requests, timed = "gateway_requests_total", "gateway_key_request_duration_seconds_count"
    busy = requests if ABSENT in m(timed, by="key") else timed
    registered = m(busy, 'key!~"unknown|other"', by="key")
    ours = f"sum by (key) (rate({registered}[10m]))"
    every = f"{ours} or on (key) 0 * group by (key) ({m(requests, by='key')})"
    if ABSENT not in _names(m):
        every = f"{ours} * on (key) group_left (name) {_names(m)} or on (key) 0 * {_names(m)} or on (key) {every}"
    return f"query_result(sort_desc({every}))"


def _one(name: str, label: str, query: str, regex: str) -> core.Template:
    """A list of values, one of which is chosen: the first, until somebody chooses."""
    asked = {"query": query, "refId": f"variable-{name}"}
    template = core.Template(name, asked, label=label, dataSource=DATASOURCE, refresh=_CHANGES, regex=regex, sort=0)
    template._current = {}
    return template


def keys_of(name: str, query: str) -> core.Template:
    """The keys that a query finds; nobody sees it."""
    return _query(name, "", f"query_result({query})", allValue=None, regex=_FIRST_KEY, hide=core.HIDE_VARIABLE)


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
