"""`/api/v1/requests`: single requests, searched in a thread; the pipeline is not asked.

/api/v1/requests        a page of rows, the newest first, as JSON; all of them as CSV or JSON lines with `format`
/api/v1/requests/sums   what they add up to
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from exporter.errors import ExporterError, UsageError
from exporter.keys.identity import KeyEntry
from exporter.request_log.fields import OF_OPERATORS
from exporter.request_log.filters import Filter, filter_of
from exporter.request_log.key_names import KeyNames
from exporter.request_log.log import RequestLogSettings
from exporter.request_log.search import Cursor, Search, TooLongError, cursor_of
from exporter.request_log.written import as_object, csv_lines, json_lines
from exporter.service.web.answers import Scope, Send, answer
from exporter.service.web.parameters import whole

T = TypeVar("T")

PATH = "/api/v1/requests"
SUMS_PATH = "/api/v1/requests/sums"
_JSON = "application/json"
_FORMATS = {"csv": ("text/csv; charset=utf-8", csv_lines), "jsonl": ("application/x-ndjson", json_lines)}
# The rows of a page, if nobody says how many, and at most.
PAGE_ROWS, MOST_PAGE_ROWS = 100, 1000
# Searches, and exports, that run at a time; others wait.
_SEARCHES, _EXPORTS = 2, 2
_EXPORT_SECONDS = 600.0
_ROWS_A_BLOCK = 500
ONLY_OPERATORS = "answered on this machine only, or with a user or a client certificate of a web config"


class RequestsApi:
    """Answers both paths. `settings` returns those of the request log, None while there is none; `entries` the key
    registry's entries.
    """

    def __init__(
        self, settings: Callable[[], RequestLogSettings | None], entries: Callable[[], Mapping[str, KeyEntry]]
    ) -> None:
        self._settings = settings
        self._entries = entries
        self._searches = asyncio.Semaphore(_SEARCHES)
        self._exports = asyncio.Semaphore(_EXPORTS)

    async def operators(self, scope: Scope, send: Send) -> None:
        """Answer an operator; 403 to anybody else."""
        if not scope["state"]["operator"]:
            await _refuse(send, 403, ONLY_OPERATORS)
            return
        await self._answer(scope, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        settings = self._settings()
        if settings is None:
            await _refuse(send, 404, "no single requests are kept: the config has no section `requests`")
            return
        try:
            asked = _query(scope)
            options = {name: asked.pop(name, "") for name in ("limit", "cursor", "after", "format")}
            wanted = filter_of(asked)
            if scope["path"] == SUMS_PATH:
                await _send_json(send, scope, await self._sums(settings, wanted))
            elif options["format"] in ("", "json"):
                await _send_json(send, scope, await self._page(settings, wanted, options))
            else:
                await self._export(scope, send, settings, wanted, options)
        except UsageError as error:
            await _refuse(send, 400, str(error))
        except TooLongError as error:
            await _refuse(send, 503, str(error))
        except ExporterError as error:
            await _refuse(send, 500, str(error))

    def _search(self, settings: RequestLogSettings, **patience: float) -> Search:
        return Search(settings.path, KeyNames(self._entries()), settings.keep, **patience)

    async def _run(self, search: Callable[[], T]) -> T:
        async with self._searches:
            return await asyncio.to_thread(search)

    async def _page(self, settings: RequestLogSettings, wanted: Filter, options: dict[str, str]) -> dict[str, Any]:
        limit = whole("limit", options["limit"], PAGE_ROWS, MOST_PAGE_ROWS)
        cursor = cursor_of(options["cursor"]) if options["cursor"] else None

        def page() -> dict[str, Any]:
            search = self._search(settings)
            if options["after"]:
                after = whole("after", options["after"], 0)
                rows, following = search.after(wanted, after, limit), None
                last = rows[-1]["id"] if rows else after
            else:
                last = search.last_id()  # before the search: what comes meanwhile is after it
                found = search.newest(wanted, limit, cursor)
                rows, following = found.rows, found.next
            objects = [as_object(row, OF_OPERATORS) for row in rows]
            return {"requests": objects, "next": following and str(following), "last": last}

        return await self._run(page)

    async def _sums(self, settings: RequestLogSettings, wanted: Filter) -> dict[str, Any]:
        sums = await self._run(lambda: self._search(settings).sums(wanted))
        return msgspec.structs.asdict(sums)

    async def _export(
        self,
        scope: Scope,
        send: Send,
        settings: RequestLogSettings,
        wanted: Filter,
        options: dict[str, str],
    ) -> None:
        if options["format"] not in _FORMATS:
            raise UsageError(f"format: {options['format'][:40]!r} is not valid (allowed: json, {', '.join(_FORMATS)})")
        content_type, written = _FORMATS[options["format"]]
        limit = whole("limit", options["limit"], 0)
        cursor: Cursor | None = cursor_of(options["cursor"]) if options["cursor"] else None
        file = f'attachment; filename="requests.{options["format"]}"'
        headers = [(b"content-type", content_type.encode()), (b"content-disposition", file.encode())]
        async with self._exports:
            rows = self._search(settings, patience=_EXPORT_SECONDS).each(wanted, cursor)
            try:
                lines = written(islice(rows, limit) if limit else rows, OF_OPERATORS)
                block = await asyncio.to_thread(_block, lines)  # before the answer begins: it may be refused
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                while block and scope["method"] != "HEAD":
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                    block = await asyncio.to_thread(_block, lines)
                await send({"type": "http.response.body", "body": b""})
            finally:
                with suppress(ValueError):  # the client has left, and a thread still searches
                    rows.close()


def _block(lines: Iterator[bytes]) -> bytes:
    return b"".join(islice(lines, _ROWS_A_BLOCK))


def _query(scope: Scope) -> dict[str, str]:
    """The parameters; a name that is given several times has several values, as with commas."""
    asked: dict[str, str] = {}
    try:
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), max_num_fields=100, errors="replace")
    except ValueError:
        raise UsageError("too many parameters") from None
    for name, value in pairs:
        asked[name] = f"{asked[name]},{value}" if name in asked else value
    return asked


async def _send_json(send: Send, scope: Scope, found: dict[str, Any]) -> None:
    body = b"" if scope["method"] == "HEAD" else msgspec.json.encode(found) + b"\n"
    await answer(send, 200, _JSON, body)


async def _refuse(send: Send, status: int, text: str) -> None:
    await answer(send, status, _JSON, msgspec.json.encode({"error": text}) + b"\n")
