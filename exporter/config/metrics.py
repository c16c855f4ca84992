"""The config's section `metrics`: bounds on series, and which families are served."""

from msgspec import field

from exporter.config.families import Change, CustomFamily
from exporter.config.labels import LabelConfig
from exporter.config.values import Count, Duration
from exporter.durations import seconds
from exporter.errors import FieldError, unknown
from exporter.model.labels import BUDGETS
from exporter.yaml_file import Part


class MetricsConfig(Part):
    """What bounds the number of series and how long they live; more labels, changes of the catalogue's families, and
    custom ones.

    `scrape_interval` is assumed until scrapes are seen: it decides how long a new series is held at 0.
    """

    budgets: dict[str, Count] = field(default_factory=dict)
    max_series: Count = 200_000
    admit_after: Count = 1
    scrape_interval: Duration = "15s"
    expire_after: Duration = "24h"
    created_timestamps: bool = False
    labels: dict[str, LabelConfig] = field(default_factory=dict)
    families: dict[str, bool | Change] = field(default_factory=dict)
    custom_families: dict[str, CustomFamily] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for label in self.budgets:
            if label not in BUDGETS:
                raise FieldError(("budgets", label), unknown("label", label, BUDGETS))
        if not 0 < seconds(self.scrape_interval) <= 3600:
            raise FieldError("scrape_interval", "must be more than 0s and at most 1h")
        if seconds(self.expire_after) < 3600:
            raise FieldError("expire_after", "must be at least 1h: a series that expires and returns starts again at 0")
