"""Which of many files begin as one does: looked up by the hash of their first bytes, not one by one."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from exporter.inputs.fingerprint import Head, digest

T = TypeVar("T")


class Heads(Generic[T]):
    """Things that stand for a file each, by its head. A file of which nothing was read has none, and is left out."""

    def __init__(self) -> None:
        # By the size of the head, and then by its hash: there are at most 1,024 sizes.
        self._by_size: dict[int, dict[bytes, dict[T, None]]] = {}

    def add(self, head: Head, one: T) -> None:
        """Add a thing that is hashable."""
        if head[0]:
            self._by_size.setdefault(head[0], {}).setdefault(head[1], {})[one] = None

    def remove(self, head: Head, one: T) -> None:
        """Take out a thing that was added with the same head."""
        if head[0]:
            hashes = self._by_size[head[0]]
            del hashes[head[1]][one]
            if not hashes[head[1]]:
                del hashes[head[1]]
            if not hashes:
                del self._by_size[head[0]]

    def like(self, head: Head) -> list[T]:
        """Those that were added with the same head."""
        return [*self._by_size.get(head[0], {}).get(head[1], ())]

    def alike(self, first: bytes) -> Iterator[T]:
        """Those whose file begins as one with these first bytes does."""
        for size, hashes in self._by_size.items():
            if size <= len(first):
                yield from hashes.get(digest(first[:size]), ())
