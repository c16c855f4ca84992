"""What dashboards and rules may ask for: the families and recorded series that a config's exporter has."""

import re
from collections.abc import Mapping

from msgspec import Struct, field

from exporter.config.alerts import AlertsConfig
from exporter.config.config import Config
from exporter.durations import seconds
from exporter.model.catalog import CATALOG, Family
from exporter.model.recorded import RECORDED, Recorded, recorded_of

# Stands in queries for a series that is not served, or lacks a label: no panel and no rule is made of it.
ABSENT = "∅"
_PART = re.compile(r"_(?:bucket|sum|count)$")


class Served(Struct, frozen=True, kw_only=True):
    """The builders' whole input; by default what an exporter serves without a config.

    What is in neither `families` nor `recorded` is in no dashboard and no rule. `alerts` has the thresholds, and the
    labels that tell deployments apart; `of_inputs` are labels that inputs add.
    """

    families: Mapping[str, Family] = field(default_factory=lambda: CATALOG)
    recorded: Mapping[str, Recorded] = field(default_factory=lambda: RECORDED)
    currency: str = "USD"
    timezone: str = "UTC"
    alerts: AlertsConfig = field(default_factory=AlertsConfig)
    of_inputs: frozenset[str] = frozenset()
    # The labels that the config declares, of those that a family has.
    declared: tuple[str, ...] = ()
    # Seconds between two scrapes of the slowest scraper.
    scrape_interval: float = 15
    # Where people open the exporter to see single requests; "" where they can't, or nobody says.
    requests_url: str = ""

    @property
    def record_scope(self) -> tuple[str, ...]:
        """The labels that tell deployments apart; all of them are on what is counted of records."""
        return tuple(self.alerts.scope_labels)

    @property
    def target_scope(self) -> tuple[str, ...]:
        """Those that Prometheus gives its targets: they are on keys, limits and the exporter too."""
        return tuple(label for label in self.alerts.scope_labels if label not in self.of_inputs)

    def labels(self, name: str) -> tuple[str, ...] | None:
        """The labels of a family, of a histogram's part, or of a recorded series; None where it is not there."""
        every: Mapping[str, Family | Recorded] = self.recorded if ":" in name else self.families
        found = every.get(name) or every.get(family_of(name))
        return found.labels if found else None


def served(config: Config | None) -> Served:
    """What a config's exporter serves; everything, by the defaults, without one."""
    if config is None:
        return Served()
    families = config.families
    return Served(
        families=families,
        recorded=recorded_of(families),
        currency=config.pricing.currency,
        timezone=config.limits.timezone,
        alerts=config.alerts,
        of_inputs=frozenset(label for input_ in config.inputs for label in input_.labels),
        declared=tuple(config.labels),
        scrape_interval=seconds(config.metrics.scrape_interval),
        requests_url=config.requests.url.rstrip("/") if config.requests and config.requests.url else "",
    )


def family_of(series: str) -> str:
    """The family of a histogram's part, such as `…_bucket`; of others, the name itself."""
    return _PART.sub("", series)


def or_zero(query: str, whole: str) -> str:
    """A part of a whole: 0 where the whole has series and the part none. A query of several lines gets one more."""
    separator = "\n" if "\n" in query else " "
    return f"{query}{separator}or 0 * {whole}"
