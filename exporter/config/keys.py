"""The config's `keys`, if the registry is the gateway's admin API."""

from typing import Any
from urllib.parse import urlsplit

from msgspec import field

from exporter.config.values import Duration
from exporter.durations import seconds
from exporter.errors import FieldError, unknown, within
from exporter.formats.source import Source, parse_path, sources_of
from exporter.keys.api import KeyRequest
from exporter.yaml_file import Part

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


class KeyApiConfig(Part):
    """The gateway's admin API as key registry."""

    url: str
    """The API. With a preset, its host is enough."""
    preset: str = ""
    """An API that is known: `litellm`. It needs no `items`, `pages` and `fields`."""
    items: str = ""
    """The path of the list in the answer. Default: the answer is the list."""
    pages: str = ""
    """The path of the number of pages, which are asked for with `?page=`."""
    fields: dict[str, Any] = field(default_factory=dict)
    """By field (id, hash, key, name, owner, plan, created, expires, enabled, class), its path in an item. `key` is
    the key as it is logged; it is hashed at once.
    """
    token_file: str = ""
    """A file with a bearer token."""
    headers_file: str = ""
    """A file with headers, as lines `Name: value`."""
    ca_file: str = ""
    """Certificates that sign the API's own, if those of the machine do not."""
    every: Duration = "60s"
    """How often the API is asked."""
    timeout: Duration = "10s"
    """How long an answer may take."""
    copy: str = ""
    """The file that keeps the last good answer for the next start; it holds no raw keys. Default: beside the state
    file.
    """

    def __post_init__(self) -> None:
        self._check_url()
        for name in ("every", "timeout"):
            if seconds(getattr(self, name)) < 1:
                raise FieldError(name, "must be at least 1s")
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

    def _check_url(self) -> None:
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            good = False
        if not good:
            raise FieldError("url", "must be like https://gateway.example/keys")
        if parts.username or parts.password:
            raise FieldError("url", "contains a password; put it into a headers_file or token_file")

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
            url=self.url,
            fields=self._sources(),
            items=self.items,
            pages=self.pages,
            token_file=self.token_file,
            headers_file=self.headers_file,
            ca_file=self.ca_file,
            every=seconds(self.every),
            timeout=seconds(self.timeout),
        )
