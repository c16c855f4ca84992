"""The config's section `alerts.objectives`: what is promised to users, and how fast it may be used up."""

from msgspec import field

from exporter.config.values import Ratio
from exporter.errors import FieldError
from exporter.yaml_file import Part

# Burn rates of an error budget: severity, long window, short window, factor, how long it must last.
# Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs", table 5-8, and a fourth for slow burns.
BURN_RATES = (
    ("critical", "1h", "5m", 14.4, "2m"),
    ("critical", "6h", "30m", 6, "15m"),
    ("warning", "1d", "2h", 3, "1h"),
    ("warning", "3d", "6h", 1, "3h"),
)
_HIGHEST_FACTOR = max(factor for *_, factor, _ in BURN_RATES)


class Objective(Part):
    """What is promised to the users of one `chain`, `model` or `plan`; exactly one is named."""

    chain: str = ""
    """The chain that it is promised to."""
    model: str = ""
    """The model that it is promised to."""
    plan: str = ""
    """The plan that it is promised to."""
    availability: Ratio | None = None
    """The share of requests that do not fail."""
    latency: Ratio | None = None
    """The share of requests that take at most `latency_seconds`."""
    latency_seconds: float = 1.0
    """In seconds; one of the histogram's bounds."""

    def __post_init__(self) -> None:
        if len([value for value in (self.chain, self.model, self.plan) if value]) != 1:
            raise ValueError("name one of chain, model and plan")
        if self.availability is None and self.latency is None:
            raise ValueError("promises nothing: give it availability or latency")

    @property
    def label(self) -> str:
        """What tells its requests apart; "" for all of the fleet's."""
        return next((name for name in ("chain", "model", "plan") if getattr(self, name)), "")

    @property
    def value(self) -> str:
        """The chain, the model or the plan."""
        return self.chain or self.model or self.plan


class _OfAll(Objective):
    """The fleet's own."""

    def __post_init__(self) -> None:
        """It names nobody."""


class Objectives(Part):
    """Service level objectives. Burn rates are alerted on for all requests; of `each`, the budget is recorded."""

    availability: Ratio | None = 0.999
    """The share of requests that do not fail."""
    latency: Ratio | None = 0.99
    """The share of requests that take at most `latency_seconds`."""
    latency_seconds: float = 1.0
    """In seconds; one of the histogram's bounds."""
    each: list[Objective] = field(default_factory=list)
    """More budgets, of one chain, model or plan each."""

    @property
    def promises(self) -> list[Objective]:
        """All of them, the fleet's first."""
        of_all = _OfAll(availability=self.availability, latency=self.latency, latency_seconds=self.latency_seconds)
        return [of_all, *self.each]

    def __post_init__(self) -> None:
        named = [(promise.label, promise.value) for promise in self.each]
        for n, promise in enumerate(named):
            if promise in named[:n]:
                raise FieldError(("each", n), f"{' '.join(promise)} is named twice")
        for name, target in (("availability", self.availability), ("latency", self.latency)):
            if target is not None and _HIGHEST_FACTOR * (1 - target) >= 1:
                least = 1 - 1 / _HIGHEST_FACTOR
                raise FieldError(
                    name,
                    f"with {target:g} even a total failure burns the budget less than {_HIGHEST_FACTOR} times "
                    f"as fast as allowed, so no alert would fire; more than {least:.4g} is needed",
                )
