"""Queries over what a config's exporter serves, narrowed by a dashboard's variables."""

import re

from dashboards.promql import NOT_RECORDED, RECORDED, WHOLE, success, total, with_matcher
from exporter.config.served import ABSENT, Served

# What has no labels of inputs: keys, limits, models as they are, and the exporter.
NOT_OF_RECORDS = (
    *("gateway_key_info", "gateway_key_enabled", "gateway_key_created", "gateway_key_expires", "gateway_key_last_used"),
    *("gateway_limit", "gateway_model_info", "gateway_exporter_"),
)

# Seconds: finer durations are noise, and 999.99 µs is a millisecond.
_FINEST = 0.0001


class Metrics:
    """Selectors and the usual shapes over them, narrowed by a dashboard's variables.

    A selector has a matcher for every variable whose label its family has, so that a filter never empties a panel
    that knows nothing of it. `by` and `on` are labels, separated by blanks.
    """

    def __init__(
        self,
        served: Served,
        variables: tuple[str, ...],
        covered: tuple[str, ...] | None = None,
        one_key: bool = False,
    ) -> None:
        """With `covered`, long ranges are read of recorded series that have at least these variables' labels.

        Counts of the chosen time, of bars and of days are then those of whole recorded hours, and rates those of five
        minutes or, where these are not recorded, of the last hour. The variable `recorded` decides: it is a pattern
        that either the raw or the recorded series fit. With `one_key` a key is always chosen.
        """
        self._served = served
        self._covered = covered
        self._one_key = one_key
        declared = served.declared if "key" in variables else ()
        self._variables = (*variables, *declared, *served.record_scope)

    def __call__(self, name: str, *matchers: str, by: str = "") -> str:
        """A selector of a family or a recorded series; `matchers` go before a variable of the same label."""
        labels = self._labels(name)
        if labels is not None and ":" not in name:
            labels = (*labels, "instance")
        matched = labels_asked(matchers, "")
        if labels is None or not matched | {*by.split()} <= {*labels, "le", "instance", "job"}:
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
                asked = [total(f"rate({with_matcher(raw, NOT_RECORDED)}[{over}])", by)]
                asked += [f"{total(f'avg_over_time({each}[{over}])', by)}{seconds}" for each in recorded]
                return f"({' or '.join(asked)})"
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
        within = f"[{over}:1h] {end} {WHOLE}" if end else f"[{over}:1h] {WHOLE}"
        shifted = [f"({each} {shift})" if shift else each for each in hours]
        summed = [total(f"sum_over_time({each}{within})", recorded_by) for each in shifted]
        return f"({' or '.join([asked, *summed])})"

    def ranking(self, name: str, *matchers: str, by: str) -> str:
        """What puts series in nearly the order of their counts over the chosen time, for half of what these cost.

        Hours that are recorded every few minutes overlap: the values are not to be shown.
        """
        raw, hours = self(name, *matchers, by=by), self._recorded("increase1h", name, matchers, by)
        asked = [total(f"increase({with_matcher(raw, NOT_RECORDED) if hours else raw}[$__range])", by)]
        asked += [total(f"sum_over_time({each}[$__range])", by) for each in hours]
        return f"({' or '.join(asked)})" if hours else asked[0]

    def hours(self, name: str, *matchers: str, by: str = "", hours: int, at: str = "") -> str:
        """The sum of a recorded `…:increase1h` over whole hours.

        A minute less than the hours, because Prometheus 2 counts both ends of a range and Prometheus 3 one. What began
        within this hour counts from its beginning, unless there is an `at`.
        """
        within = f"[{hours * 60 - 1}m:1h]{at and f' {at}'}"
        summed = [
            total(f"sum_over_time({each}{within})" + ("" if at else f" or {each}"), by)
            for each in self.levels(f"{name}:increase1h", *matchers, by=by)
        ]
        return f"({' or '.join(summed)})" if len(summed) > 1 else summed[0]

    def levels(self, name: str, *matchers: str, by: str = "") -> list[str]:
        """Selectors of a recorded series, one of which has what is asked for, and the others nothing.

        A smaller series answers where "All" is chosen of every label that it lacks: then these fit no label at all,
        and recorded series have no job.
        """
        whole, asked = self(name, *matchers, by=by), labels_asked(matchers, by)
        smaller, lacking = self._smaller(name, asked)
        if not lacking or (self._one_key and "key" in lacking):
            return [whole]
        lacked = "".join(f"${label}" for label in lacking)
        return [
            with_matcher(self(smaller, *matchers, by=by), f'job=~"{lacked}"'),
            with_matcher(whole, f'job!~"{lacked}"'),
        ]

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

    def success(self, *matchers: str, by: str = "") -> str:
        """Share of requests that did not fail."""
        errors, requests = (self.rate(f"gateway_{what}_total", *matchers, by=by) for what in ("errors", "requests"))
        return success(errors, requests)

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

    def named_few(self, query: str, few: str) -> str:
        """Of a query by key the `few` keys, with their names. Here `query` is read once: `few` knows the keys that
        have no name, and is cheap where it is the same all along (`@ end()`).
        """
        nameless = f'label_replace(group by (key) ({few}), "name", "$1", "key", "(.+)")'
        info = self.info("name", "owner")
        known = nameless if ABSENT in info else f"({info} and on (key) {few} or on (key) {nameless})"
        return f"({query}) * on (key) group_left (name, owner) {known}"

    def _recorded(self, kind: str, name: str, matchers: tuple[str, ...], by: str) -> list[str]:
        """Selectors of the smallest recorded series of a counter that have all labels which are asked for, if any."""
        labels = self._labels(name)
        if self._covered is None or labels is None:
            return []
        if kind == "increase1h" and name.endswith("_seconds_count"):
            name, matchers = name.replace("_count", "_bucket"), (*matchers, 'le="+Inf"')
        asked = labels_asked(matchers, by) | {*self._covered} & {*labels}
        smallest = self._smallest(self._recorded_like(f":{name.removesuffix('_total')}:{kind}", asked))
        levels = self.levels(smallest, *matchers, by=by) if smallest else []
        return [with_matcher(selector, RECORDED) for selector in levels]

    def _recorded_like(self, ending: str, asked: set[str]) -> list[str]:
        """Recorded series of all levels that have these labels."""
        named = [series for series in self._served.recorded if series.endswith(ending)]
        return [series for series in named if asked <= {*(self._labels(series) or ())}]

    def _smaller(self, name: str, asked: set[str]) -> tuple[str, list[str]]:
        """The smallest series that a recorded one can be summed up to, and the variables that can't narrow it."""
        has = {*(self._labels(name) or ())}
        fit = self._recorded_like(name[name.index(":") :], asked)
        smaller = self._smallest([series for series in fit if {*(self._labels(series) or ())} < has])
        kept = asked | {*(self._labels(smaller) or ())}
        return smaller, [label for label in self._variables if smaller and label in has - kept]

    def _smallest(self, recorded: list[str]) -> str:
        """The name of those that has the fewest series; "" of none."""
        has = {series: self._labels(series) or () for series in recorded}
        return min(has, key=lambda series: ("key" in has[series], len(has[series])), default="")

    def _labels(self, name: str) -> tuple[str, ...] | None:
        """The labels of a series, those of the scope among them; None where it is not there."""
        labels = self._served.labels(name)
        if labels is None:
            return None
        counted = not (name.split(":")[1] if ":" in name else name).startswith(NOT_OF_RECORDS)
        return (*labels, *(self._served.record_scope if counted else self._served.target_scope))


def labels_asked(matchers: tuple[str, ...], by: str) -> set[str]:
    """The labels that a query needs."""
    return {re.split(r"\W", matcher, maxsplit=1)[0] for matcher in matchers} | {*by.split()}
