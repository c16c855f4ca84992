"""What there is to show: the families that a config's exporter serves, and the values that panels judge by."""

from collections.abc import Mapping

from msgspec import Struct, field

from exporter.catalog import CATALOG
from exporter.config import Config
from exporter.recorded import RECORDED, Recorded


class Shown(Struct, frozen=True, kw_only=True):
    """The builders' whole input.

    `families` maps a family's name to its labels, `recorded` those of the recording rules; what is in neither is on no
    dashboard. `scope` are labels of inputs that tell deployments apart; each becomes a variable. Shares are 0–1,
    latencies seconds.
    """

    families: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {name: family.labels for name, family in CATALOG.items()}
    )
    recorded: Mapping[str, Recorded] = field(default_factory=lambda: RECORDED)
    scope: tuple[str, ...] = ()
    currency: str = "USD"
    success_warning: float = 0.95
    latency_warning: float = 0.5
    latency_critical: float = 1.0
    limit_warning: float = 0.8
    limit_critical: float = 0.9


def shown(config: Config) -> Shown:
    """What a config's exporter shows."""
    return Shown(
        scope=tuple(sorted({label for one in config.inputs for label in one.labels})),
        currency=config.pricing.currency,
    )
