"""What is known of files that are not open now: which file goes on where."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace as changed

from exporter.inputs.content import Content
from exporter.inputs.elsewhere import Elsewhere
from exporter.inputs.fingerprint import SPAN, Identity, Position

# So many files that were read to their end are remembered, so that their copies are known.
_FINISHED = 200


@dataclass
class Missing:
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
    """A file is a known one, and goes on at the offset. `sought` if that one is missing; if `shorter`, that one
    went on where this one ends."""

    position: Position
    offset: int
    sought: bool
    shorter: bool = False
    rank: tuple[bool, bool, int, bool] = (False, False, 0, False)


class Known:
    """The files that are looked for, and those that were read to their end; by this input, or `elsewhere`."""

    def __init__(self, elsewhere: Elsewhere) -> None:
        self.missing: list[Missing] = []
        self._elsewhere = elsewhere
        self._finished: deque[Position] = deque(maxlen=_FINISHED)

    def positions(self) -> list[Position]:
        """All of it, as `restore` takes it."""
        return [*self._finished, *(one.position for one in self.missing)]

    def restore(self, position: Position, quiet: bool = False) -> None:
        """Take what was stored; where it is looked for in vain, that is told unless `quiet`."""
        if position.finished:
            self.finish(position)
        else:
            self.missing.append(Missing(position, quiet=quiet))

    def release(self, is_own: Callable[[str], bool]) -> list[Position]:
        """Forget the files whose log is not the input's own any more; what was known of them."""
        released = [one for one in self.positions() if not is_own(one.path)]
        self.missing = [one for one in self.missing if is_own(one.position.path)]
        self._finished = deque([one for one in self._finished if is_own(one.path)], maxlen=_FINISHED)
        return released

    def hand_over(self, content: Content, identity: Identity) -> Position | None:
        """Forget a file that another input reads on from now on; where to. Of one that was finished, a few bytes are
        not enough to know it.
        """
        sought = [one.position for one in self.missing if not one.truncated]
        for position in (*sought, *self._finished):
            likely = position in sought or position.strong or content.size() == position.offset
            if position.offset and position.identity == identity and likely and _is(position, content):
                self.take(position)
                return position
        return None

    def follows(self, log: str) -> bool:
        """Whether something is known of a log with this path."""
        return any(one.path == log for one in self.positions())

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known, here or elsewhere."""
        return not (self.missing or self._finished or self._elsewhere.former)

    def finish(self, position: Position) -> None:
        """A file was read to its end."""
        if position.offset:
            self._finished.append(changed(position, finished=True))

    def take(self, position: Position) -> Missing | None:
        """A file was found, and is read on: it is neither missing nor finished."""
        self._elsewhere.take(position)
        if position in self._finished:
            self._finished.remove(position)
        for one in self.missing:
            if one.position is position:
                self.missing.remove(one)
                return one
        return None

    def take_empty(self, log: str, identity: Identity | None) -> None:
        """A file begins that may be one of which nothing was read yet: by inode, or if None, by the log's name."""
        for one in [*self.missing]:
            same = one.position.path == log if identity is None else one.position.identity == identity
            if same and not one.position.offset and not one.emptied(identity):
                self.missing.remove(one)

    def give_up(self) -> list[Missing]:
        """Those that were not found, and whose loss is to be told. If one turns up later it is known."""
        lost, self.missing = self.missing, []
        for one in lost:
            self.finish(one.position)
        return [one for one in lost if not one.quiet]

    def find(self, content: Content, identity: Identity, opened: list[Position]) -> Found | None:
        """Which known file this is, or a copy of; `opened` are those that are open elsewhere.

        A short file may begin as another one does. So a few bytes are enough only for a file that is looked
        for; a copy of one that was found already has the same size, or is the same inode.
        """
        first = content.pread(SPAN, 0)
        sought = [one.position for one in self.missing if not one.emptied(identity)]
        known = [(one.position, one.position in sought) for one in self.missing]
        known += [(one, False) for one in (*self._finished, *self._elsewhere.positions(), *opened)]
        alike = [(one, wanted) for one, wanted in known if one.offset and one.begins(first)]
        best: Found | None = None
        for one, wanted in sorted(alike, key=lambda pair: pair[0].offset):
            likely = wanted or one.strong or one.identity == identity or content.size() == one.offset
            if likely and one.agrees(content):
                found = Found(one, one.offset, wanted, rank=_rank(one, identity, wanted))
                best = found if best is None or found.rank > best.rank else best
        if best:
            return best
        size = content.size()
        for one, wanted in alike:
            if one.strong and size is not None and size < one.offset:
                return Found(one, size, wanted, shorter=True)
        return None


def _is(position: Position, content: Content) -> bool:
    return position.begins(content.pread(SPAN, 0)) and position.agrees(content)


def _rank(position: Position, identity: Identity, wanted: bool) -> tuple[bool, bool, int, bool]:
    """The better of several known files that a file agrees with is the larger one."""
    return position.strong, position.identity == identity, position.offset, wanted == position.strong
