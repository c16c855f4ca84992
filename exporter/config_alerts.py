"""The config's `alerts` section: thresholds and objectives.

Defaults stand here and nowhere else. A threshold that is null switches its alert off.
"""

import re

from msgspec import field

from exporter.catalog import CATALOG
from exporter.config_notify import Notify, check_url
from exporter.durations import seconds
from exporter.recorded import RECORDED
from exporter.yamlfile import Part

# Burn rates of an error budget: severity, long window, short window, factor, how long it must last.
# Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs", table 5-8, and a fourth for what creeps.
BURN_RATES = (
    ("critical", "1h", "5m", 14.4, "2m"),
    ("critical", "6h", "30m", 6, "15m"),
    ("warning", "1d", "2h", 3, "1h"),
    ("warning", "3d", "6h", 1, "3h"),
)
_HIGHEST_FACTOR = max(factor for *_, factor, _ in BURN_RATES)

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OWN_LABELS = {"alertname", "severity", "component", "category", "range", "le", "quantile"}
_OWN_LABELS |= {label for family in CATALOG.values() for label in family.labels}
_OWN_LABELS |= {label for recorded in RECORDED.values() for label in recorded.labels}


def _ratio(name: str, value: float | None) -> None:
    if value is not None and not 0 < value < 1:
        raise ValueError(f"{name} is a share between 0 and 1, such as 0.95, not {value:g}")


def _positive(name: str, value: float | None) -> None:
    if value is not None and value <= 0:
        raise ValueError(f"{name} must be more than 0, not {value:g}; null switches its alert off")


def _in_order(milder: float | None, graver: float | None) -> None:
    """A warning comes before its critical."""
    if milder is not None and graver is not None and milder >= graver:
        raise ValueError("warning must be reached before critical; as it is, it would never be the first to tell")


class SuccessRate(Part):
    """Requests that did not fail, of the fleet, of a method or a key; under these levels it is too low."""

    warning: float | None = 0.95
    critical: float | None = None

    def __post_init__(self) -> None:
        _ratio("warning", self.warning)
        _ratio("critical", self.critical)
        _in_order(*(None if level is None else -level for level in (self.warning, self.critical)))


class Latency(Part):
    """Average duration in seconds, of the fleet; for a method `warning` counts."""

    warning: float | None = 0.5
    critical: float | None = 1.0

    def __post_init__(self) -> None:
        _positive("warning", self.warning)
        _positive("critical", self.critical)
        _in_order(self.warning, self.critical)


class Objectives(Part):
    """What is promised: the share of requests that do not fail, and that take at most `latency_seconds`."""

    availability: float | None = 0.999
    latency: float | None = 0.99
    latency_seconds: float = 1.0

    def __post_init__(self) -> None:
        for name in ("availability", "latency"):
            target = getattr(self, name)
            _ratio(name, target)
            if target is not None and _HIGHEST_FACTOR * (1 - target) >= 1:
                least = 1 - 1 / _HIGHEST_FACTOR
                raise ValueError(
                    f"{name}: with {target:g} even a total failure burns the budget less than {_HIGHEST_FACTOR} times "
                    f"as fast as allowed, and would wake nobody; more than {least:.4g} is needed"
                )


class Limits(Part):
    """Use of a limit over what is allowed; `refused` is the share of a key's requests that got 429."""

    warning: float | None = 0.8
    critical: float | None = 0.9
    refused: float | None = 0.05

    def __post_init__(self) -> None:
        for name in ("warning", "critical", "refused"):
            _ratio(name, getattr(self, name))
        _in_order(self.warning, self.critical)


class Expiry(Part):
    """How long before a key expires somebody is told."""

    warning: str | None = "7d"
    critical: str | None = "1d"

    def __post_init__(self) -> None:
        earlier, later = (None if one is None else -seconds(one) for one in (self.warning, self.critical))
        _in_order(earlier, later)


class Keys(Part):
    """Keys: when they expire, how long unused is unused, what looks like a leaked or a broken one.

    `auth_failures` (400, 401, 403) are counted over 15 minutes, `new_origins` over an hour.
    """

    expires: Expiry = field(default_factory=Expiry)
    unused: str | None = "30d"
    auth_failures: int | None = 50
    new_origins: int | None = 5

    def __post_init__(self) -> None:
        if self.unused is not None:
            seconds(self.unused)
        _positive("auth_failures", self.auth_failures)
        _positive("new_origins", self.new_origins)


class Spend(Part):
    """Money of the last 24 hours in the pricing currency: of all keys, and of a single one. No default: no alert."""

    daily: float | None = None
    key_daily: float | None = None

    def __post_init__(self) -> None:
        _positive("daily", self.daily)
        _positive("key_daily", self.key_daily)


class Anomalies(Part):
    """A key's last hour is abnormal: `factor` times the same hour of the last `weeks`, and more than the floors."""

    factor: float = 3.0
    weeks: int = 2
    calls: float | None = 1000
    tokens: float | None = 1_000_000
    cost: float | None = 10

    def __post_init__(self) -> None:
        if self.factor <= 1:
            raise ValueError(f"factor must be more than 1, not {self.factor:g}: every hour would be abnormal")
        if self.weeks < 1:
            raise ValueError("weeks must be at least 1")
        for name in ("calls", "tokens", "cost"):
            _positive(name, getattr(self, name))


class Providers(Part):
    """Shares: of a provider's attempts that fail; of requests that needed a failover; of requests that were blocked."""

    failing: float | None = 0.2
    failovers: float | None = 0.1
    blocked: float | None = 0.1

    def __post_init__(self) -> None:
        for name in ("failing", "failovers", "blocked"):
            _ratio(name, getattr(self, name))


class Lag(Part):
    """Age of the oldest byte of a log that was not read yet."""

    warning: str | None = "1m"
    critical: str | None = "5m"

    def __post_init__(self) -> None:
        _in_order(*(None if one is None else seconds(one) for one in (self.warning, self.critical)))


class ExporterHealth(Part):
    """The exporter itself.

    `silent` is how long without a new record; `rejected`, `implausible`, `unknown_keys` and `series` are shares of
    lines, of requests (twice) and of the series that a family may have; the tables' ages are from their last change,
    or last reading.
    """

    lag: Lag = field(default_factory=Lag)
    silent: str | None = "30m"
    rejected: float | None = 0.05
    implausible: float | None = 0.01
    unknown_keys: float | None = 0.2
    series: float | None = 0.8
    price_table: str | None = "90d"
    key_registry: str | None = None

    def __post_init__(self) -> None:
        for name in ("rejected", "implausible", "unknown_keys", "series"):
            _ratio(name, getattr(self, name))
        for name in ("silent", "price_table", "key_registry"):
            if getattr(self, name) is not None:
                seconds(getattr(self, name))


class Change(Part, rename={"for_": "for"}):
    """A change of one alert: switched off, or how long its condition must last."""

    enabled: bool = True
    for_: str | None = None

    def __post_init__(self) -> None:
        if self.for_ is not None:
            seconds(self.for_)


class AlertsConfig(Part):
    """The section `alerts`.

    `retention` is Prometheus' own: no rule looks further back. `interval` is how often rules are evaluated; `job` the
    scrape job's name. Every rule keeps `scope_labels` apart. `min_requests` (in five minutes) and `min_failures` (in a
    burn rate's long window) are what it takes before a share means anything. `slow_methods` take long by nature: they
    stay out of the fleet's latency. `changes` are by alert.
    """

    retention: str = "15d"
    interval: str = "1m"
    job: str = "gateway-exporter"
    scope_labels: list[str] = field(default_factory=list)
    grafana_url: str = "http://localhost:3000"
    runbook_url: str = "docs/runbook.md"
    min_requests: int = 50
    min_failures: int = 10
    success_rate: SuccessRate = field(default_factory=SuccessRate)
    latency: Latency = field(default_factory=Latency)
    slow_methods: list[str] = field(default_factory=list)
    objectives: Objectives = field(default_factory=Objectives)
    limits: Limits = field(default_factory=Limits)
    keys: Keys = field(default_factory=Keys)
    spend: Spend = field(default_factory=Spend)
    anomalies: Anomalies | None = field(default_factory=Anomalies)
    providers: Providers = field(default_factory=Providers)
    exporter: ExporterHealth = field(default_factory=ExporterHealth)
    changes: dict[str, Change] = field(default_factory=dict)
    notify: Notify = field(default_factory=Notify)

    def __post_init__(self) -> None:
        if not 1 <= seconds(self.interval) <= 300:
            raise ValueError(f"interval: {self.interval} is not from 1s to 5m; series go stale after five minutes")
        self._check_retention()
        if not self.job:
            raise ValueError("job is empty: name the scrape job that Prometheus has for the exporters")
        for label in self.scope_labels:
            if not _LABEL.fullmatch(label) or label.startswith("__"):
                raise ValueError(f"scope_labels: {label!r} is no label name: letters, digits and _ are allowed")
            if label in _OWN_LABELS:
                raise ValueError(f"scope_labels: {label!r} is a label that rules use themselves; choose another")
        check_url("grafana_url", self.grafana_url)
        for name in ("min_requests", "min_failures"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")

    def _check_retention(self) -> None:
        looks = [("burn rates", max((long for _, long, *_ in BURN_RATES), key=seconds), "")]
        if self.anomalies:
            looks.append(("anomalies", f"{7 * self.anomalies.weeks}d1h", f" (weeks: {self.anomalies.weeks})"))
        for who, back, why in looks:
            if seconds(self.retention) < seconds(back):
                raise ValueError(f"retention: {self.retention} is too short: {who} look back {back}{why}")
