"""logfmt, as Go's loggers write it: `level=info msg="a \\"quoted\\" word" status=200`."""

import re

from exporter.formats.decoder import Decoded, NamedLines, bare

_PAIR = re.compile(rb'([\w.-]+)=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^ "]*+))(?: |$)')
_ESCAPED = re.compile(r"\\(.)")


class LogfmtLines(NamedLines):
    """Decoder of logfmt. A name that stands twice has its first value; one that is not there is empty."""

    def _decode(self, chunk: bytes) -> Decoded:
        """A row for each line that is pairs of names and values from its start to its end."""
        done = Decoded([], [])
        lines = chunk.split(b"\n")
        lines.pop()
        for line in lines:
            text = bare(line)
            values: dict[str, str] = {}
            at = 0
            while found := _PAIR.match(text, at):
                name, quoted, plain = found.groups()
                value = (plain if quoted is None else quoted).decode("utf-8", "replace")
                values.setdefault(name.decode("utf-8", "replace"), _ESCAPED.sub(r"\1", value) if quoted else value)
                at = found.end()
            if text and at == len(text):
                done.rows.append([values.get(name, "") for name in self.asked])
            elif text:
                done.reject("no_match", line)
            else:
                done.skip()
        return done
