"""Where the logs are now that a path or a pattern names, and which of them can't be read."""

import errno
import glob
from pathlib import Path
from stat import S_ISREG

from exporter.inputs.content import no_file
from exporter.inputs.fingerprint import Identity
from exporter.inputs.ledger import Ledger
from exporter.inputs.rotated import Logs


class Where:
    """Looks for the logs. `unreadable` are the paths that could not be read, or a pattern that no file matches;
    `unopened` those among them that there was no descriptor for.
    """

    def __init__(self, pattern: str, ledger: Ledger) -> None:
        self.unreadable: set[str] = set()
        self.unopened: set[str] = set()
        self._pattern = pattern
        self._ledger = ledger
        self._logs = Logs() if glob.has_magic(pattern) else None

    @property
    def directory(self) -> str:
        """The folder to watch: the nearest one whose name is no pattern."""
        folder = Path(self._pattern).parent
        while glob.has_magic(str(folder)):
            folder = folder.parent
        return str(folder)

    def look(self, opened: dict[Identity, str], before: set[str]) -> dict[Identity, str]:
        """The logs that are there. One that is open and can't be looked at any more counts as there.

        `before` are logs that were there before: what rotation makes of them is no log.
        """
        there: dict[Identity, str] = {}
        for path in self._paths(before):
            try:
                found = Path(path).stat()
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    there |= {identity: path for identity, log in opened.items() if log == path}
                elif self._logs:
                    continue  # it went away since the pattern was looked up
                self.trouble(path, error)
            else:
                if S_ISREG(found.st_mode):
                    there.setdefault((found.st_dev, found.st_ino), path)
                elif not self._logs:
                    self.trouble(path, no_file(path))
        return there

    def trouble(self, path: str, error: OSError) -> None:
        """A log can't be read; told once, and of those without a descriptor only the first."""
        if error.errno == errno.EMFILE:
            if self.unopened:
                self.unreadable.add(path)
            self.unopened.add(path)
        self._tell(path, error.strerror or str(error))

    def opened(self, path: str) -> None:
        """A log can be read."""
        self.unreadable -= {path, self._pattern}
        self.unopened.discard(path)

    def _paths(self, before: set[str]) -> list[str]:
        if not self._logs:
            return [self._pattern]
        paths = self._logs.among(glob.glob(self._pattern), before)
        self.unreadable.intersection_update((*paths, self._pattern))
        self.unopened &= self.unreadable
        if not paths:
            self._tell(self._pattern, "no file matches")
        return paths

    def _tell(self, path: str, why: str) -> None:
        if path not in self.unreadable:
            self.unreadable.add(path)
            self._ledger.unreadable(path, why)
