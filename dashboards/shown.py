"""What there is to show: the families that a config's exporter serves, and the values that panels judge by."""

from collections.abc import Mapping

from msgspec import Struct, field

from exporter.catalog import CATALOG
from exporter.config import Config
from exporter.config_alerts import AlertsConfig
from exporter.recorded import RECORDED, recorded_of


def _served() -> dict[str, tuple[str, ...]]:
    return {name: family.labels for name, family in CATALOG.items()}


class Shown(Struct, frozen=True, kw_only=True):
    """The builders' whole input.

    `families` maps the families that are served to their labels; what is not there is on no dashboard. `recorded` does
    the same for the series of recording rules. `alerts` has the thresholds, and the labels that
    tell deployments apart; `of_inputs` are labels that inputs add.
    """

    families: Mapping[str, tuple[str, ...]] = field(default_factory=_served)
    recorded: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {name: one.labels for name, one in RECORDED.items()}
    )
    currency: str = "USD"
    alerts: AlertsConfig = field(default_factory=AlertsConfig)
    of_inputs: frozenset[str] = frozenset()

    @property
    def scope(self) -> tuple[str, ...]:
        """The labels that every page can be narrowed by; all of them are on what is counted of records."""
        return tuple(self.alerts.scope_labels)

    @property
    def target_scope(self) -> tuple[str, ...]:
        """Those that Prometheus gives its targets: they are on keys, limits and the exporter too."""
        return tuple(label for label in self.scope if label not in self.of_inputs)


def shown(config: Config | None) -> Shown:
    """What a config's exporter shows; everything, by the defaults, without one."""
    if config is None:
        return Shown()
    of_inputs = frozenset(label for one in config.inputs for label in one.labels)
    families = config.families
    return Shown(
        families={name: family.labels for name, family in families.items()},
        recorded={name: one.labels for name, one in recorded_of(families).items()},
        currency=config.pricing.currency,
        alerts=config.alerts,
        of_inputs=of_inputs,
    )
