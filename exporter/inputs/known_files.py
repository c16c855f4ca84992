"""What is known of files that are not open now: which file goes on where."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace as changed

from exporter.inputs.content import Content
from exporter.inputs.elsewhere import Elsewhere
from exporter.inputs.fingerprint import SPAN, Identity, Position, Stamp
from exporter.inputs.heads import Heads
from exporter.inputs.tail import Tail

# A file that was read to its end is remembered for as long as it is there; of those that are not found any more
# so many, in case that they come back.
_GONE = 200
# What is remembered of finished files is written down in so many parts, each when it has changed.
_PAGES = 256

T = TypeVar("T")
# Work in steps, so that others get their turn in between; its outcome in the end.
Steps = Generator[None, None, T]


def at_once(steps: Steps[T]) -> T:
    """The outcome, where nobody else has to get a turn."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: T = end.value
            return outcome


@dataclass(eq=False)
class MissingFile:
    """A file that was being read, and is looked for; if `quiet`, it is no loss where it is not found. Of one that was
    `truncated` while it was read: the last size that was seen, and its unfinished line."""

    position: Position
    truncated: bool = False
    seen: int = 0
    rest: bytes = b""
    quiet: bool = False

    def emptied(self, identity: Identity | None) -> bool:
        """Whether a file is the one that was truncated, so that what it holds now is something else."""
        return self.truncated and self.position.identity == identity


class Found(NamedTuple):
    """A file is a known one, and goes on at the offset. `sought` if that one is missing, `other` if it is open; if
    `shorter`, that one went on where this one ends."""

    position: Position
    offset: int
    sought: bool
    other: Tail | None = None
    shorter: bool = False
    rank: tuple[bool, bool, int, bool] = (False, False, 0, False)


class KnownFiles:
    """The files that are looked for, and those that were read to their end; by this input, or `elsewhere`."""

    def __init__(self, elsewhere: Elsewhere) -> None:
        self._elsewhere = elsewhere
        self.missing: dict[MissingFile, None] = {}
        self._empty: dict[MissingFile, None] = {}  # those of which nothing was read yet
        self._sought: Heads[MissingFile] = Heads()
        self._read: Heads[Position] = Heads()
        self._finished: dict[str, dict[Position, None]] = {}
        self._gone: dict[Position, None] = {}
        self._pages: dict[int, dict[Position, None]] = {}
        self._encoded: dict[int, msgspec.Raw] = {}

    # --- what to store

    def positions(self) -> list[Position]:
        """All of it, as `restore` takes it."""
        finished = [position for page in self._pages.values() for position in page]
        return [*finished, *(one.position for one in self.missing)]

    def pages(self) -> dict[int, msgspec.Raw]:
        """The finished ones, encoded; a page is the same as before unless something in it has changed."""
        for number, page in self._pages.items():
            if number not in self._encoded:
                self._encoded[number] = msgspec.Raw(msgspec.msgpack.encode([one.stored() for one in page]))
        return self._encoded

    def restore(self, position: Position, quiet: bool = False) -> None:
        """Take what was stored; where it is looked for in vain, that is told unless `quiet`."""
        if position.finished:
            self.finish(position)
        else:
            self.miss(MissingFile(position, quiet=quiet))

    # --- what goes to other inputs

    def release(self, is_own: Callable[[str], bool]) -> list[Position]:
        """Forget the files whose log is not the input's own any more; what was known of them."""
        released = [one for one in self.positions() if not is_own(one.path)]
        for missing in [one for one in self.missing if not is_own(one.position.path)]:
            self._found(missing)
        for position in [one for one in self.finished() if not is_own(one.path)]:
            self._forget(position)
        return released

    def hand_over(self, content: Content, identity: Identity) -> Position | None:
        """Forget a file that another input reads on from now on; where to. Of one that was finished, a few bytes are
        not enough to know it.
        """
        first = content.pread(SPAN, 0)
        sought = [one.position for one in self._sought.alike(first) if not one.truncated]
        for position in (*sought, *self._read.alike(first)):
            likely = position in sought or position.strong or content.size() == position.offset
            if position.identity == identity and likely and position.agrees(content):
                self.pop(position)
                return position
        return None

    # --- what happens

    def miss(self, missing: MissingFile) -> None:
        """A file is looked for from now on."""
        self.missing[missing] = None
        if not missing.position.offset:
            self._empty[missing] = None
        self._sought.add(missing.position.begin, missing)

    def finish(self, position: Position, stamp: Stamp | None = None) -> Position:
        """A file was read to its end. With the stamp that it had then, it needs no second look."""
        if stamp:
            device, inode, size, at = stamp
            position = changed(position, device=device, inode=inode, size=size, changed=at)
        position = changed(position, finished=True, ended=False)
        if position.offset:
            self._finished.setdefault(position.path, {})[position] = None
            self._read.add(position.begin, position)
            self._page_of(position)[position] = None
        return position

    def finished(self, logs: Iterable[str] | None = None) -> list[Position]:
        """Those of some logs that were read to their end; else all."""
        chosen = self._finished if logs is None else logs
        return [position for log in chosen for position in self._finished.get(log, ())]

    def logs(self) -> set[str]:
        """The logs of which something is known."""
        return {*self._finished, *(one.position.path for one in self.missing)}

    def is_gone(self, position: Position) -> None:
        """The file of a finished one was not found; the last such ones are still remembered, but not by inode: that is
        given to another file soon."""
        if position in self._gone:
            return
        self._forget(position)
        self._gone[self.finish(changed(position, device=0, inode=0, size=0, changed=0))] = None
        if len(self._gone) > _GONE:
            self._forget(next(iter(self._gone)))

    def pop(self, position: Position) -> MissingFile | None:
        """A file was found, and is read on: it is neither missing nor finished."""
        self._elsewhere.claim(position)
        if position in self._finished.get(position.path, ()):
            self._forget(position)
        for one in self._sought.like(position.begin):
            if one.position is position:
                self._found(one)
                return one
        return None

    def pop_empty(self, log: str, identity: Identity | None) -> None:
        """A file begins that may be one of which nothing was read yet: by inode, or if None, by the log's name."""
        for one in [*self._empty]:
            same = one.position.path == log if identity is None else one.position.identity == identity
            if same and not one.emptied(identity):
                self._found(one)

    def give_up(self) -> list[MissingFile]:
        """Those that were not found, and whose loss is to be told. If one turns up later it is known."""
        lost = [*self.missing]
        for one in lost:
            self._found(one)
            if one.position.offset:
                self.is_gone(self.finish(one.position))
        return [one for one in lost if not one.quiet]

    # --- what is asked

    def begins(self, first: bytes, opened: Heads[Tail]) -> bool:
        """Whether any known file begins so."""
        known = any(True for heads in (self._sought, self._read, opened) for _ in heads.alike(first))
        return known or bool(self._elsewhere.alike(first))

    def follows(self, log: str) -> bool:
        """Whether something is known of a log with this path."""
        return log in self._finished or any(one.position.path == log for one in self.missing)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known, here or elsewhere."""
        return not (self.missing or self._finished or self._elsewhere.former)

    def find(self, content: Content, identity: Identity, opened: Heads[Tail]) -> Steps[Found | None]:
        """Which known file this is, or a copy of; `opened` are those that are open elsewhere.

        A short file may begin as another one does. So a few bytes are enough only for a file that is looked
        for; a copy of one that was found already has the same size, or is the same inode.
        """
        first = content.pread(SPAN, 0)
        alike: list[tuple[Position, bool, Tail | None]] = [
            (one.position, not one.emptied(identity), None) for one in self._sought.alike(first)
        ]
        alike += [(one, False, None) for one in (*self._read.alike(first), *self._elsewhere.alike(first))]
        alike += [(tail.reached(), False, tail) for tail in opened.alike(first)]
        best: Found | None = None
        for one, wanted, other in sorted(alike, key=lambda known: known[0].offset):
            if not (wanted or one.strong or one.identity == identity or content.size() == one.offset):
                continue
            while content.size() != one.offset and not content.ready(one.offset):
                yield
            if one.agrees(content):
                found = Found(one, one.offset, wanted, other, rank=_rank(one, identity, wanted))
                best = found if best is None or found.rank > best.rank else best
        if best:
            return best
        size = content.size()
        for one, wanted, other in alike:
            if one.strong and size is not None and size < one.offset:
                return Found(one, size, wanted, other, shorter=True)
        return None

    def _found(self, missing: MissingFile) -> None:
        del self.missing[missing]
        self._empty.pop(missing, None)
        self._sought.remove(missing.position.begin, missing)

    def _forget(self, position: Position) -> None:
        of_log = self._finished[position.path]
        del of_log[position]
        if not of_log:
            del self._finished[position.path]
        self._read.remove(position.begin, position)
        self._gone.pop(position, None)
        page = self._page_of(position)
        del page[position]
        if not page:
            del self._pages[position.inode % _PAGES]

    def _page_of(self, position: Position) -> dict[Position, None]:
        """The page that a position is on, which is about to change."""
        number = position.inode % _PAGES
        self._encoded.pop(number, None)
        return self._pages.setdefault(number, {})


def _rank(position: Position, identity: Identity, wanted: bool) -> tuple[bool, bool, int, bool]:
    """The better of several known files that a file agrees with is the larger one."""
    return position.strong, position.identity == identity, position.offset, wanted == position.strong
