"""A preset's description for people: docs/formats.md is generated from it."""

from msgspec import Struct

from exporter.errors import FieldError


class About(Struct, kw_only=True, forbid_unknown_fields=True):
    """The gateway and versions of a format, how to enable its log, and links to its documentation.

    `lacks` is what the log does not have, besides the fields without a source.
    """

    gateway: str
    versions: str
    settings: str
    lacks: str = ""
    links: list[str]

    def __post_init__(self) -> None:
        if not self.links or not all(link.startswith("https://") for link in self.links):
            raise FieldError("links", "must have at least one URL, and all must start with https://")
