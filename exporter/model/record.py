"""The record of one finished request."""

from typing import NamedTuple

from msgspec import Struct


class Attempt(NamedTuple):
    """One attempt at a provider. `circuit` is the state of its circuit breaker, "" if the log does not have it."""

    provider: str
    outcome: str
    circuit: str = ""


class AccessRecord(Struct, kw_only=True):
    """One finished request as the gateway logged it, with public names only: no raw key, no raw path.

    Absent text is "", absent numbers are None. Times are epoch seconds, durations seconds, sizes bytes. `requests` is
    1; it is 0 for another line of a request that was counted already, and for a `summary`, which has the tokens and the
    cost of an unknown number of requests.
    """

    # Whether the line is ignored; the reason for which it is rejected.
    ignored: bool = False
    rejected: str = ""

    time: float | None = None
    key: str = ""
    key_name: str = ""
    key_owner: str = ""
    user: str = ""
    team: str = ""
    tenant: str = ""
    region: str = ""
    service: str = ""
    # The format's custom fields, by name.
    custom: dict[str, str] = {}
    class_: str = "business"
    requests: int = 1
    summary: bool = False
    calls: tuple[str, ...] = ()
    chain: str = ""
    method: str = ""
    origin: str = ""
    protocol: str = ""
    status: str = ""
    error_type: str = ""
    # Whether its route needs no key, so that a success does not prove that the key is valid.
    public: bool = False
    model: str = ""
    requested_model: str = ""
    provider: str = ""
    attempts: tuple[Attempt, ...] = ()
    blocked_reason: str = ""
    unbilled: bool = False
    # Whether it was answered from the gateway's own cache.
    cached: bool = False
    billed_model: str = ""
    cost_multiplier: float | None = None

    duration: float | None = None
    time_to_first_token: float | None = None
    time_per_output_token: float | None = None
    failover_delay: float | None = None
    request_bytes: float | None = None
    response_bytes: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    cache_read_tokens: float | None = None
    cache_write_tokens: float | None = None
    reasoning_tokens: float | None = None
    cost: float | None = None
    credits: float | None = None
    # Fields that are absent because the logged number is outside its range.
    implausible: tuple[str, ...] = ()

    def uses(self, measure: str) -> bool:
        """Whether a logged number counts. Tokens and cost of a cached answer don't: they were counted before."""
        return not (self.cached and (measure == "cost" or measure.endswith(("tokens", "per_output_token"))))

    @property
    def timed(self) -> bool:
        """Whether its duration is a latency. That of a client abort, WebSocket session or summary is not."""
        return self.error_type != "client_abort" and self.status != "101" and not self.summary
