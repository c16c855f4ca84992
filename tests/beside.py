"""A folder with a config, a log and a state file, and the real command beside them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from exporter.keys.identity import Identity
from tests.exporter import Exporter

SECRET = "a secret of the tests"
KEY = "sk-live-1234567890abcdef"
IDENTITY = Identity(SECRET.encode())
PUBLIC = IDENTITY.hash(KEY)
LINES = "gateway_exporter_lines_total"
PARSED = f'{LINES}{{input="access.json",result="parsed"}}'


def line(status: int = 200, key: str = KEY, **more: object) -> str:
    """A line of the nginx-json preset."""
    fields = {"msec": 1772546709.331, "status": status, "method": "POST", "uri": f"/v2/{key}", "scheme": "https"}
    body = {"rpc_method": "eth_call", "request_time": 0.02, "remote_addr": "203.0.113.24", "bytes_sent": 100}
    return json.dumps(fields | body | more) + "\n"


def requests_of(key: str = PUBLIC, status: int = 200, method: str = "eth_call", **more: str) -> str:
    """The series that such lines add to; `more` are the input labels."""
    labels = {"class": "business", "key": key, "method": method, "protocol": "https", "status": str(status), **more}
    pairs = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"gateway_requests_total{{{pairs}}}"


class Beside:
    """The folder. New series show their values at the second scrape."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "access.json"
        self.config = folder / "config.yaml"
        self.state = folder / "state.db"
        (folder / "secret").write_text(SECRET, encoding="utf-8")
        (folder / "secret").chmod(0o600)
        self.settings: dict[str, Any] = {
            "inputs": [{"path": "access.json", "format": "nginx-json"}],
            "identity": {"secret_file": "secret"},
            "metrics": {"scrape_interval": "1ms"},
            "state": {"path": "state.db"},
        }
        self.configure()

    def configure(self, **parts: Any) -> None:
        """Change parts of the config; None takes one out."""
        self.settings = {name: part for name, part in (self.settings | parts).items() if part is not None}
        self.config.write_text(yaml.safe_dump(self.settings, sort_keys=False), encoding="utf-8")

    def write(self, text: str, log: str = "access.json") -> None:
        """Append to a log."""
        with (self.folder / log).open("a", encoding="utf-8") as out:
            out.write(text)

    def exporter(self, stdin: int = subprocess.DEVNULL, descriptors: int | None = None) -> Exporter:
        """Run it."""
        return Exporter("run", "--config.file", str(self.config), descriptors=descriptors, stdin=stdin)
