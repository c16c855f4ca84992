"""The entries of a price table, and which of them fit a request."""

from operator import itemgetter

from msgspec import Struct

from exporter.globs import is_glob
from exporter.pricing.patterns import fits
from exporter.pricing.price import ALWAYS, Price


class PriceEntry(Struct, frozen=True, kw_only=True):
    """An entry of a price table: the requests it applies to, and their price. `*` and `?` are wildcards; "" matches
    all.

    `vendor` is the vendor of the model if the table has it: `openai/gpt-4o` then matches `gpt-4o` of `openai` only.
    `type` is the type of the model; an entry may have a type without a price.
    """

    model: str = ""
    provider: str = ""
    method: str = ""
    vendor: str = ""
    type: str = ""
    price: Price | None = None


class PriceTable:
    """The entries of one file, found by model."""

    def __init__(self, entries: list[PriceEntry]) -> None:
        self.entries = entries
        self._exact: dict[str, list[PriceEntry]] = {}
        self._patterns: list[PriceEntry] = []
        for entry in entries:
            if entry.model and not is_glob(entry.model):
                self._exact.setdefault(entry.model, []).append(entry)
            else:
                self._patterns.append(entry)

    def fitting(self, model: str, provider: str, method: str) -> list[PriceEntry]:
        """The matching entries, the most exact first: a model's name, then the longest pattern; of equals, the last."""
        vendor, slash, bare = model.partition("/")
        names = [(f"{provider}/{model}", ""), (model, ""), *([(bare, vendor)] if slash else [])] if model else []
        entries = [entry for name, _ in names for entry in self._exact.get(name, ())] + self._patterns
        ranked = [(_rank(entry, names, provider, method), entry) for entry in entries]
        found = [(rank, entry) for rank, entry in ranked if rank is not None]
        return [entry for _, entry in sorted(found, key=itemgetter(0))]


def _rank(
    entry: PriceEntry, names: list[tuple[str, str]], provider: str, method: str
) -> tuple[bool | int | float, ...] | None:
    """The sort key of an entry, the most exact first; None if it does not match. `names` are the names that a model may
    have in a table, each with the vendor that it then must have.
    """
    fitting = [
        nth
        for nth, (name, vendor) in enumerate(names)
        if fits(name, entry.model) and (entry.vendor.startswith(vendor) or not entry.vendor)
    ]
    if (entry.model and not fitting) or not fits(provider, entry.provider) or not fits(method, entry.method):
        return None
    since = entry.price.since if entry.price else ALWAYS
    exactness = (not entry.model, is_glob(entry.model), -len(entry.model), fitting[0] if fitting else 0)
    return (*exactness, -len(entry.provider), -len(entry.method), -since)
