"""How rows are sent; apart, as it loads nothing."""

from msgspec import Struct

from exporter.http_client import Server


class OtlpSettings(Struct, frozen=True, kw_only=True):
    """Where rows are sent. `resource` has more attributes of the sender; `certificate` the files of its certificate and
    key.
    """

    server: Server
    resource: dict[str, str] = {}
    certificate: tuple[str, str] | None = None
