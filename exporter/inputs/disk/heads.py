"""Finds, among many files, those that begin as a given one does, by the hash of their first bytes."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from exporter.inputs.disk.fingerprint import Head, digest

T = TypeVar("T")


class Heads(Generic[T]):
    """Items that stand for a file each, by the file's head. A file of which nothing was read has no head, and is not
    added.
    """

    def __init__(self) -> None:
        # By the size of the head, and then by its hash: there are at most 1,024 sizes.
        self._by_size: dict[int, dict[bytes, dict[T, None]]] = {}

    def add(self, head: Head, item: T) -> None:
        """Add an item, which must be hashable."""
        if head[0]:
            self._by_size.setdefault(head[0], {}).setdefault(head[1], {})[item] = None

    def remove(self, head: Head, item: T) -> None:
        """Remove an item that was added with the same head."""
        if head[0]:
            hashes = self._by_size[head[0]]
            del hashes[head[1]][item]
            if not hashes[head[1]]:
                del hashes[head[1]]
            if not hashes:
                del self._by_size[head[0]]

    def like(self, head: Head) -> list[T]:
        """The items with the same head."""
        return [*self._by_size.get(head[0], {}).get(head[1], ())]

    def alike(self, first: bytes) -> Iterator[T]:
        """The items whose file begins as one with these first bytes does."""
        for size, hashes in self._by_size.items():
            if size <= len(first):
                yield from hashes.get(digest(first[:size]), ())
