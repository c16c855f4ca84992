"""Reads the key registry from a gateway's admin API. Raw keys are hashed at once, and no message quotes the response,
as it may hold keys anywhere.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from exporter.errors import InputError
from exporter.formats.source import Source, parse_path
from exporter.formats.values import text, timestamp
from exporter.keys.file import KeyPart
from exporter.keys.identity import KeyEntry, bare_key
from exporter.model.key_shapes import shown_name
from exporter.model.labels import CLASSES

T = TypeVar("T")

# The longest wait after failures, in seconds.
_MOST_PATIENCE = 600.0
# More pages than any registry has: an API that never ends must not be read for ever.
_MOST_PAGES = 10_000


class KeyRequest(Struct, kw_only=True):
    """How to request the API. `items` is the path of the list in the response ("" if the response is the list), `pages`
    the path of the number of pages. `fields` has the sources of each field in an item; `key` is the key as in the log.
    `token_file` holds a bearer token, `headers_file` lines like `Name: value`, `ca_file` the certificates to verify the
    API's certificate with. `every` and `timeout` are seconds.
    """

    url: str
    fields: dict[str, tuple[Source, ...]]
    items: str = ""
    pages: str = ""
    token_file: str = ""
    headers_file: str = ""
    ca_file: str = ""
    every: float
    timeout: float


class KeyApi:
    """A source for `Registry`. `hash_of` turns a raw key into its hashed name. With `emails`, e-mail addresses in names
    are shown in full.
    """

    def __init__(self, config: KeyRequest, hash_of: Callable[[str], str], emails: bool = False) -> None:
        self._emails = emails
        self._config = config
        self._hash_of = hash_of
        self._fields = config.fields
        parts = urlsplit(config.url)
        self._name = f"{parts.scheme}://{parts.netloc}{parts.path}"

    def patience(self, failures: int) -> float:
        """Seconds between two requests, doubled after each failure."""
        every = self._config.every
        return min(every * 2.0 ** min(failures, 20), max(every, _MOST_PATIENCE))

    def read(self) -> tuple[KeyEntry, ...]:
        """All entries. InputError if the request fails or its response is not valid."""
        found: dict[str, KeyEntry] = {}
        page = pages = 1
        while page <= pages:
            answer = self._ask(page)
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

    def _ask(self, page: int) -> Any:
        import requests  # noqa: PLC0415 - long to load, and most registries are files

        config = self._config
        if config.ca_file:
            self._check_authority(config.ca_file)
        try:
            answer = requests.get(
                config.url,
                params={"page": str(page)} if config.pages else None,
                headers=self._headers(),
                timeout=config.timeout,
                allow_redirects=False,  # a header with a secret goes nowhere else
                auth=_with_nothing_else,
                verify=config.ca_file or True,
            )
        except requests.exceptions.SSLError:
            raise self._error("the server's certificate can't be verified; set ca_file to its CA") from None
        except requests.Timeout:
            raise self._error(f"no answer within {config.timeout:g} s") from None
        except (requests.RequestException, UnicodeError, OSError) as error:
            raise self._error(f"the request failed: {_reason(error)}") from None
        if answer.status_code != 200:
            raise self._error(f"the server answered with status {answer.status_code}")
        try:
            return answer.json()
        except (ValueError, RecursionError):
            raise self._error("the response is not valid JSON") from None

    def _headers(self) -> dict[str, str]:
        """The files are read for each request, as secrets are rotated."""
        headers = {"Accept": "application/json"}
        if self._config.token_file:
            headers["Authorization"] = f"Bearer {self._secret(self._config.token_file).strip()}"
        if self._config.headers_file:
            for line in self._secret(self._config.headers_file).splitlines():
                name, colon, value = line.partition(":")
                if colon:
                    headers[name.strip()] = value.strip()
        return headers

    def _check_authority(self, path: str) -> None:
        import ssl  # noqa: PLC0415 - long to load, and most registries are files

        try:
            ssl.create_default_context(cafile=path)
        except ssl.SSLError:
            raise InputError(f"{path} holds no valid certificate") from None
        except OSError as error:
            raise InputError(f"{path} can't be read: {error.strerror}") from None

    def _secret(self, path: str) -> str:
        try:
            return Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} can't be read: {getattr(error, 'strerror', 'it is not UTF-8 text')}") from None

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
        return InputError(f"{self._name}: {problem}")


def _with_nothing_else(request: T) -> T:
    """Authenticate by headers only: without this, `requests` sends the password that ~/.netrc has for the host."""
    return request


def _reason(error: BaseException) -> str:
    """Why a request failed, in the system's words. The library's own text holds the URL."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


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
