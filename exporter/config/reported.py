"""What a report of usage needs of a config: what is served, thresholds, prices."""

from exporter.config.load import Config
from exporter.config.usage import UsageConfig
from exporter.usage.scope import Terms


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
