"""Labels that a config declares, with the real command: reload, restart, kill; no raw key in what it writes."""

from pathlib import Path
from typing import Any

import pytest

from tests.beside import Beside, line, requests_of
from tests.test_reload import RELOADED, reload

REQUESTS = "gateway_requests_total"
CANARY = "sk-canary-0123456789abcdefCANARY"
FORMAT = {"preset": "nginx-json", "custom_fields": {"shop": "x_shop"}}
RESTARTED = f"{RELOADED} Labels or buckets of {REQUESTS} have changed: counting restarts from zero there."


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    made = Beside(tmp_path)
    made.write("")
    made.configure(inputs=[{"path": "access.json", "format": FORMAT}])
    return made


def declare(beside: Beside, **label: Any) -> None:
    added = {REQUESTS: {"add": ["shop"]}}
    beside.configure(metrics={"scrape_interval": "1ms", "labels": {"shop": label}, "families": added})


def test_a_label_that_is_declared_while_it_runs_restarts_its_families_and_lasts(beside: Beside) -> None:
    """The answer says so. A kill loses nothing; without the label, counting starts again once more."""
    with beside.exporter() as exporter:
        beside.write(line(x_shop="north") * 3)
        exporter.eventually(requests_of(), 3)
        declare(beside, budget=1)
        assert reload(exporter) == (200, RESTARTED)
        beside.write(line(x_shop="north") * 2 + line(x_shop="south"))
        exporter.eventually(requests_of(shop="north"), 2)
        exporter.eventually(requests_of(shop="other"), 1)
        exporter.eventually(f'gateway_exporter_overflow_total{{family="{REQUESTS}",label="shop"}}', 1)
        exporter.process.kill()
    beside.write(line(x_shop="south") + line(x_shop="north"))
    with beside.exporter() as exporter:
        exporter.eventually(requests_of(shop="north"), 3)
        exporter.eventually(requests_of(shop="other"), 2)
        declare(beside, budget=2)
        assert reload(exporter) == (200, RELOADED)
        beside.write(line(x_shop="south"))
        exporter.eventually(requests_of(shop="south"), 1)
        beside.configure(metrics={"scrape_interval": "1ms"})
        assert reload(exporter) == (200, RESTARTED)
        beside.write(line(x_shop="north"))
        exporter.eventually(requests_of(), 1)


def test_no_label_shows_a_raw_key_nor_does_a_file_or_a_page(beside: Beside) -> None:
    """A canary in the field of a label is hashed before anything can store it."""
    declare(beside)
    with beside.exporter() as exporter:
        beside.write(line(x_shop=CANARY) + line(x_shop="north"))
        exporter.eventually(requests_of(shop="north"), 1)
        said = exporter.get().text + exporter.get("/").text + exporter.said
        exporter.process.kill()
    assert 'shop="k_' in said
    assert "canary" not in said.lower()
    files = [path for path in beside.folder.rglob("*") if path.is_file() and path.name != "access.json"]
    assert [path.name for path in files if b"canary" in path.read_bytes().lower()] == []
