"""Expressions: values of a row as Python expressions over `r`, with the names and local variables that they use."""

from typing import Any

from exporter.formats.decoders.decoder import Decoder
from exporter.formats.source import Source
from exporter.formats.values import dated, seconds

# What gateways write for an absent value.
ABSENT = frozenset((None, "", "-", b"", b"-"))
# The values that are false for `if` and `unless`.
FALSE = ABSENT | {False, "false", "0", b"false", b"0"}


def or_absent(value: float | None) -> float:
    """A number as the loop has it: -1.0 if it is absent."""
    return -1.0 if value is None else value


class Expressions:
    """Makes the expressions of one format. `names` are the globals that they use."""

    def __init__(self, decoder: Decoder) -> None:
        self.names: dict[str, Any] = {"ABSENT": ABSENT, "FALSE": FALSE, "dated": dated}
        self._decoder = decoder
        self._locals = 0

    def path(self, path: str) -> str:
        """The raw value at a path."""
        return self._decoder.expression(path)

    def value(self, source: Source) -> str:
        """The raw value of a source."""
        if source.value is not None:
            return repr(source.value)
        code = self.path(source.path)
        if source.below is None:
            return code
        held, name = self.held(), self.name("seconds", lambda raw: or_absent(seconds(raw)))
        measure = f"({held} if ({held} := {code}).__class__ is float else {name}({held}))"
        unless = self.path(source.unless)
        return f"(None if ({unless}) not in FALSE else 0 <= {measure} < {source.below!r})"

    def first(self, sources: tuple[Source, ...]) -> str:
        """The first of their raw values that is not absent; the last one if all are."""
        return self._first_of([self.value(source) for source in sources])

    def time(self, sources: tuple[Source, ...]) -> str:
        """The same of times, whose date and time of day may stand apart."""
        return self._first_of(
            [
                f"dated({self.value(source)}, {self.path(source.added[0])})" if source.added else self.value(source)
                for source in sources
            ]
        )

    def held(self) -> str:
        """The name of a new local variable of the loop."""
        self._locals += 1
        return f"v{self._locals}"

    def name(self, field: str, value: Any) -> str:
        """A new global name for a memo or a function, made of the field's."""
        name = f"{field}{len(self.names)}"
        self.names[name] = value
        return name

    def _first_of(self, codes: list[str]) -> str:
        code = codes[-1]
        for other in reversed(codes[:-1]):
            held = self.held()
            code = f"({held} if ({held} := {other}) not in ABSENT else {code})"
        return code
