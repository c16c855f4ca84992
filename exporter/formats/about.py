"""A preset's description for people: docs/formats.md is generated from it."""

from msgspec import Struct

from exporter.errors import FieldError


class About(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a preset says of itself."""

    gateway: str
    """The gateway and its log."""
    versions: str
    """The versions whose logs are read."""
    settings: str
    """How to switch the log on."""
    lacks: str = ""
    """What the log does not have, besides the fields without a source."""
    links: list[str]
    """The gateway's documentation or source."""

    def __post_init__(self) -> None:
        if not self.links or not all(link.startswith("https://") for link in self.links):
            raise FieldError("links", "must have at least one URL, and all must start with https://")
