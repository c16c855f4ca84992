"""What there is to show: the families that a config's exporter serves, and the values that panels judge by."""

from collections.abc import Mapping

from msgspec import Struct, field

from exporter.catalog import CATALOG
from exporter.config import Config
from exporter.config_alerts import AlertsConfig
from exporter.recorded import RECORDED


def _served() -> dict[str, tuple[str, ...]]:
    return {name: family.labels for name, family in CATALOG.items()}


class Shown(Struct, frozen=True, kw_only=True):
    """The builders' whole input.

    `families` maps the families that are served to their labels; what is not there is on no dashboard. `recorded` does
    the same for the series of recording rules. `alerts` has the thresholds, and the labels that tell deployments apart.
    """

    families: Mapping[str, tuple[str, ...]] = field(default_factory=_served)
    recorded: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {name: one.labels for name, one in RECORDED.items()}
    )
    currency: str = "USD"
    alerts: AlertsConfig = field(default_factory=AlertsConfig)

    @property
    def scope(self) -> tuple[str, ...]:
        """Labels of inputs by which every page can be narrowed."""
        return tuple(self.alerts.scope_labels)


def shown(config: Config | None) -> Shown:
    """What a config's exporter shows; everything, by the defaults, without one."""
    return Shown(currency=config.pricing.currency, alerts=config.alerts) if config else Shown()
