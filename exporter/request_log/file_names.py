"""The names of a request log's files: a day (UTC), or a part of it, as `2026-03-01.db` and `2026-03-01.2.db`."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

_EPOCH = date(1970, 1, 1)
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.(\d{1,6}))?\.db")


class FileName(NamedTuple):
    """The name of a file; names sort by age."""

    day: int
    part: int

    @property
    def text(self) -> str:
        """As it is on disk."""
        day = _EPOCH + timedelta(days=self.day)
        return f"{day}.{self.part}.db" if self.part > 1 else f"{day}.db"


def files_in(folder: Path) -> dict[FileName, Path]:
    """The files of a request log, the oldest first."""
    found = {}
    for path in folder.glob("*.db"):
        if match := _NAME.fullmatch(path.name):
            try:
                day = (date.fromisoformat(match[1]) - _EPOCH).days
            except ValueError:
                continue
            found[FileName(day, int(match[2] or 1))] = path
    return dict(sorted(found.items()))
