"""From raw values to words, and to what fields with too many raw values are replaced by before the cell is looked up.

Raw values that repeat cost one look-up in a memo; this is for the others.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from exporter.formats.source import Source
from exporter.formats.values import Raw, text
from exporter.memo import LONGEST, Memo

# The maximum number of canonical values cached per field. A larger cache does not help logs with few values, and is
# slower for logs whose values never repeat, as it does not fit into the processor's caches.
MOST_WORDS = 2_000

Unescape: TypeAlias = Callable[[bytes], bytes]


class Canonical(NamedTuple):
    """How a word becomes canonical. `cut` returns a shorter word that has the same canonical value. So does `site`, for
    text or bytes as logged: all up to the first slash behind the eighth character, or nothing.
    """

    function: Callable[[str], Any]
    cut: Callable[[str], str] | None = None
    site: Callable[[Any], Any] | None = None


class CutMemo(Memo[Any, Any]):
    """A memo of values that rarely repeat. What a new one means is known `of_cut` words. Hot path.

    It keeps one new value of seven: those in use are soon among them, and those that never repeat cost little.
    """

    __slots__ = ("_cut", "_new", "_text_of")

    def __init__(self, of_cut: Memo[str, Any], cut: Callable[[str], str], text_of: Callable[[Raw], str]) -> None:
        super().__init__(of_cut.__getitem__, MOST_WORDS)
        self._cut = cut
        self._text_of = text_of
        self._new = 0

    def __missing__(self, raw: Any) -> Any:
        # Without calls of small functions.
        word = raw if raw.__class__ is str else self._text_of(raw)
        value = self._function(self._cut(word))
        self._new = new = self._new + 1
        if not new % 7 and len(word) <= LONGEST:
            if len(self) >= self._size:
                self.clear()
            self[raw] = value
        return value


class SiteMemo(CutMemo):
    """A memo of URLs: many pages are of few sites. `sites` has what those of HTTP mean, by their `site`, and is looked
    up first.
    """

    __slots__ = ("_site", "sites")

    def __init__(self, site: Callable[[Any], Any], *of_cut: Any) -> None:
        super().__init__(*of_cut)
        self._site = site
        self.sites: dict[Any, Any] = {}

    def __missing__(self, raw: Any) -> Any:
        value = super().__missing__(raw)
        site = self._site(raw) if isinstance(raw, (str, bytes)) else ""
        if site and len(site) <= LONGEST:
            if len(self.sites) >= MOST_WORDS:
                self.sites.clear()
            self.sites[site] = value
        return value

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self.sites.clear()


class Words:
    """The words of one format. `unescape` gives a text log's bytes as they were before the log escaped them."""

    def __init__(self, unescape: Unescape, canonical: dict[str, Canonical]) -> None:
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
        of_word = self._of_word(field)
        text_of = self._text if source.is_plain else partial(self.word, source)
        return lambda raw: of_word(text_of(raw))

    def memo(self, field: str, source: Source, size: int = MOST_WORDS) -> Memo[Raw, Any]:
        """The same as a memo."""
        _, cut, site = self._canonical[field]
        if not (cut and source.is_plain):
            return Memo(self.canonical(field, source), size)
        of_cut = Memo(self._of_word(field), size)
        self._of_cut.append(of_cut)
        return SiteMemo(site, of_cut, cut, self._text) if site else CutMemo(of_cut, cut, self._text)

    def _of_word(self, field: str) -> Callable[[str], Any]:
        function = self._canonical[field].function
        return lambda word: function(word) if word and word != "-" else ""

    def _text(self, raw: Raw) -> str:
        return self._unescape(raw).decode("utf-8", "replace") if raw.__class__ is bytes else text(raw)
