"""What the tests of inputs share: lines that are never the same, and an exporter whose inputs change."""

import subprocess
from itertools import count
from typing import Any

import requests

from tests.beside import LINES, Beside, line
from tests.waiting import eventually

LOSSES = "gateway_exporter_loss"
_SERIAL = count()


def lines(n: int = 1) -> str:
    """So many lines, no two of which are ever the same: a log is known by what it contains."""
    return "".join(line(msec=1_772_546_709 + next(_SERIAL) / 1000) for _ in range(n))


def input_(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "format": "nginx-json", **more}


class Running:
    """An exporter whose config changes by a reload or a restart. `counted` adds up over all inputs."""

    def __init__(self, beside: Beside, how: str, stdin: int = subprocess.DEVNULL) -> None:
        self.how = how
        self.beside = beside
        self.exporter = beside.exporter(stdin)

    def change(self, *inputs: dict[str, Any]) -> str:
        """Take these inputs; what the reload says."""
        self.beside.configure(inputs=[*inputs])
        if self.how == "restart":
            self.exporter.stop()
            self.exporter = self.beside.exporter()
            return ""
        answer = requests.post(self.exporter.url + "/-/reload", timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.text.strip()

    def counted(self) -> dict[str, float]:
        """Lines by input, and results other than parsed."""
        found = {}
        for name, value in self.exporter.scrape().items():
            if name.startswith(LINES) and value:
                labels = dict(part.split("=") for part in name[len(LINES) + 1 : -1].replace('"', "").split(","))
                result = "" if labels["result"] == "parsed" else f" {labels['result']}"
                found[labels["input"] + result] = value
        return found

    def counts(self, **counts: float) -> None:
        """Wait until these are all the lines, and nothing was lost; and see that it stays."""
        expected = {name.replace("_", "."): float(value) for name, value in counts.items()}
        eventually(lambda: self.counted() == expected, f"{self.counted()}, not {expected}")
        assert self.counted() == expected
        assert [name for name, value in self.exporter.scrape().items() if name.startswith(LOSSES) and value] == []
