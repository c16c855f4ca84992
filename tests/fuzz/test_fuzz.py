"""Some ten thousand made-up lines over all formats; `make fuzz` has more. FUZZ_SEED=n makes others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import syslog
from tests.fuzz.broken import BREACHES, broken
from tests.fuzz.fuzz import failures
from tests.fuzz.subjects import SUBJECTS

SEED = int(os.environ.get("FUZZ_SEED", "20260303"))


@pytest.mark.parametrize("name", SUBJECTS)
def test_whatever_lines_say_each_counts_once_in_linear_time(name: str, tmp_path: Path) -> None:
    """Nothing raises, no line is lost, what is served can be read, and a long line takes as much time as it is long."""
    assert list(failures(name, SEED, 300, 25, tmp_path)) == []


def test_a_stream_of_syslog_gives_the_same_messages_however_it_is_cut() -> None:
    """By line feed and by count, too long ones dropped and counted; a header is cut off in linear time."""
    assert list(syslog.failures(SEED, 300, 25)) == []


@pytest.mark.parametrize(
    ("breach", "name", "count", "stretches"),
    [
        ("raises", "own json", 300, 0),
        ("loses", "nginx-combined", 300, 0),
        ("garbles", "own logfmt", 600, 0),
        ("shares", "own template", 10, 300),
    ],
)
def test_a_fault_that_is_put_back_is_found(breach: str, name: str, count: int, stretches: int, tmp_path: Path) -> None:
    """A number that ends the process, a line that is lost, a label not escaped, a pattern that takes for ever."""
    with broken(breach):
        found = next(failures(name, SEED, count, stretches, tmp_path), "nothing")
    assert BREACHES[breach] in found


def test_memory_has_a_ceiling() -> None:
    """Thousands of lines that no other line is like, in a process of their own."""
    options = ["--minutes", "0", "--lines", "1500", "--stretches", "0", "--seed", str(SEED)]
    subjects = ["--subject", "nginx-combined", "--subject", "haproxy"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *options, *subjects],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
