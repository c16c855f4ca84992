"""From raw values to words, and to what fields with too many raw values are replaced by before the cell is looked up.

Raw values that repeat cost one look-up in a memo; this is for the others.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from exporter.formats.source import Source
from exporter.formats.values import Raw, text
from exporter.memo import Memo

# The maximum number of canonical values cached per field. A larger cache does not help logs with few values, and is
# slower for logs whose values never repeat, as it does not fit into the processor's caches.
MOST_WORDS = 2_000


class Canonical(NamedTuple):
    """How a word becomes canonical. `cut` returns a shorter word that has the same canonical value."""

    function: Callable[[str], Any]
    cut: Callable[[str], str] | None = None


class Words:
    """The words of one format. `unescape` gives a text log's bytes as they were before the log escaped them."""

    def __init__(self, unescape: Callable[[bytes], bytes], canonical: dict[str, Canonical]) -> None:
        self._unescape = unescape
        self._canonical = canonical
        self._of_cut: list[Memo[str, Any]] = []

    def forget(self) -> None:
        """Forget what cut words mean."""
        for memo in self._of_cut:
            memo.clear()

    def word(self, source: Source, raw: Raw) -> str:
        """The text of a raw value, as the source reads it."""
        if isinstance(raw, bytes):
            raw = self._unescape(raw)
        return source.read(raw)

    def canonical(self, field: str, source: Source) -> Callable[[Raw], Any]:
        """The function from a raw value to the canonical one; it returns "" for an absent value."""
        canonical, cut = self._canonical[field]
        unescape = self._unescape
        if cut:
            of_cut = Memo(canonical, MOST_WORDS)
            self._of_cut.append(of_cut)

        def of_any(raw: Raw) -> Any:
            word = self.word(source, raw)
            return canonical(word) if word else ""

        def of_plain(raw: Raw) -> Any:
            if raw.__class__ is str:
                word = raw
            else:
                word = unescape(raw).decode("utf-8", "replace") if isinstance(raw, bytes) else text(raw)
            if not word or word == "-":
                return ""
            return of_cut[cut(word)] if cut else canonical(word)

        return of_plain if source.is_plain else of_any
