"""The writer: a gateway that logs, and whatever rotates its log. It knows the truth."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.prove.rotate import Link, Log, Old
from tests.prove.truth import ERRORS, Request, Truth

# Exact as floats in any order of addition, so that sums are exact too; on buckets' bounds and between.
_DURATIONS = (0.0, 0.00390625, 0.015625, 0.125, 0.25, 0.5, 0.75, 1.0, 4.5, 60.0)
_METHODS = ("eth_call", "eth_getLogs", "eth_blockNumber", "getSlot", "GET /v1/models", "GET /v1/status", "GET /ws")
_CHAINS = ("eth", "sol", "")
_ORIGINS = ("", "", "shop.example", "app.example")
_RUBBISH = (b"no json\n", b'{"status":200,\n', b'{"a":1}\n', b'{"status":{}}\n', b"\xff\xfe{}\n", b"}\n")
_TOO_LONG = b"x" * (1_300_000) + b"\n"
_KINDS = (
    *("rename", "rename", "rename+late", "rename+gz", "rename+zst"),
    *("copytruncate", "copytruncate+gz", "pack"),
)
_BUSY = 6
# A new key turns up after so many requests.
_NEW_KEY_AFTER = 40

# How many old logs are kept, and how many there may be before the log is not rotated any more.
_KEEP = 8
_MOST = 30
_REST_SECONDS = 0.5
# So long a writer may be silent before it goes on with a log that was renamed: longer than such a log is kept open.
_SILENT_SECONDS = (11.0, 14.0)


class Traffic:
    """Requests of a few busy keys with every method, and of many sparse ones that turn up one by one."""

    def __init__(self, rng: random.Random, keys: int) -> None:
        self._rng = rng
        self._keys = [(f"sk-proof-{rng.getrandbits(64):016x}", f"key-{n:03}" if n % 2 else "") for n in range(keys)]
        self._drawn = 0

    @property
    def registered(self) -> list[tuple[str, str]]:
        """Raw key and id, of the keys that the registry knows."""
        return [(raw, id_) for raw, id_ in self._keys if id_]

    def draw(self) -> Request:
        """The next request."""
        rng = self._rng
        self._drawn += 1
        there = min(len(self._keys), _BUSY + self._drawn // _NEW_KEY_AFTER)
        n = rng.randrange(_BUSY) if rng.random() < 0.7 else rng.randrange(there)
        raw, id_ = self._keys[n]
        methods: tuple[str, ...] = (rng.choice(_METHODS) if n < _BUSY else _METHODS[n % len(_METHODS)],)
        if not methods[0].startswith("GET") and rng.random() < 0.15:
            methods = tuple(rng.choices(_METHODS[:4], k=rng.randint(2, 5)))
        status = rng.choice(tuple(ERRORS)) if rng.random() < 0.15 else 200
        return Request(
            raw_key=raw,
            id=id_,
            chain=rng.choice(_CHAINS) if n < _BUSY else _CHAINS[n % len(_CHAINS)],
            methods=methods,
            origin=rng.choice(_ORIGINS) if n < _BUSY else "",
            network=n,
            status=101 if methods[0] == "GET /ws" else status,
            rpc_error=methods[0] != "GET /ws" and rng.random() < 0.05,
            duration=rng.choice(_DURATIONS),
            received=rng.randrange(1000),
            sent=rng.randrange(100_000),
        )


class Writer(threading.Thread):
    """Writes and rotates until `stop`.

    `caught_up` says whether the exporter has served so many parsed lines: then, and only then, a log that
    is not needed any more may be deleted. `quiet` are other logs, with a line now and then; `link` is one that is a
    link and moves on.
    """

    def __init__(
        self,
        log: Log,
        traffic: Traffic,
        rng: random.Random,
        truth: Truth,
        caught_up: Callable[[int], bool],
        quiet: Sequence[Log] = (),
        link: Link | None = None,
    ) -> None:
        super().__init__(name="writer", daemon=True)
        self.truth = truth
        self.done: Counter[str] = Counter()
        self.error: BaseException | None = None
        self._log = log
        self._traffic = traffic
        self._rng = rng
        self._caught_up = caught_up
        self._quiet = quiet
        self._link = link
        self._enough = threading.Event()
        self._time = time.time()
        # The rest of a line whose beginning is in the log, and its request.
        self._rest: tuple[bytes, Request] | None = None

    def run(self) -> None:
        """The thread."""
        try:
            while not self._enough.wait(self._rng.expovariate(40)):
                self.step()
        except BaseException as error:
            self.error = error
            raise

    def stop(self) -> None:
        """End, with the last line whole."""
        self._enough.set()
        self.join()
        self._finish_line()
        for old in self._log.old:
            if old.writer is not None:
                self._late_lines(old)

    def step(self) -> None:
        """Write a little; now and then rotate."""
        rng = self._rng
        if rng.random() < 0.7:
            self._finish_line()
        if self._rest is None:
            self._lines(1000 if rng.random() < 0.01 else rng.randint(0, 6))
            if self.truth.known and rng.random() < 0.15:
                self._begin_line()
        for old in self._log.old:
            if old.writer is not None and time.monotonic() > old.silent_until:
                self._late_lines(old)
        if self.truth.known and rng.random() < 0.3:
            self._elsewhere()
        if self.truth.known and rng.random() < 0.04 and len(self._log.old) < _MOST:
            for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
                self._rotate()
                self._lines(rng.randint(0, 3))
        if self.truth.known and rng.random() < (0.01 if len(self._log.old) < _MOST // 2 else 0.1):
            self._rest_a_while()

    # --- lines

    def _lines(self, count: int) -> None:
        """Whole lines, in one write or in several; nothing after half a line."""
        if self._rest is not None:
            return
        written = b""
        for _ in range(count):
            written += self._request(self._draw())
            odd = self._rng.random()
            if odd < 0.03:
                written += self._rng.choice(_RUBBISH)
                self.truth.line("rejected")
            elif odd < 0.04:
                written += b"\n"
                self.truth.line("ignored")
            elif odd < 0.0402:
                written += _TOO_LONG
                self.truth.line("rejected")
            if odd > 0.5:
                self._log.write(written)
                written = b""
        if written:
            self._log.write(written)

    def _late_lines(self, old: Old) -> None:
        """What is still written to a log that was renamed. It makes no word known: who reads the new log first may."""
        for _ in range(self._rng.randint(0, 4)):
            old.write(self._request(self._draw(familiar=True).succeeding()))
        if self._rng.random() < 0.2:
            old.release()

    def _draw(self, familiar: bool = False) -> Request:
        """A request; the first one with a word succeeds, and earns it its place. A familiar one has no such word."""
        while not (request := self._traffic.draw()).words <= self.truth.known:
            if not familiar:
                return request.succeeding()
        return request

    def _request(self, request: Request) -> bytes:
        self.truth.request(request)
        return self._line(request)

    def _line(self, request: Request) -> bytes:
        self._time = max(self._time + 0.001, time.time())
        return request.line(self._time)

    def _begin_line(self) -> None:
        request = self._draw(familiar=True)
        line = self._line(request)
        cut = self._rng.randint(1, len(line) - 2)
        self._log.write(line[:cut])
        self._rest = (line[cut:], request)

    def _finish_line(self) -> None:
        if self._rest is not None:
            rest, request = self._rest
            self._rest = None
            self._log.write(rest)
            self.truth.request(request)

    # --- rotation

    def _rotate(self) -> None:
        rng = self._rng
        kind = rng.choice(_KINDS)
        self.done[kind] += 1
        first, _, then = kind.partition("+")
        if first == "pack":
            whole = [old for old in self._log.old if old.has_lines and not old.packed and old.writer is None]
            if whole:
                self._log.pack(rng.choice(whole), rng.choice((".gz", ".zst")))
            return
        old = self._rename(late=then == "late") if first == "rename" else self._copytruncate()
        if then in ("gz", "zst") and old.has_lines:
            self._log.pack(old, "." + then)

    def _rest_a_while(self) -> None:
        """Write nothing until all was served, if that is soon: then what is not needed may go, the log itself too."""
        self._finish_line()
        self._log.write(self._request(self._draw()))
        until = time.monotonic() + _REST_SECONDS
        while not self._caught_up(self.truth.parsed):
            if time.monotonic() > until or self._enough.wait(0.01):
                return
        self._log.prune(_KEEP)
        if self._rng.random() < 0.5:
            self.truth.deleted += 1
            self._log.recreate()
            self.done["recreate"] += 1

    def _rename(self, late: bool) -> Old:
        """Its writer finishes its line after the rename, or never; it may go on for a while."""
        old = self._log.rename()
        rest, self._rest = self._rest, None
        if rest and (late or self._rng.random() < 0.5):
            old.write(rest[0])
            self.truth.request(rest[1])
        elif rest:
            self.truth.line("rejected")
            old.ends_in_half_a_line = True
        if not late:
            old.release()
        elif self._rng.random() < 0.3:
            old.silent_until = time.monotonic() + self._rng.uniform(*_SILENT_SECONDS)
        return old

    def _elsewhere(self) -> None:
        """A line in another log, which makes no word known; some of these logs are rotated, too."""
        rng = self._rng
        others: list[Log | Link] = [*self._quiet, *([self._link] if self._link else [])]
        if not others:
            return
        other = rng.choice(others)
        if isinstance(other, Link):
            for _ in range(rng.randint(0, 3)):
                other.move()
                other.write(self._request(self._draw(familiar=True).succeeding()))
                self.done["move link"] += 1
        elif rng.random() < 0.2:
            other.rename().release()
            self.done["rename quiet"] += 1
        other.write(self._request(self._draw(familiar=True).succeeding()))

    def _copytruncate(self) -> Old:
        """A line may be cut in two: its rest is then a line of its own, or is never written."""
        old = self._log.copytruncate()
        if self._rest is not None:
            self.truth.line("rejected")
            old.ends_in_half_a_line = True
            rest, self._rest = self._rest[0], None
            if self._rng.random() < 0.5:
                self._log.write(rest)
                self.truth.line("rejected")
        return old
