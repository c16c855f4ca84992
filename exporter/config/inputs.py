"""The config's section `inputs`: the logs."""

from zoneinfo import ZoneInfo

from msgspec import field

from exporter.config.values import check_label
from exporter.errors import FieldError, unknown, within
from exporter.formats.spec import FormatSpec, presets
from exporter.inputs.lines import CHUNK
from exporter.inputs.syslog.address import is_syslog, parse_syslog
from exporter.limits.calendar import time_zone
from exporter.model.catalog import CATALOG
from exporter.model.fields import LONGEST_LINE
from exporter.model.key_shapes import could_be_a_key
from exporter.model.labels import Class
from exporter.yaml_file import Part

# A line that is not whole yet is copied for each chunk, so its time grows with the square of its length.
_MOST_LINE_BYTES = 1 << 25
# Names that no label may have.
RESERVED = {"job", "instance", "le", "quantile"} | {label for family in CATALOG.values() for label in family.labels}


class InputConfig(Part, rename={"class_": "class"}):
    """A log, or several that belong together."""

    path: str
    """The log: a file, a pattern with `*`, `?` and `**`, `-` (standard input), or an address of syslog such as
    `syslog+udp://127.0.0.1:5140`.
    """
    name: str = ""
    """The value of the label `input`. Default: the file's name."""
    format: str | FormatSpec = ""
    """A preset, or a description of the lines."""
    rotated: str = ""
    """A pattern of where rotated logs are, if not beside the log."""
    labels: dict[str, str] = field(default_factory=dict)
    """Labels that are added to all metrics of the input's records."""
    class_: Class = "business"
    """The class of keys that are not registered."""
    timezone: str = ""
    """The time zone of logged times without one. Default: the machine's."""
    max_line_bytes: int = LONGEST_LINE
    """Longer lines are left out and counted."""

    def __post_init__(self) -> None:
        if not self.path:
            raise FieldError("path", "is empty")
        if is_syslog(self.path):
            self.path = str(parse_syslog(self.path))
            if self.rotated:
                raise FieldError("rotated", "is for logs in files; syslog has none")
        if not CHUNK <= self.max_line_bytes <= _MOST_LINE_BYTES:
            problem = f"must be from {CHUNK} to {_MOST_LINE_BYTES}, not {self.max_line_bytes}"
            raise FieldError("max_line_bytes", problem)
        if self.timezone:
            with within("timezone"):
                time_zone(self.timezone)
        for label, value in self.labels.items():
            check_label(("labels", label), label)
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise FieldError(("labels", label), "contains half of a surrogate pair, which is not valid text")
            if could_be_a_key(value):
                raise FieldError(("labels", label), "looks like a raw API key; it would be visible in every metric")
            if label in RESERVED:
                problem = f"{label!r} is used by Prometheus or the catalogue; choose another name"
                raise FieldError(("labels", label), problem)

    @property
    def spec(self) -> FormatSpec:
        """The format; ValueError if it is missing or an unknown preset."""
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
