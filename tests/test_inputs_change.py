"""Inputs that change: renamed, moved, split, merged, taken out and added again, at a reload and at a restart alike.

A position belongs to what a log contains, so each line counts once whatever the config calls its input.
"""

import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.beside import Beside
from tests.inputs import Running, input_, lines
from tests.waiting import eventually


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    made = Beside(tmp_path)
    made.configure(start_at="beginning")
    return made


@pytest.fixture(params=["reload", "restart"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def running(beside: Beside, how: str) -> Iterator[Running]:
    beside.write(lines(100), "a.log")
    beside.configure(inputs=[input_("a.log", name="x")])
    made = Running(beside, how)
    try:
        made.counts(x=100)
        yield made
    finally:
        made.exporter.close()
        print(made.exporter.said)


def test_a_path_becomes_a_pattern(running: Running) -> None:
    """What was read stays read, and the next line is the 101st."""
    running.change(input_("*.log", name="x"))
    running.counts(x=100)
    running.beside.write(lines(), "a.log")
    running.counts(x=101)
    running.change(input_("a.log", name="x"))
    running.beside.write(lines(), "a.log")
    running.counts(x=102)


def test_an_input_that_is_named_after_its_path_goes_on_under_its_new_name(running: Running) -> None:
    """Whether the log was moved, or only the config's words have changed."""
    running.change(input_("a.log"))
    running.beside.write(lines(), "a.log")
    running.counts(x=100, a_log=1)
    running.change(input_("a.lo?"))
    running.beside.write(lines(), "a.log")
    running.counts(x=100, a_log=1, a_lo=1)
    (running.beside.folder / "a.log").rename(running.beside.folder / "b.json")
    running.change(input_("b.json"))
    running.beside.write(lines(), "b.json")
    running.counts(x=100, a_log=1, a_lo=1, b_json=1)


def test_an_input_that_was_taken_out_goes_on_when_it_is_added_again(running: Running) -> None:
    """Where it stopped: over a restart, and a rotation, with what was written in the meantime."""
    running.change(input_("other.log"))
    running.beside.write(lines(), "a.log")
    (running.beside.folder / "a.log").rename(running.beside.folder / "a.log.1")
    running.beside.write(lines(2), "a.log")
    running.counts(x=100)
    running.how = {"reload": "restart", "restart": "reload"}[running.how]
    running.change(input_("other.log"))
    running.change(input_("a.log", name="x"), input_("other.log"))
    running.counts(x=103)


def test_a_pattern_is_split_and_merged(running: Running) -> None:
    """Each log goes on under the input that it belongs to."""
    beside = running.beside
    beside.write(lines(10), "b.log")
    beside.write(lines(7), "c.log")
    running.change(input_("*.log", name="x"))
    running.counts(x=117)
    running.change(input_("a.log", name="y"), input_("*.log", name="x"))
    for name in ("a", "b", "c"):
        beside.write(lines(), f"{name}.log")
    running.counts(x=119, y=1)
    running.change(input_("a.log", name="y"), input_("b.log", name="z"), input_("c.log", name="x"))
    for name in ("a", "b", "c"):
        beside.write(lines(), f"{name}.log")
    running.counts(x=120, y=2, z=1)
    running.change(input_("?.log", name="all"))
    for name in ("a", "b", "c"):
        beside.write(lines(), f"{name}.log")
    running.counts(x=120, y=2, z=1, all=3)


def test_an_unfinished_line_is_kept_for_who_comes_next(running: Running) -> None:
    """When a path changes; when its input is taken out, which is said, and added again."""
    beside, whole = running.beside, lines()
    beside.write(whole[:40], "a.log")
    running.change(input_("*.log", name="x"))
    beside.write(whole[40:] + whole[:50], "a.log")
    running.counts(x=101)
    running.change(input_("other", name="other"))
    if running.how == "reload":
        eventually(lambda: "x was removed from the config; 50 bytes of " in running.exporter.said)
    running.counts(x=101)
    running.change(input_("other", name="other"), input_("a.log", name="x"))
    beside.write(whole[50:], "a.log")
    running.counts(x=102)


def test_logs_that_were_never_read_begin_as_start_at_says(running: Running) -> None:
    """Those that were there before a new pattern named them; those that come later are read from their beginning."""
    running.beside.configure(start_at="end")
    running.beside.write(lines(5), "b.log")
    running.beside.write(lines(5), "b.log.1")
    running.beside.write(lines(), "a.log")
    running.change(input_("*.log", name="x"))
    running.counts(x=101)
    running.beside.write(lines(), "b.log")
    running.beside.write(lines(), "c.log")
    running.counts(x=103)


def test_what_a_decoder_knows_goes_along(beside: Beside, how: str) -> None:
    """Each log's header of CSV goes to the part of a split input that reads it; what waits for another line, to one."""
    table = {"csv": {"time": "at", "status": "status", "rpc_method": "method"}}
    pairs = {"json": {"status": "status", "key": "key"}, "join": {"by": "id", "until": "end"}}
    beside.write("at,status,method\n2026-03-03T14:05:09Z,200,eth_call\n", "a.csv")
    beside.write("status,at,method\n200,2026-03-03T14:05:09Z,eth_call\n", "b.csv")
    beside.write('{"id":"a","status":200}\n{"id":"b","status":200,"end":1}\n', "a.pairs")
    beside.configure(inputs=[input_("*.csv", name="csv", format=table), input_("a.pairs", name="p", format=pairs)])
    running = Running(beside, how)
    try:
        eventually(lambda: running.counted().get("csv") == 2 and running.counted().get("p") == 1)
        running.change(
            input_("a.csv", name="one", format=table),
            input_("b.csv", name="two", format=table),
            input_("*.pairs", name="p", format=pairs),
        )
        beside.write("2026-03-03T14:05:09Z,200,eth_call\n", "a.csv")
        beside.write("200,2026-03-03T14:05:09Z,eth_call\n", "b.csv")
        beside.write('{"id":"a","status":200,"end":1}\n', "a.pairs")
        eventually(lambda: [running.counted().get(name) for name in ("one", "two")] == [1, 1])
        eventually(lambda: running.counted().get("p") == 3, f"{running.counted()}")
        assert [name for name in running.counted() if "rejected" in name] == []
    finally:
        running.exporter.stop()


def test_a_line_that_nobody_can_finish_counts_as_it_is(beside: Beside) -> None:
    """That of a deleted log, when its input is taken out."""
    log = beside.folder / "a.log"
    with log.open("w", encoding="utf-8") as writer:
        writer.write(lines() + lines().rstrip())
        writer.flush()
        beside.configure(inputs=[input_("a.log", name="x")])
        running = Running(beside, "reload")
        try:
            running.counts(x=1)
            log.unlink()
            running.change(input_("other.log"))
            running.counts(x=2)
        finally:
            running.exporter.stop()


def test_what_was_never_read_of_an_input_is_a_loss_when_its_log_is_gone(beside: Beside) -> None:
    """Not before: until then it can be added again."""
    beside.write(lines() + "half", "a.log")
    beside.configure(inputs=[input_("a.log", name="x")])
    running = Running(beside, "reload")
    try:
        running.counts(x=1)
        running.change(input_("other.log"))
        running.counts(x=1)
        (beside.folder / "a.log").unlink()
        running.change(input_("other.log"))
        running.exporter.eventually('gateway_exporter_lost_bytes_total{input="x",reason="removed"}', 4)
        running.change(input_("other.log"))
        assert running.exporter.scrape()['gateway_exporter_losses_total{input="x",reason="removed"}'] == 1
    finally:
        running.exporter.stop()


def test_standard_input_that_was_taken_out_goes_on_when_it_is_added_again(beside: Beside) -> None:
    """Its one reader has kept what came in the meantime, under another name, too."""
    beside.configure(inputs=[input_("-"), input_("other.log")])
    running = Running(beside, "reload", stdin=subprocess.PIPE)
    writer = running.exporter.process.stdin
    try:
        for n, inputs in enumerate([[input_("-")], [input_("other.log")], [input_("-", name="pipe")]]):
            running.change(*inputs, input_("more.log"))
            writer.write(lines(n + 1).encode())
            writer.flush()
            if n == 0:
                running.counts(stdin=1)
        running.counts(stdin=1, pipe=5)
    finally:
        running.exporter.stop()
        writer.close()


@pytest.mark.parametrize("by_signal", [False, True])
def test_under_a_writer_that_rotates_each_line_counts_once(beside: Beside, by_signal: bool) -> None:
    """Twelve changes of path and name while lines come, `start_at: end`."""
    beside.configure(start_at="end", inputs=[input_("a.log", name="x")])
    beside.write(lines(10), "a.log")
    running = Running(beside, "reload")
    enough = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        log = beside.folder / "a.log"
        while not enough.wait(0.001):
            text = lines(19)
            half = len(text) - 50
            beside.write(text[:half], "a.log")
            beside.write(text[half:], "a.log")
            written += 19
            if written % 950 == 0:
                log.rename(log.with_name(f"a.log-{1_700_000_000 + written}"))

    writer = threading.Thread(target=write)
    inputs = [
        [input_("*.log", name="x")],
        [input_("a.log", name="x")],
        [input_("a.lo*", name="y"), input_("b.log", name="x")],
        [input_("b.log", name="y")],
    ]
    try:
        eventually(lambda: "from its end" in running.exporter.said)
        writer.start()
        for n in range(12):
            beside.configure(inputs=inputs[n % 4])
            if by_signal:
                before = running.exporter.said.count("The config was reloaded.")
                running.exporter.process.signal(signal.SIGHUP)
                eventually(
                    lambda before=before: running.exporter.said.count("The config was reloaded.") > before  # type: ignore[misc]
                )
            else:
                running.change(*inputs[n % 4])
        running.change(input_("*.log", name="x"))
    finally:
        enough.set()
        if writer.ident:
            writer.join()
    try:
        eventually(lambda: sum(running.counted().values()) == written, f"{running.counted()} of {written}")
        running.counts(**running.counted())
        assert running.exporter.said.count("were lost") == 0
    finally:
        running.exporter.stop()
        print(running.exporter.said)
