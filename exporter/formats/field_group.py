"""FieldGroup: text fields that the loop reads together, as one key."""

from typing import Any

from exporter.formats.values import Raw
from exporter.memo import Memo


class FieldGroup:
    """Some text fields of a row: `expression` gives their raw values, `read` turns these into fields."""

    def __init__(self) -> None:
        self._elements: list[str] = []
        # For each element the field and the memo from raw values to text (None: values are canonical already).
        self._columns: list[tuple[str, Memo[Raw, str] | None]] = []

    def add(self, field: str, element: str, meaning: Memo[Raw, str] | None) -> None:
        """Add an element. If a field has several, the first that is not empty counts."""
        self._elements.append(element)
        self._columns.append((field, meaning))

    @property
    def expression(self) -> str:
        """A Python expression over the row `r`: a tuple, or the value itself if there is only one."""
        return self._elements[0] if len(self._elements) == 1 else f"({', '.join(self._elements)})"

    @property
    def memos(self) -> list[Memo[Raw, str]]:
        """The memos of its elements."""
        return [meaning for _, meaning in self._columns if meaning is not None]

    def read(self, raws: Any) -> dict[str, Any]:
        """Field → text (or canonical value), from the result of the expression."""
        fields: dict[str, Any] = {}
        for (field, meaning), raw in zip(self._columns, (raws,) if len(self._columns) == 1 else raws, strict=True):
            if raw is not None and not fields.get(field):
                fields[field] = raw if meaning is None else meaning[raw]
        return fields
