"""Lines → rows of the request log, in this process, and what a search finds."""

from pathlib import Path
from typing import Any

from exporter.request_log.filters import filter_of
from exporter.request_log.key_names import KeyNames
from exporter.request_log.log import RequestLog
from exporter.request_log.search import Search, Sums
from tests.counted import Counting
from tests.exporter import Samples

FOR_EVER = 1e9


class Keeping(Counting):
    """A config whose section `requests` is `{more}`; `format` is that of its only input."""

    def __init__(self, folder: Path, format_: str, requests: str = "", more: str = "", mark: int | None = None) -> None:
        (folder / "secret").write_text("a secret of the tests", encoding="utf-8")
        config = f"""
inputs: [{{path: access.json, name: in, format: {format_}}}]
identity: {{secret_file: secret}}
state: {{path: state.db}}
requests: {{{requests}}}
{more}
"""
        super().__init__(folder, config, mark)
        self.folder = folder / "requests"
        assert self.assembly.request_log
        self.log: RequestLog = self.assembly.request_log

    def keep(self, *lines: dict[str, Any]) -> Samples:
        """Count lines, and write their rows."""
        self.meter.count(self.decoded(lines))
        self.meter.fold()
        self.log.write()
        return self.samples()

    def search(self) -> Search:
        """A search, as people make it."""
        return Search(self.folder, KeyNames(self.assembly.identity.entries), FOR_EVER)

    def rows(self, **asked: str) -> list[dict[str, Any]]:
        """All rows of a filter, the newest first."""
        return [*self.search().each(filter_of(asked))]

    def found(self, **asked: str) -> list[Any]:
        """The request ids of a filter, the newest first."""
        return [row["request_id"] for row in self.rows(**asked)]

    def sums(self, **asked: str) -> Sums:
        """What the rows of a filter add up to."""
        return self.search().sums(filter_of(asked))
