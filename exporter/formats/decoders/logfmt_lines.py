"""logfmt, as Go's loggers write it: `level=info msg="a \\"quoted\\" word" status=200`."""

import re

from exporter.formats.decoders.decoder import Decoded, NamedLines, bare

_PAIR = re.compile(rb'([\w.-]+)=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^ "]*+))(?: |$)')
_ESCAPED = re.compile(r"\\(.)")


def pairs(text: bytes) -> dict[str, str] | None:
    """The values of a line by name; None if the line is not made of pairs only."""
    values: dict[str, str] = {}
    at = 0
    while found := _PAIR.match(text, at):
        name, quoted, plain = found.groups()
        value = (plain if quoted is None else quoted).decode("utf-8", "replace")
        values.setdefault(name.decode("utf-8", "replace"), _ESCAPED.sub(r"\1", value) if quoted else value)
        at = found.end()
    return values if at == len(text) else None


class LogfmtLines(NamedLines):
    """Decoder of logfmt. If a name occurs twice, its first value counts; a missing name is empty."""

    def _decode(self, chunk: bytes) -> Decoded:
        """A row for each line that consists of pairs only."""
        done = Decoded([], [])
        lines = chunk.split(b"\n")
        lines.pop()
        for line in lines:
            values = pairs(bare(line))
            if values:
                done.rows.append([values.get(name, "") for name in self.asked])
            elif values is None:
                done.reject("no_match", line)
            else:
                done.skip()
        return done
