"""The labels of an input, as the one text that follows the catalogue's labels in a series: `gateway="eu-1"`.

To Prometheus, the order of labels has no meaning, and an empty label is an absent one. So equal labels have equal
texts, and no series appears twice in the exposition.
"""

import re

_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:\\.|[^"\\])*)"', re.DOTALL)


def escaped(value: str) -> str:
    """A label's value, escaped for both formats of the exposition."""
    if "\\" in value or '"' in value or "\n" in value:
        value = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return value


def input_labels_text(labels: dict[str, str]) -> tuple[str, ...]:
    """The text; empty if there are no labels."""
    text = _joined([(label, escaped(value)) for label, value in labels.items()])
    return (text,) if text else ()


def in_order(values: tuple[str, ...], count: int) -> tuple[str, ...]:
    """A series' values, of which `count` are labels of the catalogue, with the text in its present order."""
    return (*values[:count], *filter(None, (_joined(_PAIR.findall(text)) for text in values[count:])))


def _joined(pairs: list[tuple[str, str]]) -> str:
    return ",".join(f'{label}="{value}"' for label, value in sorted(pairs) if value)
