"""The config's section `metrics`: what bounds the series, and which families there are."""

from msgspec import field

from exporter.config_families import Change, OwnFamily
from exporter.durations import seconds
from exporter.errors import unknown
from exporter.labels import BUDGETS
from exporter.yamlfile import Part


class MetricsConfig(Part):
    """What bounds the number of series and how long they live; changes of the catalogue's families, and one's own.

    `scrape_interval` is what is expected of scrapers until theirs is seen: a new series shows 0 for a while.
    """

    budgets: dict[str, int] = field(default_factory=dict)
    max_series: int = 200_000
    admit_after: int = 1
    scrape_interval: str = "15s"
    expire_after: str = "24h"
    created_timestamps: bool = False
    families: dict[str, bool | Change] = field(default_factory=dict)
    own_families: dict[str, OwnFamily] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for label, budget in self.budgets.items():
            if label not in BUDGETS:
                raise ValueError(f"budgets: {unknown('label', label, BUDGETS)}")
            if budget < 1:
                raise ValueError(f"budgets: {label}: must be at least 1")
        for name in ("max_series", "admit_after"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if not 0 < _seconds("scrape_interval", self.scrape_interval) <= 3600:
            raise ValueError("scrape_interval must be more than 0s and at most 1h")
        if _seconds("expire_after", self.expire_after) < 3600:
            raise ValueError("expire_after must be at least 1h: a series that goes and comes is born again")


def _seconds(name: str, duration: str) -> float:
    try:
        return seconds(duration)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
