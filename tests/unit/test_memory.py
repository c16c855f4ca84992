"""Memory: what is not used any more is the system's again."""

import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from exporter.memory import give_back, keep_little
from exporter.state.database import State

MIB = 1 << 20


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_pages_between_others_in_use_are_given_back() -> None:
    """Of 64 MiB in pieces, all but one in ten are freed. (With a C library other than glibc's they may be already.)"""
    pieces = [b"x" * (40_000 + n) for n in range(1_600)]
    used = resident()
    kept = pieces[::10]
    pieces.clear()
    give_back()
    assert used - resident() > 40 * MIB, f"{len(kept)} pieces are kept"


def test_a_large_buffer_goes_back_when_it_is_freed() -> None:
    """In a thread too, which has memory of its own; also after a larger one. In a process of its own, as holes that
    others have left are filled first.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        assert process.submit(_kept_of_large_buffers).result() < 4 * MIB


def _kept_of_large_buffers() -> int:
    keep_little()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(bytes, 1).result()
        before = resident()
        for size in (12, 10, 8):
            thread.submit(lambda size: len(b"x" * (size * MIB)), size).result()
        return resident() - before


def test_a_state_keeps_no_copy_of_what_it_wrote(tmp_path: Path) -> None:
    """A snapshot of many series is large, and in the file."""
    state = State(tmp_path / "state.db")
    state.replace(b"a small one")
    before = resident()
    state.replace(b"x" * 64 * MIB)
    give_back()
    assert resident() - before < 16 * MIB
    state.close()
