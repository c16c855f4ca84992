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
    """What bounds the number of series and how long they live, and which families are served."""

    budgets: dict[str, Count] = field(default_factory=dict)
    """By label, the maximum number of undeclared values (of `origin`: per key). Additional values are counted as
    `other`.
    """
    max_series: Count = 200_000
    """The maximum number of series per family."""
    admit_after: Count = 1
    """Successes before a value is admitted as a label; 10 if strangers can cause successes."""
    scrape_interval: Duration = "15s"
    """Of your slowest scraper. New series show 0 for a little longer than this; bars of dashboards last four of it."""
    expire_after: Duration = "24h"
    """Idle series are dropped after this time, at least 1h. Those of registered keys never are."""
    created_timestamps: bool = False
    """Whether OpenMetrics has `_created`; this doubles the series if Prometheus does not support it."""
    labels: dict[str, LabelConfig] = field(default_factory=dict)
    """Labels made of fields of the log, by name; families `add` them."""
    families: dict[str, bool | Change] = field(default_factory=dict)
    """By family of the catalogue: `off`, or what is changed."""
    custom_families: dict[str, CustomFamily] = field(default_factory=dict)
    """Families that the catalogue does not have."""

    def __post_init__(self) -> None:
        for label in self.budgets:
            if label not in BUDGETS:
                raise FieldError(("budgets", label), unknown("label", label, BUDGETS))
        if not 0 < seconds(self.scrape_interval) <= 3600:
            raise FieldError("scrape_interval", "must be more than 0s and at most 1h")
        if seconds(self.expire_after) < 3600:
            raise FieldError("expire_after", "must be at least 1h: a series that expires and returns starts again at 0")
