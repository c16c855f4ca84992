"""What is known of files that are not open now: where each was read to, and which file on disk continues which."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
from msgspec.structs import replace as changed

from exporter.inputs.disk.content import Content
from exporter.inputs.disk.fingerprint import SPAN, Identity, Position, Stamp
from exporter.inputs.disk.heads import Heads
from exporter.inputs.disk.tail import Tail
from exporter.inputs.elsewhere import Elsewhere
from exporter.inputs.rotations.matches import Candidate, Found, Steps, agrees, differs, rank_of, shorter

# A file that was read to its end is remembered as long as it is there. Of files that are gone the last ones are
# remembered, this many, in case they come back.
_GONE = 200
# Finished files are stored in this many parts; a commit writes those that have changed.
_PAGES = 256


@dataclass(eq=False)
class MissingFile:
    """A file that was being read and is not where it was. If `quiet`, no loss is reported when it is never found.

    If it was `truncated` while it was read, `seen` is the last size that was seen (bytes), `rest` its unfinished line.
    """

    position: Position
    truncated: bool = False
    seen: int = 0
    rest: bytes = b""
    quiet: bool = False

    def emptied(self, identity: Identity | None) -> bool:
        """Whether a file is the one that was truncated: what it holds now is something else."""
        return self.truncated and self.position.identity == identity


class KnownFiles:
    """The missing files of an input, and those that were read to their end, by this input or `elsewhere`."""

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
        """The positions of all known files, as `restore` takes them."""
        finished = [position for page in self._pages.values() for position in page]
        return [*finished, *(missing.position for missing in self.missing)]

    def pages(self) -> dict[int, msgspec.Raw]:
        """The finished files, encoded in pages. A page whose files did not change is the same object as before."""
        for number, page in self._pages.items():
            if number not in self._encoded:
                self._encoded[number] = msgspec.Raw(msgspec.msgpack.encode([position.stored() for position in page]))
        return self._encoded

    def restore(self, position: Position, quiet: bool = False) -> None:
        """Add a stored position. If its file is never found, that is reported as a loss unless `quiet`."""
        if position.finished:
            self.finish(position)
        else:
            self.miss(MissingFile(position, quiet=quiet))

    # --- what goes to other inputs

    def release(self, is_own: Callable[[str], bool]) -> list[Position]:
        """Forget the files whose logs belong to other inputs now. Returns their positions."""
        released = [position for position in self.positions() if not is_own(position.path)]
        for missing in [missing for missing in self.missing if not is_own(missing.position.path)]:
            self._found(missing)
        for position in [position for position in self.finished() if not is_own(position.path)]:
            self._forget(position)
        return released

    def hand_over(self, content: Content, identity: Identity) -> Position | None:
        """Forget a file that another input continues. Returns where to, None if the file is not known. To recognize
        a finished file, a few equal bytes are not enough.
        """
        first = content.pread(SPAN, 0)
        sought = [missing.position for missing in self._sought.alike(first) if not missing.truncated]
        for position in (*sought, *self._read.alike(first)):
            likely = position in sought or position.strong or content.size() == position.offset
            if position.identity == identity and likely and position.agrees(content):
                self.pop(position)
                return position
        return None

    # --- what happens

    def miss(self, missing: MissingFile) -> None:
        """Look for a file from now on."""
        self.missing[missing] = None
        if not missing.position.offset:
            self._empty[missing] = None
        self._sought.add(missing.position.begin, missing)

    def finish(self, position: Position, stamp: Stamp | None = None) -> Position:
        """A file was read to its end. With the stamp it had then, it is not opened again until it changes."""
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
        """The positions of files that were read to their end; only those of `logs`, if given."""
        chosen = self._finished if logs is None else logs
        return [position for log in chosen for position in self._finished.get(log, ())]

    def logs(self) -> set[str]:
        """The logs of which something is known."""
        return {*self._finished, *(missing.position.path for missing in self.missing)}

    def is_gone(self, position: Position) -> None:
        """A finished file is not there any more. The last such files are still remembered, but not by inode, which the
        system soon gives to another file.
        """
        if position in self._gone:
            return
        self._forget(position)
        self._gone[self.finish(changed(position, device=0, inode=0, size=0, changed=0))] = None
        if len(self._gone) > _GONE:
            self._forget(next(iter(self._gone)))

    def pop(self, position: Position) -> MissingFile | None:
        """A known file was found and is read on: it is neither missing nor finished now. Returns the missing file."""
        self._elsewhere.claim(position)
        if position in self._finished.get(position.path, ()):
            self._forget(position)
        for missing in self._sought.like(position.begin):
            if missing.position is position:
                self._found(missing)
                return missing
        return None

    def pop_empty(self, log: str, identity: Identity | None) -> None:
        """Stop looking for a file of which nothing was read: this is it (same inode; same log name if `identity` is
        None).
        """
        for missing in [*self._empty]:
            same = missing.position.path == log if identity is None else missing.position.identity == identity
            if same and not missing.emptied(identity):
                self._found(missing)

    def give_up(self) -> list[MissingFile]:
        """Stop looking for the missing files. Returns those whose loss must be reported. A file that turns up later is
        still recognized.
        """
        lost = [*self.missing]
        for missing in lost:
            self._found(missing)
            if missing.position.offset:
                self.is_gone(self.finish(missing.position))
        return [missing for missing in lost if not missing.quiet]

    # --- what is asked

    def begins(self, first: bytes, opened: Heads[Tail]) -> bool:
        """Whether any known file begins with these bytes, or a part of them."""
        known = any(True for heads in (self._sought, self._read, opened) for _ in heads.alike(first))
        return known or bool(self._elsewhere.alike(first))

    def follows(self, log: str) -> bool:
        """Whether something is known of a log with this path."""
        return log in self._finished or any(missing.position.path == log for missing in self.missing)

    @property
    def nothing_read(self) -> set[Identity]:
        """The missing files of which no whole line was read."""
        return {missing.position.identity for missing in self._empty}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known, here or elsewhere."""
        return not (self.missing or self._finished or self._elsewhere.former)

    def find(
        self,
        content: Content,
        identity: Identity,
        opened: Heads[Tail],
        log: str = "",
        here: Mapping[Identity, str] = MappingProxyType({}),
        taken: Container[Position] = (),
    ) -> Steps[Found | None]:
        """The known file that this is, or is a copy of. `opened` are the files that are open; `log` is the path of a
        log, "" of a copy; `here` has the paths of copies; `taken` are missing files that were found as others.
        """
        candidates = self._candidates(content.pread(SPAN, 0), identity, opened, log, taken)
        likely = [candidate for candidate in candidates if candidate.is_likely(content, identity, log)]
        best: Found | None = None
        for position, sought, other in sorted(likely, key=lambda candidate: candidate.position.offset):
            if (yield from agrees(position, content)) and not differs(other, content):
                found = Found(position, position.offset, sought, other, rank=rank_of(position, identity, sought))
                best = found if best is None or found.rank > best.rank else best
        return best or (yield from shorter(candidates, content, identity, log, here))

    def _candidates(
        self, first: bytes, identity: Identity, opened: Heads[Tail], log: str, taken: Container[Position]
    ) -> list[Candidate]:
        """The known files that begin as a file with these first bytes does. A log that has the former name of a renamed
        file comes after that, whatever it holds.
        """
        sought = [file for file in self._sought.alike(first) if file.position not in taken]
        finished = [*self._read.alike(first), *self._elsewhere.alike(first)]
        return [
            *(Candidate(file.position, not file.emptied(identity)) for file in sought),
            *(Candidate(position, sought=False) for position in finished),
            *(Candidate(tail.reached(), False, tail) for tail in opened.alike(first) if log not in tail.left),
        ]

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
