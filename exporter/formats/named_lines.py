"""Lines whose values have names, in text: what CSV and logfmt share."""

from typing import Any

from exporter.formats.decoder import LineDecoder


class NamedLines(LineDecoder):
    """A decoder whose rows are lists of the values `asked` for, as text, in the order of the expressions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def names(self) -> dict[str, Any]:
        """The expressions use none."""
        return {}

    def expression(self, path: str) -> str:
        """A name's place in the row."""
        if path not in self.asked:
            self.asked.append(path)
        return f"r[{self.asked.index(path)}]"

    def row(self, value: list[str]) -> list[str]:
        """A row again of what `to_builtins` made of one."""
        return value
