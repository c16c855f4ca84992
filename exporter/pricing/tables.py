"""Price tables as files: custom tables in YAML, and LiteLLM's public table in JSON.

LiteLLM's file is https://github.com/BerriAI/litellm, model_prices_and_context_window.json. Its prices per token and per
request are used. Logs have no numbers for prices per image, per second or by the length of a prompt: models with such
prices are priced by tokens at the lowest tier, or not at all.
"""

import re
from pathlib import Path
from sys import float_info
from typing import Annotated, Any

import msgspec

from exporter.errors import ConfigError, FieldError
from exporter.pricing.credits import Credits
from exporter.pricing.entries import PriceEntry, PriceTable
from exporter.pricing.price import ALWAYS, Price
from exporter.yaml_file import Part, YamlFile, read_date

_LITELLM_TOKENS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
}
_LITELLM_REQUESTS = ("input_cost_per_request", "input_cost_per_query")
_Money = Annotated[float, msgspec.Meta(ge=0, le=float_info.max, description="a price, 0 or more")]
_BYTE = re.compile(r"byte (\d+)")


class _TokenPrices(Part):
    """Prices per million tokens. By default, tokens read from or written to a cache cost as much as input tokens, and
    reasoning tokens as much as output tokens.
    """

    input: _Money
    output: _Money
    cache_read: _Money | None = None
    cache_write: _Money | None = None
    reasoning: _Money | None = None


class _BytePrices(Part):
    """Prices per 10⁹ bytes."""

    request: _Money = 0.0
    response: _Money = 0.0


class _PricePart(Part, rename={"start": "from"}):
    """An entry of a custom table."""

    model: str = ""
    provider: str = ""
    method: str = ""
    type: str = ""
    start: Any = None
    per_million_tokens: _TokenPrices | None = None
    per_request: _Money | None = None
    per_gigabyte: _BytePrices | None = None

    def __post_init__(self) -> None:
        if not self.model and not self.method:
            raise ValueError("a price needs a model, a method, or both; * and ? are wildcards")
        prices = (self.per_million_tokens, self.per_request, self.per_gigabyte)
        if not self.type and prices == (None, None, None):
            raise ValueError("give a price: per_million_tokens, per_request or per_gigabyte; 0 means free")
        self.start = read_date("from", self.start)

    @property
    def entry(self) -> PriceEntry:
        tokens, bytes_ = self.per_million_tokens, self.per_gigabyte
        rates: list[tuple[str, float]] = []
        if tokens:
            million = {name: getattr(tokens, name) for name in tokens.__struct_fields__}
            rates += _token_rates({name: each / 1e6 for name, each in million.items() if each is not None})
        if bytes_:
            rates += [("request_bytes", bytes_.request / 1e9), ("response_bytes", bytes_.response / 1e9)]
        price = None
        if tokens or bytes_ or self.per_request is not None:
            since = self.start.timestamp() if self.start else ALWAYS
            price = Price(since=since, request=self.per_request or 0.0, rates=tuple(rates))
        return PriceEntry(model=self.model, provider=self.provider, method=self.method, type=self.type, price=price)


def load_prices(path: Path) -> PriceTable:
    """Read a price table: LiteLLM's if the name ends with .json, else a custom one. ConfigError names the mistake."""
    if path.suffix == ".json":
        return _load_litellm(path)
    file = YamlFile(path)
    return PriceTable([part.entry for part in file.convert(list[_PricePart])])


def read_credits(written: Any) -> Credits:
    """The credits of a config: a mapping of method patterns to numbers, with the keys `default`, `chains`, `statuses`.

    FieldError names the first mistake.
    """
    if not isinstance(written, dict):
        raise ValueError("must be a mapping: methods (with * and ?), default, chains, statuses")
    rest = {str(name): value for name, value in written.items()}
    chains, statuses = rest.pop("chains", {}), rest.pop("statuses", {})
    for name, part in (("chains", chains), ("statuses", statuses)):
        if not isinstance(part, dict):
            raise FieldError(name, "must be a mapping")
    for status in map(str, statuses):
        if not re.fullmatch(r"[1-5](?:\d\d|xx)", status):
            problem = f"{status!r} is not a valid status; use one such as 429, or a class such as 4xx"
            raise FieldError(("statuses", status), problem)
    default = _amount(rest.pop("default", 0), "default")
    return Credits(
        default=default,
        methods={name: _amount(value, name) for name, value in rest.items()},
        chains={str(chain): _of_chain(value, default, "chains", str(chain)) for chain, value in chains.items()},
        statuses={str(status): _amount(value, "statuses", str(status)) for status, value in statuses.items()},
    )


def _of_chain(written: Any, default: float, *at: str) -> Credits:
    """The credits of a chain: one number for all calls, or numbers by method."""
    if not isinstance(written, dict):
        return Credits(default=_amount(written, *at))
    methods = {str(name): _amount(value, *at, str(name)) for name, value in written.items()}
    return Credits(default=methods.pop("default", default), methods=methods)


def _amount(value: Any, *at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e15:
        raise FieldError(at, f"credits are a number, 0 or more, not {value!r}")
    return value


def _load_litellm(path: Path) -> PriceTable:
    try:
        text = path.read_bytes()
        models = msgspec.json.decode(text, type=dict[str, Any])
    except OSError as error:
        raise ConfigError(str(path), 0, "", f"can't be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        at = _BYTE.search(str(error))
        line = text.count(b"\n", 0, int(at[1])) + 1 if at else 1
        raise ConfigError(str(path), line, "", f"is not a price table in JSON: {error}") from None
    models.pop("sample_spec", None)
    entries: list[PriceEntry] = []
    for model, found in models.items():
        if not isinstance(found, dict):
            raise ConfigError(str(path), _line(text, model), model, f"must be a mapping with prices, not {found!r}")
        for name in (*_LITELLM_TOKENS.values(), *_LITELLM_REQUESTS):
            if found.get(name) is not None and not _is_cost(found[name]):
                problem = f"a price is a number from 0 to 1e6, not {found[name]!r}"
                raise ConfigError(str(path), _line(text, model, name), f"{model}.{name}", problem)
        entries += _litellm_entries(model, found)
    if not any(entry.price for entry in entries):
        expected = "LiteLLM's model_prices_and_context_window.json, or your own .yaml"
        raise ConfigError(str(path), 1, "", f"no model in it has a price; expected {expected}")
    return PriceTable(entries)


def _litellm_entries(model: str, found: dict[str, Any]) -> list[PriceEntry]:
    """A model's entry, and one for each of its aliases."""
    price = _litellm_price({name: float(value) for name, value in found.items() if "cost" in name and _is_cost(value)})
    aliases = found.get("aliases")
    names = [model, *(alias for alias in (aliases if isinstance(aliases, list) else ()) if isinstance(alias, str))]
    vendor, type_ = (str(found.get(name) or "") for name in ("litellm_provider", "mode"))
    return [PriceEntry(model=name, vendor=vendor, type=type_, price=price) for name in names]


def _litellm_price(costs: dict[str, float]) -> Price | None:
    """The price of tokens and requests. None if there is none, or if the model costs only by images or the like."""
    tokens = {name: costs[field] for name, field in _LITELLM_TOKENS.items() if field in costs}
    request = next((costs[name] for name in _LITELLM_REQUESTS if name in costs), None)
    if request is None and not tokens.keys() & {"input", "output"}:
        return None
    free = not request and not any(tokens.values())
    if free and any(costs.values()):
        return None
    rates = tuple(_token_rates({"input": 0.0, "output": 0.0} | tokens))
    return Price(request=request or 0.0, rates=rates)


def _line(text: bytes, *names: str) -> int:
    """The line of the last of `names` in JSON; each is searched for after the one before."""
    at = 0
    for name in names:
        at = max(text.find(f'"{name}"'.encode(), at), at)
    return text.count(b"\n", 0, at) + 1


def _is_cost(cost: Any) -> bool:
    """Whether it is a plausible price."""
    if isinstance(cost, str):
        cost = float(cost) if re.fullmatch(r"\d+(?:\.\d+)?(?:e-?\d+)?", cost) else None
    return isinstance(cost, (int, float)) and not isinstance(cost, bool) and 0 <= cost < 1e6


def _token_rates(each: dict[str, float]) -> list[tuple[str, float]]:
    """The price of a token of each type. A type without a price costs as much as the type that it is a part of."""
    whole = {"cache_read": each["input"], "cache_write": each["input"], "reasoning": each["output"]}
    return [(f"{type_}_tokens", rate) for type_, rate in (whole | each).items()]
