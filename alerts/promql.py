"""What rules need of PromQL again and again: scopes, and rates that a catching-up exporter can't spoil."""

import re
from collections.abc import Iterable

from msgspec import Struct

from exporter.config.alerts import AlertsConfig
from exporter.config.served import ABSENT, Served, family_of
from exporter.durations import duration, seconds
from exporter.model.catalog import CATALOG
from exporter.model.recorded import RECORDED

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_NAME = re.compile(r"(?:\w+:)?gateway_\w+(?::\w+)?")

# Records may be counted so much later than they were logged, before their exporter is taken to be catching up.
_LATE_SECONDS = 60
_OLDEST = "gateway_exporter_oldest_record_timestamp_seconds"
# The oldest record is that of so many minutes, so a longer range needs less of it.
_OLDEST_MINUTES = 5

# The last values of exporters that are away are kept for so long: 15 minutes, and what it takes to be back.
AWAY = "20m"
_KEPT = "25m"


class Terms(Struct, frozen=True):
    """What all rules are made of.

    Labels that an input adds are on the families of records only, not on those of keys, limits and the exporter.
    """

    served: Served

    @property
    def config(self) -> AlertsConfig:
        """The thresholds."""
        return self.served.alerts

    @property
    def interval(self) -> int:
        """How often rules are evaluated, in seconds."""
        return int(seconds(self.config.interval))

    def missing(self, expression: str) -> str:
        """What an expression asks for and is neither served nor recorded, in words; "" if all of it is."""
        families = self.served.families
        named = _NAME.findall(_STRING.sub("", expression))
        lost = ({*RECORDED, *CATALOG} - {*self.served.recorded, *families}) & {*named, *map(family_of, named)}
        of = {name: [name] if name in CATALOG else [family for family, _ in RECORDED[name].of] for name in lost}
        off = sorted({family for names in of.values() for family in names if family not in families})
        return ", ".join(off) or ("a label that is off" if lost or ABSENT in expression else "")

    def is_served(self, expression: str) -> bool:
        """Whether all that an expression asks for is served or recorded."""
        return not self.missing(expression)

    def has(self, name: str, *labels: str) -> bool:
        """Whether a family or a recorded series is there, with these labels."""
        found = self.served.labels(name)
        return found is not None and {*labels} <= {*found}

    def selector(self, series: str, *labels: str) -> str:
        """A selector whose family has these labels, and those that it selects by; else ABSENT."""
        name, _, matchers = series.partition("{")
        has = self.served.labels(name)
        needed = {*labels, *_MATCHER.findall(_STRING.sub("", matchers))}
        return series if has is not None and needed <= {*has, "le"} else ABSENT

    def by(self, *labels: str) -> str:
        """`(key, gateway)`: labels with the scope of records, for `by` and `on`."""
        return f"({', '.join((*labels, *self.served.record_scope))})"

    def by_target(self, *labels: str) -> str:
        """The same with the scope of keys, limits and the exporter."""
        return f"({', '.join((*labels, *self.served.target_scope))})"

    def now(self, function: str, series: str, window: str, *labels: str, unless: str = "") -> str:
        """`rate` or `increase` of a counter summed by labels, without exporters that caught up in that time.

        `unless` is what else takes series out.
        """
        without = [f"on (job, instance) {self.caught_up(window, 'job', 'instance')}", *([unless] if unless else [])]
        return "\n".join(
            (
                f"sum by {self.by(*labels)} (",
                f"  {function}({self.selector(series, *labels)}[{window}])",
                *(f"  unless {guard}" for guard in without),
                ")",
            )
        )

    @property
    def up(self) -> str:
        """Whether each exporter answered its last scrape."""
        return f'up{{job="{self.config.job}"}}'

    def caught_up(self, window: str, *labels: str) -> str:
        """Exporters, by labels, that counted within a time what had been logged before it.

        One that is down shows nothing, while its counters are in ranges still: what it showed last counts.
        """
        back = round(seconds(window) / 60) - _OLDEST_MINUTES
        shown = f"min_over_time({_OLDEST}[{back}m])" if back else _OLDEST
        last = f"last_over_time({_OLDEST}[{window}]) unless on (job, instance) {self.up} == 1"
        by, late = ", ".join(labels), f"time() - {round(seconds(window)) + _LATE_SECONDS}"
        return f"(min by ({by}) ({shown}) < {late} or min by ({by}) ({last}) < {late})"

    def kept(self, series: str) -> str:
        """A recorded series; while an exporter is away, what it was last."""
        away = f"on {self.by_target()} fleet:gateway_exporter_away:count > 0"
        return f"({series} or last_over_time({series}[{_KEPT}]) and {away})"

    def kept_over(self, counted: str) -> str:
        """What was counted over a time; while an exporter is away, and its minutes are missing, the most that it was
        lately.
        """
        away = f"on {self.by_target()} fleet:gateway_exporter_away:count > 0"
        lately = f"max_over_time(({counted})[{_KEPT}:{self.interval}s])"
        return f"(({counted}) unless {away} or {lately} and {away})"

    def last(self, series: str) -> str:
        """What an exporter shows, or has shown where it is away."""
        return f"last_over_time({series}[{AWAY}])"

    def over(self, series: str, window: str) -> str:
        """What a recorded `…:rate5m` comes to over a time.

        Half an interval less, because Prometheus 2 counts what stands at both ends of a range, and Prometheus 3 does
        at one.
        """
        return f"sum_over_time({series}[{self.within(window)}]) * {self.interval}"

    def within(self, window: str) -> str:
        """A range that holds as many recorded samples in Prometheus 2 as in 3: half an interval less than a window."""
        return duration(seconds(window) - self.interval / 2)

    def abnormal(self, series: str, floor: float, *labels: str) -> str:
        """The last hour by labels, `key` among them: over the floor, and over the same hour in each of the last weeks.

        A key that was known a week ago and did nothing then had 0; one that is new has nothing to compare with.
        An hour in which an exporter caught up has no value.
        """
        anomalies = self.config.anomalies
        assert anomalies is not None
        total = f"sum by {self.by(*labels)} ({series}"
        known = "key:gateway_key_last_used_timestamp_seconds:max offset 7d"
        hours = [f"{total} offset {7 * week}d)" for week in range(1, anomalies.weeks + 1)]
        hours.append(f"0 * {total}) and on {self.by_target('key')} {known}")
        weeks = "\n  or ".join(f'label_replace({hour}, "week", "{n}", "", "")' for n, hour in enumerate(hours))
        return (
            f"{total}) > {floor:g}\n"
            f"and {total}) > {anomalies.factor:g} * max by {self.by(*labels)} (\n  {weeks}\n)\n"
            f"unless on {self.by_target()} {self.caught_up('1h', *self.served.target_scope)}"
        )

    def with_owner(self, expression: str) -> str:
        """A condition on keys, with the name and the owner of each. Keys that nobody knows have none, and drop out."""
        return f"({expression})\n* on {self.by_target('key')} group_left (name, owner) key:gateway_key_info:unique"


def escaped(text: str) -> str:
    """A text inside the quotes of PromQL, and of Alertmanager's matchers."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def either(values: Iterable[str]) -> str:
    """Patterns, in which `*` is any text, as one regular expression inside a quoted string of PromQL."""
    return "|".join(".*".join(escaped(re.escape(part)) for part in value.split("*")) for value in values)


def bound(value: float) -> str:
    """A matcher's pattern for a bucket's bound: Prometheus 3 writes `1.0` where others write `1`."""
    return rf"{value:.0f}([.]0)?" if value == int(value) else f"{value:g}".replace(".", "[.]")
