"""What a report of usage needs of a config: what is served, thresholds, prices."""

from exporter.config.config import Config
from exporter.config.usage import UsageConfig
from exporter.durations import seconds
from exporter.request_log.latency import KeptLatency
from exporter.request_log.log import RequestLogSettings
from exporter.usage.scope import Terms

# A record may be so many scrape intervals older than the scrape that shows it: a new series is held at 0 meanwhile.
HELD = 3.3


def keeper_of(config: Config, settings: RequestLogSettings | None) -> KeptLatency | None:
    """Where single requests are kept, if they are."""
    return KeptLatency(settings, HELD * seconds(config.metrics.scrape_interval)) if settings else None


def terms_of(config: Config, usage: UsageConfig) -> Terms:
    """What a report needs of a config."""
    alerts = config.alerts
    return Terms(
        families={name: family.labels for name, family in config.families.items()},
        timezone=config.limits.timezone,
        currency=config.pricing.currency,
        thousand_requests=usage.prices.thousand_requests,
        gigabyte=usage.prices.gigabyte,
        success_rate=alerts.success_rate.warning,
        latency=(alerts.latency.warning, alerts.latency.critical),
        limits=(alerts.limits.warning, alerts.limits.critical),
        match={label: (value,) for label, value in usage.prometheus.match.items()},
    )
