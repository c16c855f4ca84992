"""The config's `keys`, if the registry is the gateway's admin API."""

from typing import Any
from urllib.parse import urlsplit

from msgspec import field

from exporter.config.server import ServerPart
from exporter.config.values import Duration
from exporter.durations import seconds
from exporter.errors import FieldError, unknown, within
from exporter.formats.source import Source, parse_path, sources_of
from exporter.keys.api import KeyRequest

_FIELDS = ("id", "hash", "key", "name", "owner", "plan", "created", "expires", "enabled", "class")
_PRESETS: dict[str, dict[str, Any]] = {
    # LiteLLM proxy: /key/list. Its log has a key's `token`, which is a hash of the key.
    "litellm": {
        "path": "/key/list?return_full_object=true&include_team_keys=true&size=100",
        "items": "keys",
        "pages": "total_pages",
        "fields": {
            "key": "token",
            "name": ["key_alias", "key_name"],
            "owner": ["team_alias", "team_id", "user_id"],
            "plan": "metadata.plan",
            "created": "created_at",
            "expires": "expires",
            "enabled": {"path": "blocked", "map": {"true": "false", "*": "true"}},
        },
    },
}


class KeyApiConfig(ServerPart):
    """The gateway's admin API as key registry."""

    preset: str = ""
    """An API that is known: `litellm`. `url` needs no path then, and no `items`, `pages` and `fields` are needed."""
    items: str = ""
    """The path of the list in the answer. Default: the answer is the list."""
    pages: str = ""
    """The path of the number of pages, which are asked for with `?page=`."""
    fields: dict[str, Any] = field(default_factory=dict)
    """By field (id, hash, key, name, owner, plan, created, expires, enabled, class), its path in an item. `key` is
    the key as it is logged; it is hashed at once.
    """
    every: Duration = "60s"
    """How often the API is asked."""
    copy: str = ""
    """The file that keeps the last good answer for the next start; it holds no raw keys. Default: beside the state
    file.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if seconds(self.every) < 1:
            raise FieldError("every", "must be at least 1s")
        if self.preset and self.preset not in _PRESETS:
            raise FieldError("preset", unknown("preset", self.preset, _PRESETS))
        self._take_preset()
        if not {"id", "hash", "key"} & self.fields.keys():
            raise FieldError("fields", "map id, hash or key: a key is identified by one of them")
        for name in ("items", "pages"):
            if path := getattr(self, name):
                with within(name):
                    parse_path(path)
        self._sources()

    def _take_preset(self) -> None:
        preset = _PRESETS.get(self.preset)
        if preset:
            self.items = self.items or preset["items"]
            self.pages = self.pages or preset["pages"]
            self.fields = preset["fields"] | self.fields
            if urlsplit(self.url).path in ("", "/"):
                self.url = self.url.rstrip("/") + preset["path"]

    def _sources(self) -> dict[str, tuple[Source, ...]]:
        found: dict[str, tuple[Source, ...]] = {}
        for name, spec in self.fields.items():
            with within("fields", name):
                if name not in _FIELDS:
                    raise ValueError(unknown("field", name, _FIELDS))
                found[name] = sources_of("text", spec)
                for source in found[name]:
                    if source.path:
                        parse_path(source.path)
        return found

    @property
    def request(self) -> KeyRequest:
        """How the API is asked."""
        return KeyRequest(
            server=self.server,
            fields=self._sources(),
            items=self.items,
            pages=self.pages,
            every=seconds(self.every),
        )
