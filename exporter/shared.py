"""What all inputs of one exporter count into, and ask."""

from msgspec import Struct

from exporter.admission import Admissions
from exporter.clock import Clock
from exporter.keys import Keys
from exporter.limits import Limits
from exporter.pricing import Pricing
from exporter.series import Store
from exporter.slowest import Slowest


class Shared(Struct):
    """The store; which values may be labels; what is known of keys, their limits, prices, the slowest requests; the
    wall clock.
    """

    store: Store
    admissions: Admissions
    keys: Keys
    limits: Limits
    slowest: Slowest
    pricing: Pricing
    clock: Clock
