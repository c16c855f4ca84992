"""How rows are sent, and how that goes; apart, as it loads nothing."""

from msgspec import Struct

from exporter.http_client import Server


class OtlpSettings(Struct, frozen=True, kw_only=True):
    """Where rows are sent. `resource` has more attributes of the sender; `certificate` the files of its certificate and
    key.
    """

    server: Server
    resource: dict[str, str] = {}
    certificate: tuple[str, str] | None = None


class Sending(Struct):
    """What the status page shows: where rows go, how many wait at most and for how long, when a request succeeded last,
    in epoch seconds, and why nothing is sent now.
    """

    receiver: str
    rows: int
    lag: float
    succeeded_at: float
    problem: str
