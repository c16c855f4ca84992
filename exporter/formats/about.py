"""What a preset says of itself: docs/formats.md is made of it."""

from msgspec import Struct

from exporter.errors import FieldError


class About(Struct, kw_only=True, forbid_unknown_fields=True):
    """Of which gateway and versions a format is, how to switch its log on, and where that is documented.

    `lacks` is what the log can't tell beyond the fields that the format has no source for.
    """

    gateway: str
    versions: str
    settings: str
    lacks: str = ""
    links: list[str]

    def __post_init__(self) -> None:
        if not self.links or not all(link.startswith("https://") for link in self.links):
            raise FieldError("links", "needs one or more addresses that start with https://")
