"""docs/fields.md: the fields that a log can have, and the presets that fill each."""

from exporter.formats import source
from exporter.formats.format import build
from exporter.formats.spec import FormatSpec, presets
from exporter.model.fields import FIELDS, MOST

_HEAD = """\
# Fields

What a format can read from a line (`fields`, or the names below `json`, `csv` and `logfmt`). Of the types, `text` is a
word; `time` is epoch seconds or a date; `seconds` is a duration, which a format can give in another `unit`; `number`
is summed. Numbers above *largest* are left out of sums, and counted as implausible; the request still counts.

| field | type | largest | what it is | presets that read it |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The page's text."""
    reads = {preset: build(FormatSpec(preset=preset)).fields.keys() for preset in presets()}
    rows = []
    for field, (type_, text) in FIELDS.items():
        most = f"{MOST[field]:g}" if field in MOST else ""
        readers = [preset for preset, fields in reads.items() if field in fields]
        links = ", ".join(f"[{preset}](formats.md#{preset})" for preset in readers)
        shown = f"all {len(reads)}" if len(readers) == len(reads) else links
        rows.append(f"| `{field}` | {type_} | {most} | {text.replace('|', '/')} | {shown} |\n")
    _, _, language = (source.__doc__ or "").partition("\n\n")
    return (
        f"{_HEAD}{''.join(rows)}\n## Sources\n\nWhere a value stands in a line.\n\n```text\n{language.strip()}\n```\n"
    )
