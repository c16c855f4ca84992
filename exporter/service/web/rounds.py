"""Answers many callers together: one round of work at a time, for all who wait when it begins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Rounds(Generic[Q, A]):
    """Calls `work` with all questions of a round, and gives its answer to each caller. Belongs to one event loop."""

    def __init__(self, work: Callable[[list[Q]], Awaitable[A]]) -> None:
        self._work = work
        self._waiting: dict[asyncio.Future[A], Q] = {}
        self._asked: dict[asyncio.Future[A], Q] = {}
        self._round: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """The answer of the next round. Raises what `work` raises. A round is cancelled once all its callers are."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting[answer] = question
        answer.add_done_callback(self._left)
        self._begin()
        return await answer

    def _begin(self) -> None:
        if self._waiting and not self._round:
            self._asked, self._waiting = self._waiting, {}
            self._round = asyncio.ensure_future(self._run())
            self._round.add_done_callback(self._ended)

    async def _run(self) -> None:
        asked = self._asked
        try:
            answer = await self._work([*asked.values()])
        except Exception as error:
            for future in asked:
                if not future.done():
                    future.set_exception(error)
        else:
            for future in asked:
                if not future.done():
                    future.set_result(answer)

    def _ended(self, _: "asyncio.Task[None]") -> None:
        self._asked, self._round = {}, None
        self._begin()

    def _left(self, answer: "asyncio.Future[A]") -> None:
        self._waiting.pop(answer, None)
        if self._round and answer in self._asked and all(future.cancelled() for future in self._asked):
            self._round.cancel()
