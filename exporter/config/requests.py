"""The config's section `requests`: the request log, which is off without it."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, field

from exporter.config.server import FILES, ServerPart
from exporter.config.values import Duration, Url
from exporter.durations import seconds
from exporter.errors import FieldError
from exporter.request_log.log import RequestLogSettings
from exporter.request_log.outbox.settings import OtlpSettings
from exporter.yaml_file import Part

_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = r"\A(\d{1,6}(?:\.\d{1,3})?) ?(KiB|MiB|GiB|TiB)\Z"
_SMALLEST = 64 << 20

Size = Annotated[str, Meta(pattern=_SIZE, description="a size, as in 500MiB or 2GiB")]
Share = Annotated[float, Meta(ge=0, le=1, description="a share between 0 and 1")]


class OtlpConfig(ServerPart, rename={"url": "endpoint"}):
    """Where kept requests are sent by OTLP over HTTP, as OpenTelemetry's logs."""

    url: str
    """The receiver's whole URL: http://HOST:4318/v1/logs of a collector, http://HOST:3100/otlp/v1/logs of Loki,
    http://HOST:9428/insert/opentelemetry/v1/logs of VictoriaLogs.
    """
    resource: dict[str, str] = field(default_factory=dict)
    """More attributes of the sender, such as `deployment.environment.name`, or another `service.name`."""
    cert_file: str = ""
    """The exporter's own certificate, if the receiver wants one, with a `key_file`."""
    key_file: str = ""
    """The key of `cert_file`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.cert_file) != bool(self.key_file):
            raise FieldError("cert_file", "goes with a key_file, and only with one")
        if "service.instance.id" in self.resource:
            raise FieldError(("resource", "service.instance.id"), "can't be set: ids of requests are made of it")

    def _check_url(self) -> None:
        try:
            super()._check_url()
        except FieldError as error:
            raise FieldError("endpoint", error.problem) from None
        if urlsplit(self.url).path in ("", "/"):
            raise FieldError("endpoint", "has no path; give the whole URL, as in http://collector.example:4318/v1/logs")

    @property
    def files(self) -> tuple[str, ...]:
        """The fields that name files."""
        return (*FILES, "cert_file", "key_file")

    @property
    def settings(self) -> OtlpSettings:
        """How it is sent."""
        certificate = (self.cert_file, self.key_file) if self.cert_file else None
        return OtlpSettings(server=self.server, resource=self.resource, certificate=certificate)


class RequestsConfig(Part):
    """Single requests that are kept."""

    path: str = ""
    """The folder of the kept requests. Default: next to the state file."""
    keep: Duration = "7d"
    """How long a request is kept, from 1h to 400d."""
    max_size: Size = "2GiB"
    """How large all files may become; the oldest days go first."""
    successes: Share = 1.0
    """The share of successful requests that is kept."""
    failures: Share = 1.0
    """The share of failed requests that is kept."""
    client: Literal["network", "full", "none"] = "network"
    """How much of a client's address is kept: its network, all of it, or nothing."""
    url: Url | None = None
    """Where operators open this exporter, as https://exporter.example.com. Dashboards and alerts then link to its page
    of single requests.
    """
    otlp: OtlpConfig | None = None
    """Where they are sent, too. Default: nowhere."""

    def __post_init__(self) -> None:
        if not 3600 <= seconds(self.keep) <= 400 * 86_400:
            raise FieldError("keep", "must be at least 1h, and at most 400d")
        if self.max_bytes < _SMALLEST:
            raise FieldError("max_size", f"must be at least {_SMALLEST >> 20}MiB")

    @property
    def settings(self) -> RequestLogSettings:
        """Where and how requests are kept."""
        return RequestLogSettings(
            path=Path(self.path),
            keep=seconds(self.keep),
            max_size=self.max_bytes,
            successes=self.successes,
            failures=self.failures,
            client=self.client,
        )

    @property
    def max_bytes(self) -> int:
        """`max_size` in bytes."""
        found = re.match(_SIZE, self.max_size)
        return int(float(found[1]) * _UNITS[found[2]]) if found else 0
