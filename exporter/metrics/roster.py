"""The registered keys, in blocks, and their lines of a family. A hundred thousand keys have a million lines, of which
few change from one scrape to the next: so lines are made for a block of keys, and kept until one of them changes.
"""

from collections.abc import Callable, Iterable

_BLOCK = 256

LineOf = Callable[[str], str]


class Roster:
    """Which keys there are, and in which block each is. A key stays in its block; a new one takes a free place."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, None]] = []
        self.block_of: dict[str, int] = {}
        self._sheets: list[Sheet] = []

    def update(self, keys: Iterable[str]) -> None:
        """These are the keys now."""
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
        """A family's lines of all keys. `lines_of` a key are "" where it has none here."""
        sheet = Sheet(self, lines_of)
        self._sheets.append(sheet)
        return sheet

    def renew(self, key: str) -> None:
        """All lines of a key have changed."""
        for sheet in self._sheets:
            sheet.renew(key)


class Sheet:
    """The lines of one family."""

    def __init__(self, roster: Roster, lines_of: LineOf) -> None:
        self._roster = roster
        self._lines_of = lines_of
        self._texts: list[bytes | None] = []

    def renew(self, key: str) -> None:
        """The lines of a key have changed."""
        self.renew_blocks((self._roster.block_of[key],))

    def renew_blocks(self, blocks: Iterable[int]) -> None:
        """The lines of blocks have changed."""
        for n in blocks:
            if n < len(self._texts):
                self._texts[n] = None

    def clear(self) -> None:
        """The lines of all keys have changed."""
        self._texts.clear()

    def render(self) -> list[bytes]:
        """All lines, in blocks. A block is the same object until something in it changes."""
        blocks = self._roster.blocks
        self._texts += [None] * (len(blocks) - len(self._texts))
        for n, text in enumerate(self._texts):
            if text is None:
                self._texts[n] = "".join(map(self._lines_of, blocks[n])).encode("utf-8", "replace")
        return [text for text in self._texts if text]
