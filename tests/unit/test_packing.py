"""Expositions, packed: one gzip file, of which no block is packed twice."""

import gzip
import random

import pytest

from exporter.metrics import packing
from exporter.metrics.packing import Lasting, Packer


def test_what_was_packed_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """By any reader, as one member, however blocks and lines follow each other; large blocks that last are packed
    once.
    """
    packed: list[bytes] = []
    deflated = packing._deflated

    def counted(block: bytes) -> bytes:
        packed.append(block)
        return deflated(block)

    monkeypatch.setattr(packing, "_deflated", counted)
    chance = random.Random(3)
    blocks = [Lasting(chance.choices(b"abc\n", k=chance.choice((10, 9_000, 40_000)))) for _ in range(12)]
    packer = Packer()
    for _ in range(30):
        lines = [*chance.sample(blocks, chance.randrange(8)), b"a 1\n" * chance.randrange(3)]
        packed.clear()
        found = packer.pack(lines)
        again = packer.pack(lines)
        assert gzip.decompress(found) == gzip.decompress(again) == b"".join(lines)
        large = [block for block in packed if block in blocks and len(block) >= 9_000]
        assert len(large) == len(set(large))
    assert gzip.decompress(packer.pack([])) == b""
