"""The registered keys, in blocks, and their lines in a family.

A hundred thousand keys have a million lines, few of which change between two scrapes. So lines are rendered for a block
of keys, and kept until one of them changes.
"""

from collections.abc import Callable, Iterable

from exporter.metrics.packing import Lasting

_BLOCK = 256

LineOf = Callable[[str], str]


class Roster:
    """The keys and the block of each. A key stays in its block; a new one takes a free place."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, None]] = []
        self.block_of: dict[str, int] = {}
        self._sheets: list[Sheet] = []

    def update(self, keys: Iterable[str]) -> None:
        """Set the keys."""
        keys = dict.fromkeys(keys)
        if keys.keys() == self.block_of.keys():
            return
        changed: set[int] = set()
        for key in self.block_of.keys() - keys.keys():
            n = self.block_of.pop(key)
            del self.blocks[n][key]
            changed.add(n)
        free = (n for n, block in enumerate(self.blocks) for _ in range(_BLOCK - len(block)))
        for key in keys:
            if key not in self.block_of:
                n = next(free, len(self.blocks) - 1)
                if n < 0 or len(self.blocks[n]) >= _BLOCK:
                    self.blocks.append({})
                    n += 1
                self.blocks[n][key] = None
                self.block_of[key] = n
                changed.add(n)
        for sheet in self._sheets:
            sheet.renew_blocks(changed)

    def sheet(self, lines_of: LineOf) -> "Sheet":
        """A family's lines of all keys. `lines_of(key)` returns "" for a key without lines."""
        sheet = Sheet(self, lines_of)
        self._sheets.append(sheet)
        return sheet

    def renew(self, key: str) -> None:
        """Render all lines of a key again."""
        for sheet in self._sheets:
            sheet.renew(key)


class Sheet:
    """The lines of one family."""

    def __init__(self, roster: Roster, lines_of: LineOf) -> None:
        self._roster = roster
        self._lines_of = lines_of
        self._texts: list[bytes | None] = []

    def renew(self, key: str) -> None:
        """Render the lines of a key again."""
        self.renew_blocks((self._roster.block_of[key],))

    def renew_blocks(self, blocks: Iterable[int]) -> None:
        """Render the lines of these blocks again."""
        for n in blocks:
            if n < len(self._texts):
                self._texts[n] = None

    def clear(self) -> None:
        """Render all lines again."""
        self._texts.clear()

    def render(self) -> list[bytes]:
        """All lines, in blocks. A block is the same object until something in it changes."""
        blocks = self._roster.blocks
        self._texts += [None] * (len(blocks) - len(self._texts))
        for n, text in enumerate(self._texts):
            if text is None:
                self._texts[n] = Lasting("".join(map(self._lines_of, blocks[n])).encode("utf-8", "replace"))
        return [text for text in self._texts if text]
