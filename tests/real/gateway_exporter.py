"""The exporter under test, beside the log of a real gateway."""

from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter.keys.identity import Identity
from tests.exporter import Exporter
from tests.waiting import eventually

_SECRET = b"a secret for these tests only"

IDENTITY = Identity(_SECRET)

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class GatewayExporter(Exporter):
    """An exporter that reads one log, or receives syslog at one address, with all that it has said until now. `config`
    has more sections of its config.
    """

    def __init__(
        self, folder: Path, log: Path | str, format_: str | dict[str, Any], address: str = "127.0.0.1:0", **config: Any
    ) -> None:
        (folder / "secret").write_bytes(_SECRET)
        whole = {
            "inputs": [{"path": str(log), "name": "gateway", "format": format_}],
            "identity": {"secret_file": "secret"},
            "metrics": {"scrape_interval": "1ms"},
            "start_at": "beginning",
        } | config
        (folder / "config.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
        super().__init__("run", "--config.file", "config.yaml", "--log.level", "debug", cwd=folder, address=address)

    def samples(self) -> Samples:
        """What /metrics says now. Series that are 0 (some are, before they count) are left out."""
        found: Samples = {}
        for family in text_string_to_metric_families(self.get().text):
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
            return None if "held at 0 until" in self.get("/").text else samples

        settled = eventually(found, "nothing is held at 0")
        assert settled
        return settled

    def everything_said(self) -> str:
        """All that leaves the exporter: metrics, the status page, its log."""
        return "\n".join([self.get().text, self.get("/").text, self.said])
