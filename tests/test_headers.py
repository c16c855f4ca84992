"""CSV logs that are there before the exporter is: it reads their columns, and knows them after it was killed."""

import re
import signal
from pathlib import Path

from tests.beside import LINES, Beside
from tests.exporter import Samples
from tests.waiting import eventually

CSV = {"csv": {"time": "time", "status": "status", "rpc_method": "method", "key": "key"}}
PARSED = f'{LINES}{{input="*.csv",result="parsed"}}'
REJECTED = f'{LINES}{{input="*.csv",result="rejected"}}'


def row(status: int) -> str:
    """A line of the first log."""
    return f"2026-03-03T14:05:09Z,{status},eth_call,sk-live-1234567890abcdef\n"


def turned(status: int) -> str:
    """The same in the other one."""
    return f"{status},-,sk-live-1234567890abcdef,eth_call,2026-03-03T14:05:09Z\n"


def requests(found: Samples) -> dict[str, float]:
    """How many requests had each status."""
    every = ((re.search('status="(.+?)"', name), value) for name, value in found.items() if "requests_total{" in name)
    return {status[1]: value for status, value in every if status}


def test_logs_that_are_read_from_their_end_have_their_columns(tmp_path: Path) -> None:
    """Two logs with other columns, read by turns; after a kill, with a rotation and lines that came meanwhile."""
    beside = Beside(tmp_path)
    beside.configure(inputs=[{"path": "*.csv", "name": "*.csv", "format": CSV}], start_at="end")
    beside.write("time,status,method,key\n" + row(500) * 50, "a.csv")
    beside.write("status,more,key,method,time\n" + turned(500) * 50, "b.csv")
    with beside.exporter() as exporter:
        exporter.scrape()
        for _ in range(3):
            beside.write(row(200), "a.csv")
            beside.write(turned(404), "b.csv")
            exporter.scrape()
        exporter.eventually(PARSED, 6)
        exporter.stop(signal.SIGKILL)
    beside.write(row(200), "a.csv")
    beside.write(turned(404), "b.csv")
    (tmp_path / "a.csv").rename(tmp_path / "a.csv.1")
    beside.write("status,more,key,method,time\n" + turned(429), "a.csv")
    with beside.exporter() as exporter:
        exporter.eventually(PARSED, 9)
        eventually(lambda: requests(exporter.scrape()) == {"200": 4, "404": 4, "429": 1})
        assert REJECTED not in exporter.scrape()
