"""The API for customers and operators, on a listener of its own: who may ask, how often, and answers in JSON.

Each path is a question. Questions are answered in threads of their own, so that a slow one delays no other page; the
same question of the same caller gets the same answer for a while.
"""

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from exporter.errors import ExporterError, QueryError, SlowQueryError, UsageError, place
from exporter.service.web.answers import Receive, Scope, Send, answer
from exporter.service.web.callers import Caller, Callers, RefusedError
from exporter.service.web.parameters import quoted

log = logging.getLogger(__name__)

_JSON = "application/json"
_THREADS = 2
# More questions than this do not wait.
_MOST_WAITING = 32
_MOST_CACHED = 256
_MOST_KEYS = 10_000
_MINUTE = 60.0

# What a path answers to a caller and the parameters of its query.
Question = Callable[[Caller, dict[str, str]], Any]


class Allowance:
    """Lets each key ask so many times a minute: as many at once, and then evenly."""

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, key: str, now: float) -> float:
        """Count a question; how many seconds it comes too early, 0 if it may be asked."""
        left, at = self._left.pop(key, (self._most, now))
        left = min(self._most, left + (now - at) * self._most / _MINUTE)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, now)
        if len(self._left) > _MOST_KEYS:
            del self._left[next(iter(self._left))]
        return 0.0 if allowed else (1 - left) * _MINUTE / self._most


class Api:
    """The ASGI application. `open_` are documents for everybody, by path."""

    def __init__(
        self,
        callers: Callers,
        questions: Mapping[str, Question],
        open_: Mapping[str, Any],
        per_minute: int,
        cached_seconds: float,
    ) -> None:
        self._callers = callers
        self._questions = questions
        self._open = {path: json.dumps(document).encode() for path, document in open_.items()}
        self._allowance = Allowance(per_minute)
        self._cached_seconds = cached_seconds
        self._answers: dict[tuple[Any, ...], tuple[float, asyncio.Future[bytes]]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="api")

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer one request that a `Guard` let through."""
        try:
            body = await self._answer(scope)
        except RefusedError as refused:
            await _fail(send, refused.status, str(refused), refused.headers)
        else:
            await answer(send, 200, _JSON, body)

    async def _answer(self, scope: Scope) -> bytes:
        path = scope["path"]
        if path not in self._questions and path not in self._open:
            raise RefusedError(404, f"Not found. There is {', '.join((*self._questions, *self._open))}.")
        if scope["method"] != "GET":
            raise RefusedError(405, "Only GET is answered here.", {"allow": "GET"})
        if path in self._open:
            return self._open[path]
        caller = self._callers.caller(scope)
        wait = 0.0 if caller.operator else self._allowance.wait(caller.key, time.monotonic())
        if wait:
            raise RefusedError(429, "This API key asks too often.", {"retry-after": str(int(wait) + 1)})
        return await self._asked(path, caller, _parameters(scope))

    async def _asked(self, path: str, caller: Caller, parameters: dict[str, str]) -> bytes:
        """The answer to a question, which may be one that was given to the same lately."""
        question = (path, caller, *sorted(parameters.items()))
        now = time.monotonic()
        for old in [question for question, (until, _) in self._answers.items() if until < now]:
            del self._answers[old]
        if question not in self._answers:
            waiting = sum(not future.done() for _, future in self._answers.values())
            if waiting >= _MOST_WAITING or len(self._answers) >= _MOST_CACHED:
                raise RefusedError(503, "Too many questions are being answered.", {"retry-after": "5"})
            work = asyncio.get_running_loop().run_in_executor(
                self._threads, _ask, self._questions[path], caller, parameters
            )
            self._answers[question] = (math.inf, work)
            work.add_done_callback(lambda done: self._keep(question, done))
        return await asyncio.shield(self._answers[question][1])  # goes on for others if this client disconnects

    def _keep(self, question: tuple[Any, ...], done: asyncio.Future[bytes]) -> None:
        """Keep an answer for a while; a failure is no answer."""
        if done.cancelled() or done.exception():
            del self._answers[question]
        else:
            self._answers[question] = (time.monotonic() + self._cached_seconds, done)

    def close(self) -> None:
        """Let no new question begin."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _ask(question: Question, caller: Caller, parameters: dict[str, str]) -> bytes:
    """In a thread. Failures become answers: operators see where they come from, customers only what concerns them."""
    try:
        return json.dumps(question(caller, parameters)).encode()
    except SlowQueryError as error:
        text = "The answer takes too long: ask for a shorter time, or for larger steps (granularity)."
        raise RefusedError(504, f"{text} {error}" if caller.operator else text) from None
    except QueryError as error:
        raise RefusedError(502, str(error) if caller.operator else "Usage can't be read at present.") from None
    except UsageError as error:
        raise RefusedError(400, str(error)) from None
    except ExporterError as error:
        raise RefusedError(500, str(error) if caller.operator else "Usage can't be read at present.") from None
    except RefusedError:
        raise
    except Exception as error:
        log.error("internal error: %s", place(error))
        raise RefusedError(500, "An internal error; the exporter's log says where.") from None


def _parameters(scope: Scope) -> dict[str, str]:
    """The parameters of the query. RefusedError if one is there twice."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name in found:
            raise RefusedError(400, f"The parameter {quoted(name)} is there twice.")
        found[name] = value
    return found


async def _fail(send: Send, status: int, message: str, headers: Mapping[str, str]) -> None:
    body = json.dumps({"error": {"status": status, "message": message}}).encode()
    await answer(send, status, _JSON, body, dict(headers))
