"""Reads the key registry from a gateway's admin API. Raw keys are hashed at once, and no message quotes the response,
as it may hold keys anywhere.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from exporter.errors import InputError, QueryError, UsageError
from exporter.formats.source import Source, parse_path
from exporter.formats.values import text, timestamp
from exporter.http_client import HttpClient, Server
from exporter.keys.file import KeyPart
from exporter.keys.identity import KeyEntry, bare_key
from exporter.model.key_shapes import shown_name
from exporter.model.labels import CLASSES

# The longest wait after failures, in seconds.
_MOST_PATIENCE = 600.0
# More pages than any registry has: an API that never ends must not be read for ever.
_MOST_PAGES = 10_000


class KeyRequest(Struct, kw_only=True):
    """How to request the API. `items` is the path of the list in the response ("" if the response is the list), `pages`
    the path of the number of pages. `fields` has the sources of each field in an item; `key` is the key as in the log.
    `every` is seconds.
    """

    server: Server
    fields: dict[str, tuple[Source, ...]]
    items: str = ""
    pages: str = ""
    every: float


class KeyApi:
    """A source for `Registry`. `hash_of` turns a raw key into its hashed name. With `emails`, e-mail addresses in names
    are shown in full.
    """

    def __init__(self, config: KeyRequest, hash_of: Callable[[str], str], emails: bool = False) -> None:
        self._emails = emails
        self._config = config
        self._hash_of = hash_of
        self._fields = config.fields

    def patience(self, failures: int) -> float:
        """Seconds between two requests, doubled after each failure."""
        every = self._config.every
        return min(every * 2.0 ** min(failures, 20), max(every, _MOST_PATIENCE))

    def read(self) -> tuple[KeyEntry, ...]:
        """All entries. InputError if the request fails or its response is not valid."""
        client = HttpClient(self._config.server)
        try:
            return self._read(client)
        except (QueryError, UsageError) as error:
            raise InputError(str(error)) from None
        finally:
            client.close()

    def _read(self, client: HttpClient) -> tuple[KeyEntry, ...]:
        found: dict[str, KeyEntry] = {}
        page = pages = 1
        while page <= pages:
            answer = self._ask(client, page)
            items = _value_at(answer, _path(self._config.items))
            if not isinstance(items, list):
                raise self._error(f"the response has no list at {self._config.items or 'the top'!r}")
            for item in items:
                entry = self._entry(item, len(found) + 1)
                if entry.public in found:
                    raise self._error(f"entry {len(found) + 1} is the same key as an earlier entry")
                found[entry.public] = entry
            if self._config.pages:
                total = _value_at(answer, _path(self._config.pages))
                pages = min(total, _MOST_PAGES) if isinstance(total, int) else 1
            page += 1
        return tuple(found.values())

    def _ask(self, client: HttpClient, page: int) -> Any:
        answer = client.ask(
            "GET",
            params={"page": str(page)} if self._config.pages else None,
            headers={"Accept": "application/json"},
        )
        if answer.status_code != 200:
            raise self._error(f"the server answered with status {answer.status_code}")
        try:
            return answer.json()
        except (ValueError, RecursionError):
            raise self._error("the response is not valid JSON") from None

    def _entry(self, item: Any, nth: int) -> KeyEntry:
        words = {name: self._word(sources, item) for name, sources in self._fields.items()}
        raw = bare_key(words.pop("key", ""))
        if raw:
            words["hash"] = self._hash_of(raw)
        dates = {name: _date(words.pop(name, "")) for name in ("created", "expires")}
        for name in words.keys() & {"name", "owner", "plan"}:  # chosen by customers: none may make the refresh fail
            words[name] = shown_name(words[name], emails=self._emails)
        enabled, class_ = words.pop("enabled", ""), words.pop("class", "")
        wrong = [name for name, date in dates.items() if date is False]
        if wrong or class_ not in ("", *CLASSES):
            raise self._error(f"entry {nth}: {wrong[0] if wrong else 'class'} is not valid")
        try:
            part = KeyPart(
                **words,
                created=dates["created"],
                expires=dates["expires"],
                enabled=enabled.lower() not in ("false", "0", "no"),
                class_=class_,
            )
        except ValueError as error:
            raise self._error(f"entry {nth}: {error}") from None
        return part.entry

    def _word(self, sources: tuple[Source, ...], item: Any) -> str:
        for source in sources:
            found = source.value if source.value is not None else _value_at(item, _path(source.path))
            word = source.translated(text(found)) if isinstance(found, (str, int, float, bool)) else ""
            if word:
                return word
        return ""

    def _error(self, problem: str) -> InputError:
        return InputError(f"{self._config.server.name}: {problem}")


def _path(path: str) -> tuple[Any, ...]:
    return parse_path(path) if path else ()


def _date(word: str) -> datetime | bool | None:
    """The date; None if the word is empty, False if it is not a date."""
    if not word:
        return None
    at = timestamp(word, zone=UTC)
    return datetime.fromtimestamp(at, UTC) if at else False


def _value_at(found: Any, path: tuple[Any, ...]) -> Any:
    """The value at a path (see formats/source.py) in decoded JSON; None if there is none."""
    for step in path:
        if isinstance(step, str) and isinstance(found, dict):
            found = found.get(step)
        elif isinstance(step, int) and isinstance(found, list):
            found = found[step] if -len(found) <= step < len(found) else None
        else:
            return None
    return found
