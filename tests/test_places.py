"""Places as people meet them: on the status page, in what `check` says, and in the config."""

import re
from pathlib import Path

import pytest

from tests.beside import PARSED, Beside, line
from tests.command import run
from tests.exporter import Exporter


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    made = Beside(tmp_path)
    made.configure(metrics={"scrape_interval": "1ms", "budgets": {"key": 3, "origin": 2}})
    made.write("")
    return made


def checked(beside: Beside) -> tuple[int, str, str]:
    """Exit code, output and errors, without what was found in the log."""
    done = run("check", str(beside.config))
    errors = "".join(line for line in done.stderr.splitlines(keepends=True) if "sampled lines" not in line)
    return done.code, done.stdout.replace(str(beside.folder), "."), errors.replace(str(beside.folder), ".")


def shown(exporter: Exporter) -> dict[str, tuple[int, int]]:
    """The table of places on the status page."""
    table = exporter.get("/").text.partition("<h2>Label budgets</h2>")[2]
    rows = re.findall(r"<tr><td>([^<]+)<td class=n>([\d,]+)<td class=n>([\d,]+)", table)
    return {label: (int(used), int(left)) for label, used, left in rows}


def test_places_used_and_left_are_shown(beside: Beside) -> None:
    """By the status page, and by `check`, also while the exporter runs; before there is a state `check` knows none."""
    good = "./config.yaml: good: 1 input, 0 registered keys\n"
    assert checked(beside) == (0, good, "")
    labels = "method 1 used, 299 left; chain 0 used, 100 left; model 0 used, 200 left; provider 0 used, 100 left; "
    labels += "reason 0 used, 50 left; origin 1 used, 1 left (for the key with the most)"
    with beside.exporter() as exporter:
        beside.write("".join(line(key=f"sk-live-000000000000000{n}") for n in range(2)))
        exporter.eventually(PARSED, 2)
        assert shown(exporter) == {
            "key": (2, 1),
            "method": (1, 299),
            "chain": (0, 100),
            "model": (0, 200),
            "provider": (0, 100),
            "reason": (0, 50),
            "origin (of the key with the most)": (1, 1),
        }
        assert checked(beside) == (0, f"./config.yaml: label budgets: key 2 used, 1 left; {labels}\n{good}", "")
    beside.configure(metrics={"budgets": {"key": 1, "origin": 2}})
    assert checked(beside) == (0, f"./config.yaml: label budgets: key 2 used, 0 left; {labels}\n{good}", "")
    with beside.exporter() as exporter:
        assert shown(exporter)["key"] == (2, 0)


def test_check_says_of_a_state_that_it_cannot_be_read(beside: Beside) -> None:
    """It leaves it as it is, and the config is good. One that is empty is one that was not begun."""
    beside.state.write_bytes(b"no database" * 100)
    code, stdout, _ = checked(beside)
    assert code == 0
    assert stdout.splitlines()[0] == "./config.yaml: state.path: ./state.db can't be read: file is not a database"
    assert beside.state.read_bytes() == b"no database" * 100
    beside.state.write_bytes(b"")
    assert "key 0 used, 3 left" in checked(beside)[1]


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("health", "must start with /, as in /v1/scores/:identity"),
        ("/:key/{key}", "has more than one :key; a request has one key"),
    ],
)
def test_a_public_route_is_written_as_any_route(beside: Beside, route: str, said: str) -> None:
    """A mistake in it is reported as one of `routes` is."""
    beside.configure(public_routes=["/good", route])
    assert checked(beside) == (2, "", f"gateway-exporter: ./config.yaml:15: public_routes[1]: {route!r} {said}\n")
