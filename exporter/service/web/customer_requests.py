"""`/api/v1/requests` for customers: the requests of the key that asks, with fields made for customers.

Nothing says how many requests others have made: rows have no number, and a cursor counts the key's own rows only.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from exporter.errors import ExporterError, UsageError
from exporter.keys.identity import KeyEntry
from exporter.request_log.fields import OF_CUSTOMERS
from exporter.request_log.filters import CUSTOMER_FILTERS, Filter, filter_of, only_key
from exporter.request_log.key_names import KeyNames
from exporter.request_log.log import RequestLogSettings
from exporter.request_log.search import Cursor, Search, TooLongError, cursor_of
from exporter.request_log.written import as_object
from exporter.service.web.callers import Caller, RefusedError
from exporter.service.web.parameters import LARGEST, check_names, whole
from exporter.service.web.requests import MOST_PAGE_ROWS, PAGE_ROWS, PATH, SUMS_PATH

_OPTIONS = ("limit", "cursor")
# A search that takes longer is given up: others wait.
_PATIENCE_SECONDS = 5.0


class CustomerRequests:
    """Answers both paths. `settings` returns those of the request log, None while there is none; `entries` the key
    registry's entries.
    """

    def __init__(
        self, settings: Callable[[], RequestLogSettings | None], entries: Callable[[], Mapping[str, KeyEntry]]
    ) -> None:
        self._settings = settings
        self._entries = entries

    @property
    def questions(self) -> dict[str, Callable[[Caller, dict[str, str]], dict[str, Any]]]:
        """The paths, and what answers them: UsageError if a parameter is wrong, RefusedError if there is no answer."""
        return {PATH: partial(self._answer, self._page, _OPTIONS), SUMS_PATH: partial(self._answer, self._sums, ())}

    def _answer(
        self,
        answer: Callable[[Search, Filter, dict[str, str]], dict[str, Any]],
        options: tuple[str, ...],
        caller: Caller,
        parameters: dict[str, str],
    ) -> dict[str, Any]:
        if caller.operator:
            raise RefusedError(403, "An API key is needed; operators ask at the exporter's own address.")
        settings = self._settings()
        if settings is None:
            raise RefusedError(404, "No single requests are kept.")
        check_names(parameters, (*CUSTOMER_FILTERS, *options))
        wanted = filter_of({name: value for name, value in parameters.items() if name not in options}, CUSTOMER_FILTERS)
        only_key(wanted, caller.key)
        search = Search(settings.path, KeyNames(self._entries()), settings.keep, _PATIENCE_SECONDS)
        try:
            return answer(search, wanted, parameters)
        except TooLongError:
            raise RefusedError(504, "The search takes too long: ask for a shorter time.") from None
        except UsageError:
            raise
        except ExporterError:  # it names files
            raise RefusedError(500, "Requests can't be read at present.") from None

    def _page(self, search: Search, wanted: Filter, options: dict[str, str]) -> dict[str, Any]:
        limit = whole("limit", options.get("limit", ""), PAGE_ROWS, MOST_PAGE_ROWS)
        cursor = options.get("cursor", "")
        page = search.newest(wanted, limit, _inner(search, wanted, cursor_of(cursor)) if cursor else None)
        following = _outer(search, wanted, page.next) if page.next else None
        return {"requests": [_shown(row) for row in page.rows], "next": following and str(following)}

    def _sums(self, search: Search, wanted: Filter, _: dict[str, str]) -> dict[str, Any]:
        return msgspec.structs.asdict(search.sums(wanted))


def _outer(search: Search, wanted: Filter, cursor: Cursor) -> Cursor:
    """A cursor as customers get it: instead of a row's id, how many rows of the filter and the same time are left."""
    return Cursor(cursor.time, bisect_left(search.ids_at(wanted, cursor.time), cursor.id))


def _inner(search: Search, wanted: Filter, cursor: Cursor) -> Cursor:
    """The same place by a row's id. New rows of that time have higher ids, and change nothing."""
    ids = search.ids_at(wanted, cursor.time)
    return Cursor(cursor.time, ids[cursor.id] if cursor.id < len(ids) else LARGEST)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    shown = as_object(row, OF_CUSTOMERS)
    if (shown["request_id"] or "").isdigit():  # a gateway that counts its requests
        shown["request_id"] = None
    return shown
