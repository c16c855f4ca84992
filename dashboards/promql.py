"""Queries over what there is.

A query over a family or a label that is not there is `ABSENT`, and so is every query made of it: no panel asks for
its parts one by one, and `board.py` leaves out the panels that have nothing to ask.
"""

import re
from collections.abc import Callable

from exporter.config.served import ABSENT, Served, or_zero

# What has no labels of inputs: keys, limits, models as they are, and the exporter.
NOT_OF_RECORDS = (
    *("gateway_key_info", "gateway_key_enabled", "gateway_key_created", "gateway_key_expires", "gateway_key_last_used"),
    *("gateway_limit", "gateway_model_info", "gateway_exporter_"),
)

# Seconds: finer durations are noise, and 999.99 µs is a millisecond.
_FINEST = 0.0001
# The variable `recorded` is `.*` where recorded series are to answer, and `-` where raw series are: the matcher that
# fits nothing costs nothing. No job is called `-`, and recorded series have none. Its text is the shortest bar: whole
# hours have to fit.
RECORDED_VARIABLE = "recorded"
RECORDED = f'job=~"${RECORDED_VARIABLE}"'
NOT_RECORDED = f'job!~"${RECORDED_VARIABLE}"'
SHORTEST_BAR = f"${{{RECORDED_VARIABLE}:text}}"
# Bars of recorded hours are asked so.
BARS_OF_HOURS = "[$__interval:1h]"
# As many hours as the range has: without it, a range that ends at a full hour has both its ends in Prometheus 2.
_WHOLE = "offset -500ms"
_HOURS = re.compile(r"(\w+:\w+:increase1h\{[^}]*\})(\[\$__range:1h\][^)]*" + _WHOLE + ")")
# Bars begin at whole steps, as Grafana asks for them, the last one before now: this is the end of the last one, of any
# width, and of a day's.
LAST_BAR = "@ end() offset -$__interval"
TODAY = "@ end() offset -1d"
# What is left of a difference of equal sums.
_NOTHING = 0.000001


class Metrics:
    """Selectors and the usual shapes over them, narrowed by a dashboard's variables.

    A selector has a matcher for every variable whose label its family has, so that a filter never empties a panel
    that knows nothing of it. `by` and `on` are labels, separated by blanks.
    """

    def __init__(self, served: Served, variables: tuple[str, ...], covered: tuple[str, ...] | None = None) -> None:
        """With `covered`, long ranges are read of recorded series that have at least these variables' labels.

        Counts of the chosen time, of bars and of days are then those of whole recorded hours, and rates those of five
        minutes or, where these are not recorded, of the last hour. The variable `recorded` decides: it is a pattern
        that either the raw or the recorded series fit.
        """
        self._served = served
        self._covered = covered
        declared = served.declared if "key" in variables else ()
        self._variables = (*variables, *declared, *served.record_scope)

    def __call__(self, name: str, *matchers: str, by: str = "") -> str:
        """A selector of a family or a recorded series; `matchers` go before a variable of the same label."""
        labels = self._labels(name)
        if labels is not None and ":" not in name:
            labels = (*labels, "instance")
        matched = [re.split(r"\W", matcher, maxsplit=1)[0] for matcher in matchers]
        if labels is None or not {*matched, *by.split()} <= {*labels, "le", "instance", "job"}:
            return ABSENT
        narrowed = [f'{label}=~"${label}"' for label in self._variables if label in labels and label not in matched]
        every = ",".join([*matchers, *narrowed])
        return f"{name}{{{every}}}" if every else name

    def rate(self, name: str, *matchers: str, by: str = "", over: str = "$__rate_interval") -> str:
        """A counter's increase a second."""
        if over == "$__range" and self._recorded("increase1h", name, matchers, by):
            return f"({self.count(name, *matchers, by=by)} / $__range_s)"
        raw = self(name, *matchers, by=by)
        # A sample for each key and minute would be too many.
        kinds = (("increase1h", " / 3600"),) if "key" in by.split() else (("rate5m", ""), ("increase1h", " / 3600"))
        for kind, seconds in kinds:
            recorded = self._recorded(kind, name, matchers, by)
            if recorded:
                asked = total(f"rate({with_matcher(raw, NOT_RECORDED)}[{over}])", by)
                return f"({asked} or {total(f'avg_over_time({recorded}[{over}])', by)}{seconds})"
        return total(f"rate({raw}[{over}])", by)

    def count(
        self,
        name: str,
        *matchers: str,
        by: str = "",
        over: str = "$__range",
        at: str = "",
        recorded_by: str = "",
    ) -> str:
        """A counter's increase over a time: the chosen one, a bar's, hours; `at` is `@ end()`, an offset, or both.

        `recorded_by` are the labels that recorded hours are summed by, where these have not all.
        """
        raw, recorded_by = self(name, *matchers, by=by), recorded_by or by
        hours = self._recorded("increase1h", name, matchers, recorded_by)
        asked = total(f"increase({with_matcher(raw, NOT_RECORDED) if hours else raw}[{over}]{at and f' {at}'})", by)
        if not hours:
            return asked
        # A subquery has one offset; another is its selector's.
        end, shift = ("@ end()" if "@ end()" in at else ""), at.removeprefix("@ end()").strip()
        shifted = f"({hours} {shift})" if shift else hours
        within = f"[{over}:1h] {end} {_WHOLE}" if end else f"[{over}:1h] {_WHOLE}"
        return f"({asked} or {total(f'sum_over_time({shifted}{within})', recorded_by)})"

    def hours(self, name: str, *matchers: str, by: str = "", hours: int, at: str = "") -> str:
        """The sum of a recorded `…:increase1h` over whole hours.

        A minute less than the hours, because Prometheus 2 counts both ends of a range and Prometheus 3 one. What began
        within this hour counts from its beginning, unless there is an `at`.
        """
        hourly = self(f"{name}:increase1h", *matchers, by=by)
        if at:
            return total(f"sum_over_time({hourly}[{hours * 60 - 1}m:1h] {at})", by)
        return total(f"sum_over_time({hourly}[{hours * 60 - 1}m:1h]) or {hourly}", by)

    def smallest(self, name: str) -> str:
        """What is recorded of the hours by method, as there are more keys; by key where there are no methods."""
        return f"method:{name}" if ABSENT not in self(f"method:{name}:increase1h") else f"key:{name}"

    def usual_hour(self, name: str, by: str) -> str:
        """The average of the last seven days' hours of a recorded `…:increase1h`, of as many as there are, without the
        last one.
        """
        hourly, fleet = self(f"{name}:increase1h", by=by), self("fleet:gateway_requests:rate5m")
        week = f"[{7 * 24 * 60 - 1}m:1h] offset 1h"
        there = f"count_over_time({total(hourly if ABSENT in fleet else fleet)}{week})"
        return f"{total(f'sum_over_time({hourly}{week})', by)} / on () group_left () {there}"

    def quantile(self, quantile: float, name: str, by: str = "", over: str = "$__rate_interval") -> str:
        """A quantile of a histogram."""
        buckets = self.rate(f"{name}_bucket", by=f"le {by}".strip(), over=over)
        found = f"(histogram_quantile({quantile}, {buckets}) >= 0)"  # without requests it is NaN
        return f"round({found}, {_FINEST})" if over == "$__range" else found

    def mean(self, name: str, by: str = "", over: str = "$__rate_interval") -> str:
        """The average of a histogram's observations; nothing where there were none."""
        found = f"{self.rate(f'{name}_sum', by=by, over=over)} / ({self.rate(f'{name}_count', by=by, over=over)} > 0)"
        return f"round({found}, {_FINEST})" if over == "$__range" else found

    def success(self, by: str = "", over: str = "$__rate_interval") -> str:
        """Share of requests that did not fail."""
        return success(
            self.rate("gateway_errors_total", by=by, over=over), self.rate("gateway_requests_total", by=by, over=over)
        )

    def info(self, *labels: str, matchers: tuple[str, ...] = (), lately: bool = False) -> str:
        """What is known of keys: 1 for each key, with more labels; safe to join with while exporters disagree.

        As of the end of the range, so that a key's name does not come and go with its exporter. With `lately`, keys of
        the last hour too, and then 2 for what is known now: while no exporter answers, people still choose keys.
        """
        by = ("key", *labels)
        selector = self("gateway_key_info", *matchers, by=" ".join(by))
        known = f"{selector} @ end()"
        if lately:
            known = f"2 * {known} or last_over_time({selector}[1h] @ end())"
        return f"topk by (key) (1, max by ({', '.join(by)}) ({known}))"

    def named(self, query: str) -> str:
        """A query by key, with the name of each key joined to it; of a key without one, the key itself."""
        info = self.info("name", "owner")
        nameless = f'label_replace({query}, "name", "$1", "key", "(.+)")'
        if ABSENT in info:
            return nameless
        return f"({query}) * on (key) group_left (name, owner) {info} or on (key) {nameless}"

    def _recorded(self, kind: str, name: str, matchers: tuple[str, ...], by: str) -> str:
        """The smallest recorded series of a counter that have all labels which are asked for; "" without any."""
        labels = self._labels(name)
        if self._covered is None or labels is None:
            return ""
        if kind == "increase1h" and name.endswith("_seconds_count"):
            name, matchers = name.replace("_count", "_bucket"), (*matchers, 'le="+Inf"')
        asked = {re.split(r"\W", matcher, maxsplit=1)[0] for matcher in matchers} | {*by.split()}
        asked |= {*self._covered} & {*labels}
        ending = f":{name.removesuffix('_total')}:{kind}"
        found = {series: self._labels(series) or () for series in self._served.recorded if series.endswith(ending)}
        fit = [series for series, has in found.items() if asked <= {*has}]
        smallest = min(fit, key=lambda series: ("key" in found[series], len(found[series])), default="")
        return smallest and with_matcher(self(smallest, *matchers, by=by), RECORDED)

    def _labels(self, name: str) -> tuple[str, ...] | None:
        """The labels of a series, those of the scope among them; None where it is not there."""
        labels = self._served.labels(name)
        if labels is None:
            return None
        counted = not (name.split(":")[1] if ":" in name else name).startswith(NOT_OF_RECORDS)
        return (*labels, *(self._served.record_scope if counted else self._served.target_scope))


def before(query: str) -> str:
    """The same over the time just before the chosen one."""
    query = _HOURS.sub(r"(\1 offset $__range)\2", query)
    return query.replace("[$__range]", "[$__range] offset $__range")


def with_matcher(selector: str, matcher: str) -> str:
    """The selector with one more matcher."""
    return f"{selector[:-1]},{matcher}}}" if selector.endswith("}") else f"{selector}{{{matcher}}}"


def total(query: str, by: str = "") -> str:
    """The sum, by labels."""
    return f"sum by ({', '.join(by.split())}) ({query})" if by else f"sum({query})"


def success(errors: str, requests: str) -> str:
    """Share of requests that did not fail; 1 where none did, nothing where there were no requests."""
    return f"1 - ({or_zero(errors, requests)}) / (({requests}) > 0)"


def five(query: str, ranking: str, label: str, named: Callable[[str], str] = str) -> dict[str, str | tuple[str, str]]:
    """A graph's five largest series, the same ones all along; the fifth apart, as `panels.py` colours it.

    `named` joins names to these few.
    """
    fifth = f"(topk(5, {ranking}) unless topk(4, {ranking}))"
    first, last = (named(f"(({query}) and on ({label}) {top})") for top in (f"topk(4, {ranking})", fifth))
    return {f"{{{{{label}}}}}": (first, last)}


def leaders(
    query: str, ranking: str, label: str, named: Callable[[str], str] = str
) -> dict[str, str | tuple[str, str]]:
    """The five largest, and `others`, so that the sum is the whole."""
    rest = f"sum({query}) - (sum(({query}) and on ({label}) topk(5, {ranking})) or vector(0))"
    return {**five(query, ranking, label, named), "others": f"round({rest}, {_NOTHING:f}) > 0"}


def largest(query: str, label: str, most: int = 5) -> str:
    """The largest now, and `others`."""
    top = f"topk({most}, {query})"
    return f'{top} or label_replace(sum({query}) - sum({top}) > {_NOTHING}, "{label}", "others", "", "")'
