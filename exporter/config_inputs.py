"""The config's section `inputs`: the logs."""

import re
from zoneinfo import ZoneInfo

from msgspec import field

from exporter.catalog import CATALOG
from exporter.errors import unknown
from exporter.formats.format import FormatSpec, presets
from exporter.keyfile import CLASSES
from exporter.windows import time_zone
from exporter.yamlfile import Part

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_RESERVED = {"job", "instance", "le", "quantile"} | {label for family in CATALOG.values() for label in family.labels}


class InputConfig(Part, rename={"class_": "class"}):
    """A log, or with `*` and `?` several that belong together. `-` is standard input.

    `name` is the value of the `input` label. `labels` are added to every family of records.
    `rotated` is a pattern of where old logs go, if that is not beside them. `timezone` is for formats
    that write times without a zone; the machine's unless said.
    """

    path: str
    name: str = ""
    format: str | FormatSpec = ""
    rotated: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    class_: str = "business"
    timezone: str = ""

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("path is empty")
        if self.class_ not in CLASSES:
            raise ValueError(unknown("class", self.class_, CLASSES))
        if self.timezone:
            time_zone(self.timezone)
        for label, value in self.labels.items():
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise ValueError(f"labels: {label}: half of a character is no text")
            if not _LABEL.fullmatch(label) or label.startswith("__"):
                raise ValueError(f"labels: {label!r} is no label name: letters, digits and _ are allowed")
            if label in _RESERVED:
                raise ValueError(f"labels: {label!r} is used by Prometheus or the catalogue; choose another name")

    @property
    def spec(self) -> FormatSpec:
        """The format; ValueError where it is missing or no preset."""
        if isinstance(self.format, FormatSpec):
            return self.format
        if not self.format:
            raise ValueError("is missing: name a preset, or describe the format with json, template or regex")
        if self.format not in presets():
            raise ValueError(unknown("preset", self.format, presets()))
        return FormatSpec(preset=self.format)

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone of times without one."""
        return time_zone(self.timezone) if self.timezone else None
