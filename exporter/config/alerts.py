"""The config's section `alerts`: thresholds and objectives, with their defaults.

A threshold of null switches its alert off.
"""

from typing import Annotated

from msgspec import Meta, field

from exporter.config.notify import Notify
from exporter.config.overrides import AlertChange, check_exceptions
from exporter.config.values import Count, Duration, Number, Ratio, Threshold, Url, check_label
from exporter.durations import seconds
from exporter.errors import FieldError
from exporter.model.catalog import CATALOG
from exporter.model.recorded import RECORDED
from exporter.yaml_file import Part

# Burn rates of an error budget: severity, long window, short window, factor, how long it must last.
# Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs", table 5-8, and a fourth for slow burns.
BURN_RATES = (
    ("critical", "1h", "5m", 14.4, "2m"),
    ("critical", "6h", "30m", 6, "15m"),
    ("warning", "1d", "2h", 3, "1h"),
    ("warning", "3d", "6h", 1, "3h"),
)
_HIGHEST_FACTOR = max(factor for *_, factor, _ in BURN_RATES)

_OWN_LABELS = {"alertname", "severity", "component", "category", "range", "about", "le", "quantile"}
_OWN_LABELS |= {label for family in CATALOG.values() for label in family.labels}
_OWN_LABELS |= {label for recorded in RECORDED.values() for label in recorded.labels}


def _in_order(milder: float | None, graver: float | None) -> None:
    """FieldError if the warning threshold is not reached before the critical one."""
    if milder is not None and graver is not None and milder >= graver:
        problem = "must be reached before critical; with these values critical would always fire first"
        raise FieldError("warning", problem)


def _seconds(duration: str | None) -> float | None:
    return None if duration is None else seconds(duration)


class SuccessRate(Part):
    """Requests that did not fail, of the fleet, of a method or a key; alerts fire below these levels."""

    warning: Ratio | None = 0.95
    critical: Ratio | None = None

    def __post_init__(self) -> None:
        _in_order(*(None if level is None else -level for level in (self.warning, self.critical)))


class Latency(Part):
    """Average duration in seconds, of the fleet; methods have `warning` only."""

    warning: Threshold = 0.5
    critical: Threshold = 1.0

    def __post_init__(self) -> None:
        _in_order(self.warning, self.critical)


class Objective(Part):
    """What is promised to the users of one `chain`, `model` or `plan`: as Objectives promises it to all."""

    chain: str = ""
    model: str = ""
    plan: str = ""
    availability: Ratio | None = None
    latency: Ratio | None = None
    latency_seconds: float = 1.0

    def __post_init__(self) -> None:
        if len([one for one in (self.chain, self.model, self.plan) if one]) != 1:
            raise ValueError("name one of chain, model and plan")
        if self.availability is None and self.latency is None:
            raise ValueError("promises nothing: give it availability or latency")

    @property
    def label(self) -> str:
        """What tells its requests apart; "" for all of the fleet's."""
        return next((name for name in ("chain", "model", "plan") if getattr(self, name)), "")

    @property
    def value(self) -> str:
        """The chain, the model or the plan."""
        return self.chain or self.model or self.plan


class _OfAll(Objective):
    """The fleet's own."""

    def __post_init__(self) -> None:
        """It names nobody."""


class Objectives(Part):
    """Service level objectives: the share of requests that do not fail, and that take at most `latency_seconds`.

    Burn rates are alerted on for all requests together; of `each` chain, model or plan, the budget is recorded.
    """

    availability: Ratio | None = 0.999
    latency: Ratio | None = 0.99
    latency_seconds: float = 1.0
    each: list[Objective] = field(default_factory=list)

    @property
    def promises(self) -> list[Objective]:
        """All of them, the fleet's first."""
        of_all = _OfAll(availability=self.availability, latency=self.latency, latency_seconds=self.latency_seconds)
        return [of_all, *self.each]

    def __post_init__(self) -> None:
        named = [(one.label, one.value) for one in self.each]
        for n, one in enumerate(named):
            if one in named[:n]:
                raise FieldError(("each", n), f"{' '.join(one)} is named twice")
        for name, target in (("availability", self.availability), ("latency", self.latency)):
            if target is not None and _HIGHEST_FACTOR * (1 - target) >= 1:
                least = 1 - 1 / _HIGHEST_FACTOR
                raise FieldError(
                    name,
                    f"with {target:g} even a total failure burns the budget less than {_HIGHEST_FACTOR} times "
                    f"as fast as allowed, so no alert would fire; more than {least:.4g} is needed",
                )


class LimitAlerts(Part):
    """The share of a limit that is used; `refused` is the share of a key's requests that got 429."""

    warning: Ratio | None = 0.8
    critical: Ratio | None = 0.9
    refused: Ratio | None = 0.05

    def __post_init__(self) -> None:
        _in_order(self.warning, self.critical)


class ExpiryAlerts(Part):
    """How long before a key expires its alerts fire."""

    warning: Duration | None = "7d"
    critical: Duration | None = "1d"

    def __post_init__(self) -> None:
        _in_order(*(None if left is None else -left for left in map(_seconds, (self.warning, self.critical))))


class KeyAlerts(Part):
    """Keys that expire, are `unused` for so long, or look leaked or broken.

    `auth_failures` (401, 403) are counted over 15 minutes; `auth_failures_share` is how much of all that a key asks
    they must be, too. `new_origins` are counted over an hour.
    """

    expires: ExpiryAlerts = field(default_factory=ExpiryAlerts)
    unused: Duration | None = "30d"
    auth_failures: Number = 50
    auth_failures_share: Ratio = 0.1
    new_origins: Number = 5


class Spend(Part):
    """Money of a day in the pricing currency: of all keys, and of each. Without a value: no alert.
    `without_usage` is the share of a model's answers that have neither tokens nor a cost.
    """

    daily: Threshold = None
    key_daily: Threshold = None
    without_usage: Ratio | None = 0.05


class Anomalies(Part):
    """A key's last hour is abnormal: `factor` times the same hour of the last `weeks`, and more than the floors."""

    factor: Annotated[float, Meta(gt=1, description="more than 1 (else every hour is abnormal)")] = 3.0
    weeks: Count = 2
    calls: Threshold = 1000
    tokens: Threshold = 1_000_000
    cost: Threshold = 10


class Providers(Part):
    """Shares: of a provider's attempts that fail; of requests that needed a failover; of requests that were blocked."""

    failing: Ratio | None = 0.2
    failovers: Ratio | None = 0.1
    blocked: Ratio | None = 0.1


class Models(Part):
    """Language models, in seconds on average: to the first token, and for each token after it. `slower` is how many
    times its own usual duration, of the last week, a model's hour takes. Less than `min_requests` tell nothing.
    """

    first_token: Threshold = 10.0
    token: Threshold = 0.2
    slower: Annotated[float, Meta(gt=1, description="more than 1, or null for no alert")] | None = 3.0
    min_requests: Count = 10


class Lag(Part):
    """Age of the oldest byte of a log that was not read yet."""

    warning: Duration | None = "1m"
    critical: Duration | None = "5m"

    def __post_init__(self) -> None:
        _in_order(_seconds(self.warning), _seconds(self.critical))


class ExporterHealth(Part):
    """The exporter itself.

    `silent` is how long without a new record; `rejected`, `implausible`, `unknown_keys` and `series` are shares of
    lines, of requests (twice) and of the series that a family may have; the tables' ages are from their last change,
    or last reading.
    """

    lag: Lag = field(default_factory=Lag)
    silent: Duration | None = "30m"
    rejected: Ratio | None = 0.05
    implausible: Ratio | None = 0.01
    unknown_keys: Ratio | None = 0.2
    series: Ratio | None = 0.8
    price_table: Duration | None = "90d"
    key_registry: Duration | None = None


class Kubernetes(Part):
    """The objects that `--kubernetes` writes: their `name`, `namespace` and `labels`."""

    name: Annotated[str, Meta(pattern=r"\A[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z", description="a name in Kubernetes")] = (
        "gateway-exporter"
    )
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)


class AlertsConfig(Part):
    """The section `alerts`.

    `retention` is Prometheus' own: no rule looks further back. `interval` is how often rules are evaluated; `job` the
    scrape job's name. Every rule keeps `scope_labels` apart. `min_requests` (in five minutes) and `min_failures` (in a
    burn rate's long window) must be reached before shares are alerted on. `slow_methods` (`*` is any text)
    take long by nature: like requests to models, they do not count towards the fleet's latency. More than `many_keys`
    keys with the same alert are reported as one. `overrides` are by alert.
    """

    retention: Duration = "15d"
    interval: Duration = "1m"
    job: str = "gateway-exporter"
    scope_labels: list[str] = field(default_factory=list)
    many_keys: Number = 10
    grafana_url: Url = "http://localhost:3000"
    runbook_url: str = "docs/runbook.md"
    min_requests: Count = 50
    min_failures: Count = 10
    success_rate: SuccessRate = field(default_factory=SuccessRate)
    latency: Latency = field(default_factory=Latency)
    slow_methods: list[str] = field(default_factory=list)
    objectives: Objectives = field(default_factory=Objectives)
    limits: LimitAlerts = field(default_factory=LimitAlerts)
    keys: KeyAlerts = field(default_factory=KeyAlerts)
    spend: Spend = field(default_factory=Spend)
    anomalies: Anomalies | None = field(default_factory=Anomalies)
    providers: Providers = field(default_factory=Providers)
    models: Models = field(default_factory=Models)
    exporter: ExporterHealth = field(default_factory=ExporterHealth)
    overrides: dict[str, AlertChange] = field(default_factory=dict)
    notify: Notify = field(default_factory=Notify)
    kubernetes: Kubernetes = field(default_factory=Kubernetes)

    def __post_init__(self) -> None:
        if not 1 <= seconds(self.interval) <= 300:
            problem = f"{self.interval} is not from 1s to 5m; series go stale after five minutes"
            raise FieldError("interval", problem)
        self._check_retention()
        check_exceptions(self, self.overrides)
        if not self.job:
            raise FieldError("job", "is empty: name the scrape job that Prometheus has for the exporters")
        for n, label in enumerate(self.scope_labels):
            check_label(("scope_labels", n), label)
            if label in _OWN_LABELS:
                problem = f"{label!r} is a label that rules use themselves; choose another"
                raise FieldError(("scope_labels", n), problem)

    def _check_retention(self) -> None:
        looks = [("burn rates", max((long for _, long, *_ in BURN_RATES), key=seconds), "")]
        if self.anomalies:
            looks.append(("anomalies", f"{7 * self.anomalies.weeks}d1h", f" (weeks: {self.anomalies.weeks})"))
        for who, back, why in looks:
            if seconds(self.retention) < seconds(back):
                raise FieldError("retention", f"{self.retention} is too short: {who} look back {back}{why}")
