"""The one place that knows which kinds of input there are."""

import sys
from collections.abc import Callable, Iterable, Mapping

from exporter.inputs.base import Input
from exporter.inputs.elsewhere import Elsewhere, StoredInput
from exporter.inputs.events import InputEvents
from exporter.inputs.logs.file_input import FileInput
from exporter.inputs.pipe import PipeInput
from exporter.inputs.syslog.address import is_syslog
from exporter.inputs.syslog.syslog_input import SyslogInput


class Inputs:
    """Opens the inputs of one exporter. `elsewhere` is what its file inputs know of each other."""

    def __init__(self) -> None:
        self.elsewhere = Elsewhere()
        self._stdin: PipeInput | None = None

    def open(
        self, name: str, place: tuple[str, str], start_at: str, events: InputEvents, wake: Callable[[], None]
    ) -> Input:
        """The input that a path and the pattern of rotated logs name. It calls `wake` when there is more to read."""
        path, rotated = place
        if is_syslog(path):
            return SyslogInput(path, events, wake)
        if path != "-":
            return FileInput(path, events, start_at, rotated, self.elsewhere)
        if self._stdin:
            self._stdin.follow(name, events)
        else:
            self._stdin = PipeInput(sys.stdin.fileno(), name, events, wake)
        return self._stdin

    def arrange(
        self, inputs: Mapping[str, Input], gone: Iterable[StoredInput], before: Iterable[str]
    ) -> list[StoredInput]:
        """See `Elsewhere.arrange`; inputs that read no files have no part in it."""
        files = {name: input_ for name, input_ in inputs.items() if isinstance(input_, FileInput)}
        return self.elsewhere.arrange(files, gone, before)
