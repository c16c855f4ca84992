"""The config's section `alerts`: thresholds and objectives, with their defaults.

A threshold of null switches its alert off.
"""

from typing import Annotated

from msgspec import Meta, field

from exporter.config.notify import Notify
from exporter.config.objectives import BURN_RATES, Objectives
from exporter.config.overrides import AlertChange, check_exceptions
from exporter.config.values import Count, Duration, Number, Ratio, Threshold, Url, check_label
from exporter.durations import seconds
from exporter.errors import FieldError
from exporter.model.catalog import CATALOG
from exporter.model.recorded import RECORDED
from exporter.yaml_file import Part

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
    """Alert below this share."""
    critical: Ratio | None = None
    """Alert below this share."""

    def __post_init__(self) -> None:
        _in_order(*(None if level is None else -level for level in (self.warning, self.critical)))


class Latency(Part):
    """Average duration in seconds."""

    warning: Threshold = 0.5
    """Average duration in seconds, of the fleet and of each method."""
    critical: Threshold = 1.0
    """Average duration in seconds, of the fleet."""

    def __post_init__(self) -> None:
        _in_order(self.warning, self.critical)


class LimitAlerts(Part):
    """Use of rate limits and quotas."""

    warning: Ratio | None = 0.8
    """Alert at this share of a limit."""
    critical: Ratio | None = 0.9
    """Alert at this share of a limit."""
    refused: Ratio | None = 0.05
    """Alert if this share of a key's requests got 429."""

    def __post_init__(self) -> None:
        _in_order(self.warning, self.critical)


class ExpiryAlerts(Part):
    """How long before a key expires its alerts fire."""

    warning: Duration | None = "7d"
    """Alert this long before a key expires."""
    critical: Duration | None = "1d"
    """Alert this long before a key expires."""

    def __post_init__(self) -> None:
        _in_order(*(None if left is None else -left for left in map(_seconds, (self.warning, self.critical))))


class KeyAlerts(Part):
    """Keys that expire, are unused, or look leaked or broken."""

    expires: ExpiryAlerts = field(default_factory=ExpiryAlerts)
    """How long before a key expires."""
    unused: Duration | None = "30d"
    """Alert if a key is unused for so long."""
    auth_failures: Number = 50
    """Alert at this number of 401 and 403 in 15 minutes."""
    auth_failures_share: Ratio = 0.1
    """The share of the key's requests that they must be, too."""
    new_origins: Number = 5
    """Alert at this number of new origins of a key in an hour."""


class Spend(Part):
    """Money of a day in the pricing currency. Without a value: no alert."""

    daily: Threshold = None
    """Alert if all keys cost more than this in a day."""
    key_daily: Threshold = None
    """Alert if a key costs more than this in a day."""
    without_usage: Ratio | None = 0.05
    """Alert if this share of a model's answers has neither tokens nor a cost in the log."""


class Anomalies(Part):
    """A key's last hour is abnormal: far above the same hour of the last weeks, and above the floors."""

    factor: Annotated[float, Meta(gt=1, description="more than 1 (else every hour is abnormal)")] = 3.0
    """Alert if a key's last hour is so many times the same hour of the last weeks."""
    weeks: Count = 2
    """How many weeks are compared."""
    calls: Threshold = 1000
    """No alert below this number of calls."""
    tokens: Threshold = 1_000_000
    """No alert below this number of tokens."""
    cost: Threshold = 10
    """No alert below this cost."""


class Providers(Part):
    """Providers, failovers and policy, in shares."""

    failing: Ratio | None = 0.2
    """Alert if this share of a provider's attempts fails."""
    failovers: Ratio | None = 0.1
    """Alert if this share of requests needed a failover."""
    blocked: Ratio | None = 0.1
    """Alert if this share of requests was blocked."""


class Models(Part):
    """Speed of language models."""

    first_token: Threshold = 10.0
    """Seconds to the first token, on average."""
    token: Threshold = 0.2
    """Seconds for each token after the first, on average."""
    slower: Annotated[float, Meta(gt=1, description="more than 1, or null for no alert")] | None = 3.0
    """Alert if a model's hour takes so many times its own usual duration of the last week."""
    min_requests: Count = 10
    """No alert with fewer requests."""


class Lag(Part):
    """Age of the oldest byte of a log that was not read yet."""

    warning: Duration | None = "1m"
    """Age of the oldest unread byte of a log."""
    critical: Duration | None = "5m"
    """Age of the oldest unread byte of a log."""

    def __post_init__(self) -> None:
        _in_order(_seconds(self.warning), _seconds(self.critical))


class ExporterHealth(Part):
    """The exporter itself."""

    lag: Lag = field(default_factory=Lag)
    """How late logs are read."""
    silent: Duration | None = "30m"
    """Alert if an input has had no new record for so long."""
    rejected: Ratio | None = 0.05
    """Alert if this share of lines is rejected."""
    implausible: Ratio | None = 0.01
    """Alert if this share of requests has an implausible number."""
    unknown_keys: Ratio | None = 0.2
    """Alert if this share of requests has an unknown key."""
    series: Ratio | None = 0.8
    """Alert at this share of `metrics.max_series`."""
    price_table: Duration | None = "90d"
    """Alert if the price table is older."""
    key_registry: Duration | None = None
    """Alert if the last successful reading of the registry is longer ago."""
    otlp_lag: Duration | None = "15m"
    """Alert if the oldest request that is to be sent by OTLP is older."""


class Kubernetes(Part):
    """The objects that `--kubernetes` writes."""

    name: Annotated[str, Meta(pattern=r"\A[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z", description="a name in Kubernetes")] = (
        "gateway-exporter"
    )
    """The name of the objects."""
    namespace: Annotated[
        str, Meta(pattern=r"\A([a-z0-9]([-a-z0-9]*[a-z0-9])?)?\Z", description="a namespace in Kubernetes")
    ] = ""
    """Their namespace, and the label `namespace` of alerts, by which the operator routes them."""
    labels: dict[str, str] = field(default_factory=dict)
    """Their labels, by which Prometheus and Alertmanager select them."""


class AlertsConfig(Part):
    """Thresholds, objectives and receivers of alerts. A threshold of null switches its alert off."""

    retention: Duration = "15d"
    """Prometheus' retention: no rule looks further back."""
    interval: Duration = "1m"
    """How often rules are evaluated."""
    job: str = "gateway-exporter"
    """The name of the scrape job."""
    scope_labels: list[str] = field(default_factory=list)
    """Labels that every rule keeps apart, such as `env`."""
    many_keys: Number = 10
    """More keys than this with the same alert are reported as one."""
    grafana_url: Url = "http://localhost:3000"
    """Where links to dashboards point."""
    runbook_url: str = "docs/runbook.md"
    """Where links to the runbook point."""
    min_requests: Count = 50
    """In five minutes: with fewer requests no share is alerted on."""
    min_failures: Count = 10
    """In a burn rate's long window: with fewer failures no error budget is alerted on."""
    success_rate: SuccessRate = field(default_factory=SuccessRate)
    """Requests that did not fail, of the fleet, of a method or a key."""
    latency: Latency = field(default_factory=Latency)
    """Average duration."""
    slow_methods: list[str] = field(default_factory=list)
    """Methods that are slow by design (`*` is any text); like requests to models, they are left out of the fleet's
    latency.
    """
    objectives: Objectives = field(default_factory=Objectives)
    """What is promised to users; burn rates of the error budgets are alerted on."""
    limits: LimitAlerts = field(default_factory=LimitAlerts)
    """Use of rate limits and quotas."""
    keys: KeyAlerts = field(default_factory=KeyAlerts)
    """Keys that expire, are unused, leaked or broken."""
    spend: Spend = field(default_factory=Spend)
    """Money."""
    anomalies: Anomalies | None = field(default_factory=Anomalies)
    """A key's hour that is unlike the same hour of past weeks. null: none of these alerts."""
    providers: Providers = field(default_factory=Providers)
    """Providers, failovers and policy."""
    models: Models = field(default_factory=Models)
    """Speed of language models."""
    exporter: ExporterHealth = field(default_factory=ExporterHealth)
    """The exporter itself."""
    overrides: dict[str, AlertChange] = field(default_factory=dict)
    """By alert, what is changed of it."""
    notify: Notify = field(default_factory=Notify)
    """Who gets which alert."""
    kubernetes: Kubernetes = field(default_factory=Kubernetes)
    """The objects that `--kubernetes` writes."""

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
