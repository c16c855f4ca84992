"""Whether a file is a known one, a copy of it, or only begins as it does."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, suppress
from typing import NamedTuple, TypeVar

from exporter.inputs.disk.content import Content, open_content
from exporter.inputs.disk.fingerprint import SPAN, Identity, Position, digest, stamp
from exporter.inputs.disk.tail import Tail

T = TypeVar("T")
# A generator that yields between steps of its work, so that other work can run, and returns a result.
Steps = Generator[None, None, T]


def at_once(steps: Steps[T]) -> T:
    """Run all steps without a pause. Returns their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


class Found(NamedTuple):
    """The known file that a file is the same as, or a copy of, and the offset to read on from.

    `sought` if the known file is missing, `other` is its tail if it is open. If `shorter`, the file ends before the
    place where the known one was read to. The largest `rank` is the best match.
    """

    position: Position
    offset: int
    sought: bool
    other: Tail | None = None
    shorter: bool = False
    rank: tuple[bool, bool, int, bool] = (False, False, 0, False)


class Candidate(NamedTuple):
    """A known file that begins as a file does, before the rest of it was compared; see `Found`."""

    position: Position
    sought: bool
    other: Tail | None = None

    def is_likely(self, content: Content, identity: Identity, log: str) -> bool:
        """Whether a file that has as many equal bytes may be this one. A short file may begin as another one does. So a
        few bytes are enough only for a missing file, or for a log in place of its deleted one; a copy of a file that
        was found already has the same size, or the same inode.
        """
        position, sought, other = self
        if sought or position.strong or position.identity == identity or content.size() == position.offset:
            return True
        return other is not None and other.is_deleted and other.log == log

    def may_be(self, content: Content, identity: Identity, log: str) -> bool:
        """Whether a file may be this one, which is not there any more as another one: a copy, if `log` is "", or the
        log with this path. A log that is missing has another inode only if the device has another number, too, as after
        a restart of the machine. If the inode of a finished file was reused, the file there was changed later.
        """
        position, is_same = self.position, self.position.identity == identity
        if log:
            return self.sought and log == position.path and (is_same or identity[0] != position.device)
        return self.sought or (is_same and stamp(content)[-1] <= position.changed)


def shorter(
    candidates: list[Candidate], content: Content, identity: Identity, log: str, here: Mapping[Identity, str]
) -> Steps[Found | None]:
    """The known file of which this one holds only the beginning: a copy that is being made, or, after a power loss, the
    file itself. Many logs may begin with the same long header, so this one is compared with the known file if that is
    there; see `may_be` if not.
    """
    size = content.size()
    for candidate in candidates:
        position, sought, other = candidate
        if not position.strong or size is None or not SPAN <= size < position.offset:
            continue
        if original := other.content if other else _opened(candidate, here, identity):
            try:
                is_beginning = yield from _is_beginning(original, content, size)
                is_beginning |= other is not None and not other.intact()
            finally:
                if not other:
                    original.close()
        else:
            is_beginning = candidate.may_be(content, identity, log)
        if is_beginning:
            return Found(position, size, sought, other, shorter=True)
        yield
    return None


def _is_beginning(original: Content, content: Content, size: int) -> Steps[bool]:
    """Whether a file of this size ends as its original does there."""
    while not original.ready(size):
        yield
    return original.pread(SPAN, size - SPAN) == content.pread(SPAN, size - SPAN)


def agrees(position: Position, content: Content) -> Steps[bool]:
    """Whether a file holds what was read up to a position."""
    while not position.is_packed(content) and not content.ready(position.offset):
        yield
    return position.agrees(content)


def differs(tail: Tail | None, content: Content) -> bool:
    """Whether a file that begins as an open one does goes on differently."""
    if not tail or tail.content.packed or content.packed or not tail.intact():
        return False
    end = min(tail.content.size() or 0, content.size() or 0)
    start = max(0, end - SPAN)
    return tail.content.pread(end - start, start) != content.pread(end - start, start)


def holds_more(content: Content, found: Found) -> bool:
    """Whether a file holds more than was read of the known file that it fits; more than that holds if it is open, so
    that it is no copy, and only begins as that does.
    """
    end: int | None = found.offset
    if found.other:
        end = found.other.content.size() if found.other.intact() else None
    return not found.shorter and end is not None and bool(content.pread(1, end))


def _opened(candidate: Candidate, here: Mapping[Identity, str], identity: Identity) -> Content | None:
    """A known file that is still there as another file than this one. All are looked at only for a missing one, and for
    one that had this inode, which may have been reused: there may be hundreds.
    """
    position = candidate.position
    is_anywhere = candidate.sought or position.identity == identity
    others = here.keys() if is_anywhere else here.keys() & {position.identity}
    for path in (here[other] for other in others if other != identity):
        with suppress(OSError), ExitStack() as opened:
            content = open_content(path)
            opened.callback(content.close)
            if digest(content.pread(SPAN, 0)) == position.head and position.agrees(content):
                opened.pop_all()
                return content
    return None


def rank_of(position: Position, identity: Identity, sought: bool) -> tuple[bool, bool, int, bool]:
    """How well a file matches a known file that it agrees with: of several, the largest rank is the best match."""
    return position.strong, position.identity == identity, position.offset, sought == position.strong
