"""A file that several inputs name is read by one of them, which is said; and no label set stands twice."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.beside import Beside, line
from tests.command import run
from tests.inputs import Running, input_, lines
from tests.waiting import eventually

Run = Callable[..., Running]


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    made = Beside(tmp_path)
    made.configure(start_at="beginning")
    return made


@pytest.fixture
def running(beside: Beside) -> Iterator[Run]:
    made: list[Running] = []

    def start(*inputs: dict[str, Any], how: str = "reload") -> Running:
        beside.configure(inputs=[*inputs])
        made.append(Running(beside, how))
        return made[0]

    yield start
    for gateway in made:
        gateway.exporter.close()
        print(gateway.exporter.said)


def test_a_path_goes_before_a_pattern(beside: Beside, running: Run) -> None:
    """Whatever their order; each line once, over rotations, and over a restart in which another one was missed."""
    beside.write(lines(10), "a.log")
    beside.write(lines(3), "b.log")
    gateway = running(input_("*.log*", name="all"), input_("a.log", name="own"), how="restart")
    gateway.counts(all=3, own=10)
    assert f"all: {beside.folder}/a.log is read by the input own already" in gateway.exporter.said
    (beside.folder / "a.log").rename(beside.folder / "a-20260301.log")
    beside.write(lines(2), "a.log")
    gateway.counts(all=3, own=12)
    gateway.exporter.stop()
    (beside.folder / "a.log").rename(beside.folder / "a.log.1")
    beside.write(lines(4), "a.log.1")
    beside.write(lines(5), "a.log")
    gateway.exporter = beside.exporter()
    gateway.counts(all=3, own=21)
    readable = {name: value for name, value in gateway.exporter.scrape().items() if "input_readable" in name}
    assert set(readable.values()) == {1}


def test_of_two_patterns_the_first_one_reads_it(beside: Beside, running: Run) -> None:
    """The same after a reload that turns them round: the lines that come then are the other one's."""
    beside.write(lines(10), "a1.log")
    beside.write(lines(10), "b1.log")
    first, second = input_("*1.log", name="first"), input_("a*.log", name="second")
    gateway = running(first, second)
    gateway.counts(first=20)
    said = gateway.change(second, first)
    assert said == (
        f"The config was reloaded. Input first: {beside.folder}/a1.log is read by the input second already; "
        "each file is counted once."
    )
    beside.write(lines(), "a1.log")
    beside.write(lines(), "b1.log")
    gateway.counts(first=21, second=1)


def test_a_file_with_two_names_is_read_by_who_reads_it_already(beside: Beside, running: Run) -> None:
    """Links, soft and hard. One that moves on leaves its file to the other input, which goes on there."""
    beside.write(lines(10), "a-01.log")
    beside.write(lines(5), "b.log")
    (beside.folder / "current").symlink_to("a-01.log")
    (beside.folder / "c").hardlink_to(beside.folder / "b.log")
    gateway = running(
        input_("current", name="link"), input_("?-??.log", name="dated"), input_("?", name="hard"), input_("b.log")
    )
    gateway.counts(link=10, b_log=5)
    beside.write(lines(3), "a-02.log")
    gateway.counts(link=10, dated=3, b_log=5)
    (beside.folder / "new").symlink_to("a-02.log")
    (beside.folder / "new").rename(beside.folder / "current")
    beside.write(lines(), "a-01.log")
    beside.write(lines(), "a-02.log")
    gateway.counts(link=10, dated=5, b_log=5)


def test_a_log_that_is_moved_to_another_input_goes_on_there(beside: Beside, running: Run) -> None:
    """Each line once, while the exporter runs and while it does not."""
    beside.write(lines(10), "a.log")
    gateway = running(input_("a.log", name="a"), input_("b.log", name="b"), how="restart")
    gateway.counts(a=10)
    (beside.folder / "a.log").rename(beside.folder / "b.log")
    beside.write(lines(2), "b.log")
    beside.write(lines(3), "a.log")
    gateway.counts(a=13, b=2)
    gateway.exporter.stop()
    (beside.folder / "b.log").unlink()
    (beside.folder / "a.log").rename(beside.folder / "b.log")
    beside.write(lines(4), "b.log")
    gateway.exporter = beside.exporter()
    eventually(lambda: gateway.counted() == {"a": 13, "b": 6}, f"{gateway.counted()}")


def test_check_names_it(beside: Beside) -> None:
    """Through patterns and links, there or not yet; the config is good."""
    beside.write(lines(), "a.log")
    (beside.folder / "link").symlink_to("a.log")
    beside.configure(
        inputs=[input_("*.log", name="all"), input_("a.log"), input_("later.log"), input_("link", name="l")]
    )
    found = run("check", str(beside.config))
    assert found.code == 0
    folder = beside.folder
    for name, path, reader in (("all", "a.log", "a.log"), ("all", "later.log", "later.log"), ("l", "link", "a.log")):
        said = f"input {name}: {folder}/{path} is read by the input {reader} already; each file is counted once\n"
        assert said in found.stderr


@pytest.mark.parametrize("path", ["a.log", "./a.log", "x/../a.log"])
def test_one_path_in_two_inputs_is_refused(beside: Beside, path: str) -> None:
    """One of them would read nothing."""
    beside.configure(inputs=[input_("a.log"), input_(path, name="b")])
    found = run("check", str(beside.config))
    assert found.code == 2
    assert "inputs[1].path: inputs[0] reads " in found.stderr


@pytest.mark.parametrize("command", [("init",), ("run",), ("replay", "--config.file", "config.yaml")])
def test_logs_on_the_command_line_are_given_once(beside: Beside, command: tuple[str, ...]) -> None:
    """Also where one is a link."""
    beside.write(lines(), "access.json")
    (beside.folder / "link").symlink_to("access.json")
    found = run(*command, "access.json", "link", cwd=beside.folder)
    assert (found.code, found.stdout) == (2, "")
    assert found.stderr == "gateway-exporter: link and access.json are the same file; give each log once\n"


def test_no_label_set_stands_twice(beside: Beside, running: Run) -> None:
    """Labels in another order, and empty ones, are the same to whoever scrapes."""
    labels: list[dict[str, str]] = [{"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": ""}, {}]
    inputs = [input_(f"{n}.log", labels=own) for n, own in enumerate(labels)]
    for n in range(len(inputs)):
        beside.write(line() * (n + 1), f"{n}.log")
    gateway = running(*inputs)
    gateway.counts(**{"0_log": 1, "1_log": 2, "2_log": 3, "3_log": 4})
    found = [
        (sample.name, *sorted(sample.labels.items()))
        for family in text_string_to_metric_families(gateway.exporter.get().text)
        for sample in family.samples
    ]
    assert len(found) == len({*found})
    requests = {
        name: value for name, value in gateway.exporter.scrape().items() if name.startswith("gateway_requests_total")
    }
    assert sorted(requests.values()) == [3, 7]
