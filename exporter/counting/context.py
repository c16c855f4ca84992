"""What all inputs of one exporter share."""

from msgspec import Struct

from exporter.clock import Clock
from exporter.counting.admission import Admissions
from exporter.keys.key_metrics import Keys
from exporter.limits.usage import Limits
from exporter.metrics.slowest import Slowest
from exporter.metrics.store import Store
from exporter.pricing.pricing import Pricing


class Context(Struct):
    """The metrics store, admitted label values, known keys, limits, slowest requests, prices and the wall clock."""

    store: Store
    admissions: Admissions
    keys: Keys
    limits: Limits
    slowest: Slowest
    pricing: Pricing
    clock: Clock
    # The labels that the config declares, each with the field of the log that it is made of.
    labels: dict[str, str] = {}
