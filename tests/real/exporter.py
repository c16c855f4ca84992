"""The exporter under test: the real command beside a real log."""

import re
import sys
from pathlib import Path
from typing import Any

import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter.keys.identity import Identity
from tests.real.process import Process
from tests.real.waiting import eventually

_COMMAND = str(Path(sys.executable).with_name("gateway-exporter"))
_SECRET = b"a secret for these tests only"
_SECONDS = 60

IDENTITY = Identity(_SECRET)

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Exporter:
    """`gateway-exporter run` over one log, with all that it has said until now."""

    def __init__(self, folder: Path, log: Path, format_: str | dict[str, Any], **config: Any) -> None:
        (folder / "secret").write_bytes(_SECRET)
        told = {
            "inputs": [{"path": str(log), "name": "gateway", "format": format_}],
            "identity": {"secret_file": "secret"},
            "metrics": {"scrape_interval": "1ms"},
            "start_at": "beginning",
            "web": {"listen": "127.0.0.1:0"},
        } | config
        (folder / "config.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
        self.process = Process([_COMMAND, "run", "--config.file", "config.yaml", "--log.level", "debug"], folder)
        self._url = eventually(self._address, "the exporter says where it serves")

    def _address(self) -> str:
        self.process.alive()
        found = re.search(r"metrics: (http://\S+)/metrics", self.process.stderr)
        return found[1] if found else ""

    def get(self, path: str) -> str:
        """A page."""
        answer = requests.get(self._url + path, timeout=_SECONDS)
        answer.raise_for_status()
        return answer.text

    def samples(self) -> Samples:
        """What /metrics says now. Series that are 0 (some are, before they count) are left out."""
        found: Samples = {}
        for family in text_string_to_metric_families(self.get("/metrics")):
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                assert (sample.name, labels) not in found, f"twice: {sample}"
                if sample.value:
                    found[sample.name, labels] = sample.value
        return found

    def settled(self) -> Samples:
        """The same, once no new series is held at 0 any more."""

        def found() -> Samples | None:
            samples = self.samples()
            return None if "show 0 until" in self.get("/") else samples

        settled = eventually(found, "nothing is held at 0")
        assert settled
        return settled

    def everything_said(self) -> str:
        """All that leaves the exporter: metrics, the status page, its log."""
        return "\n".join([self.get("/metrics"), self.get("/"), self.process.stderr])
