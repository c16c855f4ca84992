"""Checks of passwords: one at a time, none twice, and never too many that wait."""

import asyncio
import threading

import bcrypt
import pytest

from exporter.service.web import passwords
from exporter.service.web.passwords import Passwords, TooManyError

USERS = {name: bcrypt.hashpw(word, bcrypt.gensalt(4)).decode() for name, word in (("al", b"one"), ("bo", b"two"))}


class Checks:
    """bcrypt, as far as it is let; how many checks run at once, and how many there were."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.running = self.most = self.done = 0
        self._counting = threading.Lock()

    def __call__(self, password: bytes, hashed: str) -> bool:
        with self._counting:
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.go.acquire(timeout=60)
        with self._counting:
            self.running -= 1
            self.done += 1
        return bcrypt.checkpw(password, hashed.encode())


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    made = Checks()
    monkeypatch.setattr(passwords, "_matches", made)
    return made


def test_verdicts(checks: Checks) -> None:
    """Right, wrong, another's, nobody's; what bcrypt can't take is wrong without a check; none is checked twice."""
    checks.go.release(100)

    async def judge() -> list[bool]:
        judge = Passwords()
        asked = [("al", b"one"), ("al", b"two"), ("bo", b"two"), ("no", b"one"), ("al", b"x" * 73), ("al", b"one\0")]
        return [await judge.right(USERS, name, word, "a") for _ in range(3) for name, word in asked]

    assert asyncio.run(judge()) == [True, False, True, False, False, False] * 3
    assert checks.done == 4


def test_a_changed_password_is_another(checks: Checks) -> None:
    """A verdict holds for the hash that it was found with."""
    checks.go.release(100)

    async def judge() -> list[bool]:
        judge = Passwords()
        return [await judge.right({"al": USERS[user]}, "al", b"one", "a") for user in ("al", "bo", "al")]

    assert asyncio.run(judge()) == [True, False, True]


def test_a_flood_is_bounded_and_a_known_password_does_not_wait(checks: Checks) -> None:
    """One check runs, also when those who asked have left; eight of an address wait, 32 in all, others are refused."""

    async def flood() -> None:
        judge = Passwords()
        checks.go.release()
        assert await judge.right(USERS, "al", b"one", "scraper")

        def ask(n: int, address: str) -> "asyncio.Task[bool]":
            return asyncio.ensure_future(judge.right(USERS, "al", b"%d" % n, address))

        tasks = [ask(n, "one") for n in range(20)]
        tasks += [ask(100 + n, f"address {n}") for n in range(60)]
        while sum(task.done() for task in tasks) < 80 - 33:  # one is being checked, 32 wait
            await asyncio.sleep(0)
        refused = [task for task in tasks if task.done()]
        assert all(isinstance(task.exception(), TooManyError) for task in refused)
        assert sum(task.done() for task in tasks[:20]) in (11, 12)
        assert await judge.right(USERS, "al", b"one", "scraper")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        checks.go.release(100)
        assert not await judge.right(USERS, "al", b"last", "one")

    asyncio.run(flood())
    assert checks.most == 1
