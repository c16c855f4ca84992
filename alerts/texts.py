"""The texts of messages: the file of templates, and texts that need no such file."""

import re
from itertools import pairwise
from pathlib import Path

TEMPLATES = "gateway.tmpl"
_DEFINE = re.compile(r'^\{\{ define "([\w.]+)"', re.MULTILINE)
_END = re.compile(r"(\{\{-?) end \}\}\Z")
_USE = re.compile(r'\{\{-? *template "([\w.]+)"')


def templates() -> str:
    """The file of templates."""
    return (Path(__file__).parent / "templates" / TEMPLATES).read_text(encoding="utf-8")


def inline(text: str) -> str:
    """A text with the templates that it uses in front of it."""
    defined = _definitions()
    used: list[str] = []
    waiting = _USE.findall(text)
    while waiting:
        name = waiting.pop(0)
        # Others are Alertmanager's own.
        if name in defined and name not in used:
            used.append(name)
            waiting += _USE.findall(defined[name])
    # What ends with a dash leaves no newline in the message.
    return "".join(_END.sub(r"\1 end -}}\n", defined[name]) for name in used) + text


def _definitions() -> dict[str, str]:
    """The templates by name. Each begins a line, and ends before the next."""
    text = templates()
    starts = [*((found[1], found.start()) for found in _DEFINE.finditer(text)), ("", len(text))]
    return {name: text[at:end].rstrip() for (name, at), (_, end) in pairwise(starts)}
