"""The config's section `requests`: the request log, which is off without it."""

import re
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from exporter.config.values import Duration, Url
from exporter.durations import seconds
from exporter.errors import FieldError
from exporter.request_log.log import RequestLogSettings
from exporter.yaml_file import Part

_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = r"\A(\d{1,6}(?:\.\d{1,3})?) ?(KiB|MiB|GiB|TiB)\Z"
_SMALLEST = 64 << 20

Size = Annotated[str, Meta(pattern=_SIZE, description="a size, as in 500MiB or 2GiB")]
Share = Annotated[float, Meta(ge=0, le=1, description="a share between 0 and 1")]


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
