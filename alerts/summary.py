"""What `gateway-exporter alerts` prints: what the rules and the Alertmanager config have, and what they lack."""

from collections.abc import Iterator

from alerts.choice import chosen, left_out
from alerts.grafana import lost
from alerts.kubernetes import alertmanager_config
from alerts.promql import Terms
from exporter.config.config import Config
from exporter.config.notify import Notify
from exporter.config.served import served
from exporter.durations import seconds

# Alertmanager's default of --data.retention; it forgets then what it has sent, and sends it again.
_RETENTION_HOURS = 120
_SPARE_HOURS = 32


def summary(config: Config | None, kubernetes: bool = False, grafana: bool = False) -> Iterator[str]:
    """The lines to print."""
    terms = Terms(served(config))
    alerts = chosen(terms)
    counts = {
        severity: sum(alert.severity == severity for alert in alerts) for severity in ("critical", "warning", "info")
    }
    yield (
        f"{len({alert.name for alert in alerts})} alerts in {len(alerts)} rules "
        f"({', '.join(f'{count} {severity}' for severity, count in counts.items())}), "
        f"{len(terms.served.recorded)} recorded series"
    )
    if missing := left_out(terms):
        yield "left out:"
        yield from (f"  {', '.join(sorted(names))}: {why}" for why, names in missing.items())
    if kubernetes:
        yield from _of_kubernetes(terms)
    if grafana:
        yield "not in Grafana's rules, which need no recorded series:"
        yield from (f"  {', '.join(names)}: {why}" for why, names in lost(terms).items())
    yield from _of_messages(terms.config.notify)


def _of_messages(notify: Notify) -> Iterator[str]:
    if not notify.receivers:
        yield "alertmanager.yml sends no notifications: the config has no alerts.notify.receivers"
        return
    repeated = max(seconds(time) for time in (notify.grouping.repeat_warning, notify.grouping.repeat_info)) / 3600
    if repeated > _RETENTION_HOURS:
        yield (
            f"start Alertmanager with --data.retention={repeated + _SPARE_HOURS:.0f}h: with its default of "
            f"{_RETENTION_HOURS}h it forgets what it has sent, and repeats it too early"
        )


def _of_kubernetes(terms: Terms) -> Iterator[str]:
    made, namespace = alertmanager_config(terms), terms.config.kubernetes.namespace
    if made.lost:
        yield "not in alertmanagerconfig.yml:"
        yield from (f"  {what}: {why}" for what, why in made.lost.items())
    if not namespace:
        yield (
            "set alerts.kubernetes.namespace: by default, an AlertmanagerConfig's routes take only alerts with its "
            "namespace as a label"
        )
    if made.secrets.files:
        yield "alertmanagerconfig.yml needs a Secret; make it with bash:"
        yield from made.secrets.command(namespace)
