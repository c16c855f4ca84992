"""What requests cost: by the gateway's log, else by a price table; and what they cost in credits."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from exporter.errors import ConfigError
from exporter.model.record import AccessRecord
from exporter.pricing.credits import Credits
from exporter.pricing.entries import PriceEntry, PriceTable
from exporter.pricing.price import Price
from exporter.pricing.pricing import Pricing
from exporter.pricing.tables import load_prices
from tests.counted import Counting, of

FORMAT = """
inputs:
- path: a.log
  format:
    json:
      time: ts
      status: status
      key: key
      rpc_method: method
      chain: chain
      model: model
      requested_model: asked
      billed_model: billed
      provider: provider
      cost_multiplier: multiplier
      duration: duration
      time_to_first_token: ttft
      input_tokens: input
      output_tokens: output
      cache_read_tokens: cache_read
      cache_write_tokens: cache_write
      reasoning_tokens: reasoning
      request_bytes: received
      response_bytes: sent
"""
WITH_COST = FORMAT + "      cost: cost\n"
PRICES = """
- {model: gpt-4o, per_million_tokens: {input: 2, output: 8, cache_read: 1, cache_write: 4, reasoning: 16}, type: chat}
- {model: "gpt-*", per_million_tokens: {input: 1, output: 2}}
- {model: "gpt-4*", provider: azure, per_million_tokens: {input: 10, output: 20}}
- {model: img, per_request: 0.04, type: image_generation}
- {method: "GET /files/*", per_request: 0.001, per_gigabyte: {request: 1, response: 90}}
"""
DAY = 86400.0


def ask(**fields: Any) -> dict[str, Any]:
    return {"ts": 1772546709.0, "status": 200, "model": "gpt-4o", "method": "chat"} | fields


def counting(folder: Path, format_: str, pricing: str, prices: str = PRICES) -> Counting:
    (folder / "prices.yaml").write_text(prices, encoding="utf-8")
    return Counting(folder, f"{format_}\npricing:\n  models: prices.yaml\n{pricing}")


def costs(found: dict[str, float]) -> dict[str, float]:
    """Model → cost. (Its labels in order: class, currency, method, model.)"""
    return {labels[3]: value for labels, value in of(found, "gateway_cost_total").items()}


def test_the_log_goes_before_the_table_and_the_table_before_nothing(tmp_path: Path) -> None:
    """A line's own cost counts, 0 too; the tokens of lines that have none are priced, each type by its own price."""
    tokens = {"input": 1000, "output": 100, "cache_read": 10, "cache_write": 20, "reasoning": 5}
    found = counting(tmp_path, WITH_COST, "").count(
        ask(cost=0.5, **tokens), ask(cost=0, **tokens), ask(**tokens), ask(cost=None, input=10**6)
    )
    by_table = (1000 * 2 + 100 * 8 + 10 * 1 + 20 * 4 + 5 * 16) / 1e6
    assert costs(found) == {"gpt-4o": pytest.approx(0.5 + by_table + 2, abs=1e-12)}
    assert of(found, "gateway_unpriced_requests_total") == {}


def test_a_summary_has_tokens_and_cost_but_no_requests(tmp_path: Path) -> None:
    """A line that sums up many requests adds its tokens at their price; no request, call, credit or duration."""
    prices = PRICES.replace("type: chat", "per_request: 7")
    pricing = "  credits: {default: 20}"
    found = counting(tmp_path, FORMAT + "      summary: sums\n", pricing, prices).count(
        ask(sums=True, input=10**6, status=200, duration=5), ask(sums=True, output=10**6), ask(input=10**6, duration=1)
    )
    assert costs(found) == {"gpt-4o": 2 + 8 + 2 + 7}
    assert sum(of(found, "gateway_tokens_total").values()) == 3 * 10**6
    for family in ("gateway_requests_total", "gateway_calls_total", "gateway_request_duration_seconds_count"):
        assert list(of(found, family).values()) == [1]
    assert list(of(found, "gateway_credits_total").values()) == [20]


def test_a_fold_prices_what_was_added_since_the_last_one(tmp_path: Path) -> None:
    """However often cells are folded, the cost is the same."""
    whole, pieces = (counting(tmp_path, WITH_COST, "") for _ in range(2))
    lines = [ask(input=n, **({"cost": 0.25} if n % 3 else {})) for n in range(100)]
    for line in lines:
        pieces.count(line)
    assert costs(whole.count(*lines)) == pytest.approx(costs(pieces.samples()), abs=1e-12)
    assert costs(pieces.count()) == costs(pieces.samples())


def test_the_cost_of_all_is_the_sum_of_each_lines(tmp_path: Path) -> None:
    """Random lines with and without cost, of known and unknown models, against what each record says it costs."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    counted = counting(tmp_path, WITH_COST, "  multipliers: {azure: 0.5}\n")
    lines = []
    for _ in range(500):
        line = ask(
            model=chance.choice(["gpt-4o", "gpt-5", "unknown", "img", ""]),
            provider=chance.choice(["azure", "openai", ""]),
            status=chance.choice([200, 500, 499]),
            cost=chance.choice([None, 0, 0.125, -1]),
        )
        for name in ("input", "output", "cache_read", "cache_write", "reasoning", "sent"):
            line[name] = chance.choice([None, 0, chance.randrange(10**6)])
        lines.append(line)
    records = [counted.meter.record(row) for row in counted.decoded(lines).rows]
    found = counted.count(*lines)
    assert sum(of(found, "gateway_cost_total").values()) == pytest.approx(sum(record.cost or 0 for record in records))
    unknown = [
        record for record in records if record.model == "unknown" and record.cost is None and not record.error_type
    ]
    assert of(found, "gateway_unpriced_requests_total") == {("unknown",): len(unknown)}


def test_an_unpriced_model_is_counted_and_named_never_silently_free(tmp_path: Path) -> None:
    """Failed requests are none of its: who asks for models that do not exist must wake nobody."""
    found = counting(tmp_path, FORMAT, "").count(
        ask(model="new"), ask(model="new"), ask(model="new", status=404), ask(model="new", status=499), ask()
    )
    assert of(found, "gateway_unpriced_requests_total") == {("new",): 2}
    assert "new" not in costs(found)


def test_without_a_table_nothing_is_unpriced(tmp_path: Path) -> None:
    """Who prices nothing is not told so by every model."""
    found = Counting(tmp_path, FORMAT).count(ask())
    assert of(found, "gateway_unpriced_requests_total") == {}


def test_requests_and_bytes_have_prices_too(tmp_path: Path) -> None:
    """A failed request costs no request's price, but its bytes were sent."""
    found = counting(tmp_path, FORMAT, "").count(
        ask(model="", method="GET /files/a", received=10**6, sent=10**9),
        ask(model="", method="GET /files/a", status=500, sent=10**8),
        ask(model="img"),
        ask(model="img", status=500),
        ask(model="", method="GET /other"),
    )
    assert {labels[-1]: value for labels, value in of(found, "gateway_cost_total").items()} == {
        "GET /files/a": pytest.approx(0.001 + 0.001 + 90 + 9),
        "img": pytest.approx(0.04),
    }


def test_a_price_holds_from_its_date_on(tmp_path: Path) -> None:
    """Before the first date there is no price; each side of a boundary has its own."""
    prices = """
- {model: m, from: 2026-03-02, per_million_tokens: {input: 1, output: 1}}
- {model: m, from: "2026-03-03T12:00:00+00:00", per_million_tokens: {input: 3, output: 1}}
"""
    counted = counting(tmp_path, FORMAT, "", prices)
    noon = 1772539200.0
    assert counted.assembly.context.pricing.boundaries == [noon - 1.5 * DAY, noon]
    for time, cost, unpriced in ((noon - 2 * DAY, 0, 1), (noon - 1, 1, 1), (noon, 4, 1), (noon + DAY, 7, 1)):
        found = counted.count(ask(ts=time, model="m", input=10**6))
        assert costs(found).get("m", 0) == cost
        assert of(found, "gateway_unpriced_requests_total") == {("m",): unpriced}


def test_prices_change_within_a_chunk(tmp_path: Path) -> None:
    """Lines of a chunk are on both sides of a date, in any order: each has the price of its own time."""
    prices = """
- {model: m, per_million_tokens: {input: 1, output: 1}}
- {model: m, from: "2026-03-03T12:00:00Z", per_million_tokens: {input: 10, output: 1}}
"""
    noon = 1772539200.0
    lines = [ask(ts=noon + seconds, model="m", input=10**6) for seconds in (-5, 5, -1, 0, 1, -DAY)]
    assert costs(counting(tmp_path, FORMAT, "", prices).count(*lines)) == {"m": 33}
    assert costs(counting(tmp_path, WITH_COST, "", prices).count(*lines)) == {"m": 33}


def test_who_is_billed(tmp_path: Path) -> None:
    """The model that served, or the requested one if the config or the gateway bills that; `redirect` has both."""
    lines = [
        ask(model="gpt-5", asked="gpt-4o", input=10**6),
        ask(model="gpt-5", asked="gpt-4o", billed="gpt-4o", input=10**6),
        ask(model="gpt-4o-2024-08-06", asked="openai/gpt-4o"),
        ask(model="openai/gpt-4o", asked="gpt-4o"),
    ]
    served = counting(tmp_path, FORMAT, "").count(*lines)
    requested = counting(tmp_path, FORMAT, "  bill: requested\n").count(*lines)
    assert (costs(served)["gpt-5"], costs(requested)["gpt-5"]) == (3, 4)
    unknown = counting(tmp_path, FORMAT, "  bill: requested\n").count(ask(model="gpt-5", asked="fast"))
    assert of(unknown, "gateway_unpriced_requests_total") == {("fast",): 1}
    redirects = "gateway_model_redirects_total"
    assert of(served, redirects) == {("served", "gpt-5", "gpt-4o"): 1, ("requested", "gpt-5", "gpt-4o"): 1}
    assert of(requested, redirects) == {("requested", "gpt-5", "gpt-4o"): 2}


def test_a_providers_multiplier(tmp_path: Path) -> None:
    """The log's goes before the config's, multiplies no logged cost, and is shown as of the last request."""
    counted = counting(tmp_path, WITH_COST, "  multipliers: {'a*': 0.5}\n")
    found = counted.count(
        ask(provider="a1", input=10**6),
        ask(provider="b", input=10**6),
        ask(provider="b", input=10**6, multiplier=3, ts=1772546710),
        ask(provider="b", cost=1, multiplier=2, ts=1772546711),
    )
    by_provider = {labels[-1]: value for labels, value in of(found, "gateway_cost_total").items()}
    assert by_provider == {"a1": 1, "b": 2 + 6 + 1}
    assert of(found, "gateway_provider_cost_multiplier") == {("b",): 2}
    assert of(counted.count(ask(provider="b", multiplier=3, ts=1772546712)), "gateway_provider_cost_multiplier") == {
        ("b",): 3
    }


def test_two_models_without_room_keep_their_own_prices(tmp_path: Path) -> None:
    """Their label is `other`, the money is each one's."""
    counted = counting(tmp_path, FORMAT + "\nmetrics: {budgets: {model: 1}}", "")
    counted.count(ask(model="gpt-1"))
    found = counted.count(ask(model="gpt-4o", input=10**6), ask(model="gpt-7", input=10**6), ask(model="x"))
    assert costs(found) == {"other": 2 + 1}
    assert of(found, "gateway_unpriced_requests_total") == {("other",): 1}


def test_unbilled_endpoints_cost_nothing_and_are_told_apart(tmp_path: Path) -> None:
    """Whatever the log and the tables say; a batch is billed if one of its calls is."""
    pricing = "  credits: {default: 5}\n  unbilled: ['/v1/*/count', eth_chainId]\n"
    counted = counting(tmp_path, WITH_COST, pricing)
    found = counted.count(
        ask(method="POST /v1/m/count", cost=7, input=5),
        ask(method="eth_chainId", model=""),
        ask(method="eth_chainId,eth_call", model=""),
    )
    assert of(found, "gateway_unbilled_requests_total") == {("POST /v1/m/count",): 1, ("eth_chainId",): 1}
    assert of(found, "gateway_cost_total") == {}
    assert of(found, "gateway_credits_total") == {("eth_call",): 5}


def test_credits_are_of_calls(tmp_path: Path) -> None:
    """A batch costs what its calls cost, each in its own series."""
    pricing = """  credits:
    default: 20
    eth_call: 26
    trace_*: 40
    chains: {solana: 30, base: {eth_call: 1, default: 2}, near: {eth_call: 9}}
    statuses: {429: 0, 4xx: 5, 5xx: 0}
"""
    found = counting(tmp_path, FORMAT, pricing).count(
        *(ask(model="", method=method) for method in ("eth_call", "trace_block", "x", "eth_call,eth_call,x")),
        ask(model="", method="eth_call", status=429),
        ask(model="", method="eth_call", status=404),
        ask(model="", method="eth_call", status=503),
        *(ask(model="", method="eth_call", chain=chain) for chain in ("solana", "base", "near")),
        *(ask(model="", method="y", chain=chain) for chain in ("solana", "base", "near")),
    )
    assert of(found, "gateway_credits_total") == {
        ("eth_call",): 26 + 52 + 5,
        ("trace_block",): 40,
        ("x",): 20 + 20,
        ("solana", "eth_call"): 26,
        ("base", "eth_call"): 1,
        ("near", "eth_call"): 9,
        ("solana", "y"): 30,
        ("base", "y"): 2,
        ("near", "y"): 20,
    }


def test_what_a_model_is_for_is_shown(tmp_path: Path) -> None:
    """By the price table, for models that were used."""
    found = counting(tmp_path, FORMAT, "").count(ask(), ask(model="img"), ask(model="gpt-9"))
    assert of(found, "gateway_model_info") == {("gpt-4o", "chat"): 1, ("img", "image_generation"): 1}


def test_only_a_format_with_a_cost_and_a_table_needs_sums_apart(tmp_path: Path) -> None:
    """Prices are of sums that are there anyway."""
    assert "unlogged" not in counting(tmp_path, FORMAT, "").meter.loop.source
    logged = Counting(tmp_path, WITH_COST).meter.loop.source
    assert "unlogged" not in logged
    assert "unlogged" in counting(tmp_path, WITH_COST, "").meter.loop.source


# --- tables

LITELLM = {
    "sample_spec": {"input_cost_per_token": 0.0, "max_tokens": "LEGACY"},
    "gpt-4o": {
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1.25e-06,
        "litellm_provider": "openai",
        "mode": "chat",
        "supports_vision": True,
        "aliases": ["gpt-4o-latest"],
    },
    "azure/gpt-4o": {"input_cost_per_token": "3e-06", "output_cost_per_token": 1.2e-05, "litellm_provider": "azure"},
    "claude": {
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05,
        "cache_creation_input_token_cost": 3.75e-06,
        "litellm_provider": "anthropic",
        "mode": "chat",
    },
    "rerank": {"input_cost_per_query": 0.002, "litellm_provider": "cohere", "mode": "rerank"},
    "free": {"input_cost_per_token": 0, "output_cost_per_token": 0, "mode": "chat"},
    "dall-e": {
        "input_cost_per_token": 0,
        "output_cost_per_image": 0.04,
        "mode": "image_generation",
        "litellm_provider": "openai",
    },
}


def price_of(table: PriceTable, model: str, provider: str = "") -> Price | None:
    return next((entry.price for entry in table.fitting(model, provider, "") if entry.price), None)


def test_litellms_file_is_read_as_it_is(tmp_path: Path) -> None:
    """Its token and request prices; cache tokens without a price of their own cost as input, reasoning as output."""
    path = tmp_path / "model_prices_and_context_window.json"
    path.write_text(json.dumps(LITELLM), encoding="utf-8")
    table = load_prices(path)
    gpt = price_of(table, "gpt-4o")
    assert gpt is not None
    assert dict(gpt.rates) == {
        "input_tokens": 2.5e-06,
        "output_tokens": 1e-05,
        "cache_read_tokens": 1.25e-06,
        "cache_write_tokens": 2.5e-06,
        "reasoning_tokens": 1e-05,
    }
    assert price_of(table, "gpt-4o-latest") == price_of(table, "openai/gpt-4o") == gpt
    azure = price_of(table, "gpt-4o", "azure")
    assert azure is not None
    assert dict(azure.rates)["input_tokens"] == 3e-06
    assert price_of(table, "azure/gpt-4o") == azure
    assert price_of(table, "mistral/claude") is None, "another vendor's model of that name is another model"
    rerank = price_of(table, "rerank")
    assert rerank is not None
    assert rerank.request == 0.002
    assert price_of(table, "free") is not None
    assert price_of(table, "dall-e") is None, "what costs by the image has no price here"
    assert [entry.type for entry in table.fitting("dall-e", "", "")] == ["image_generation"]
    assert price_of(table, "sample_spec") is None


def test_the_first_table_that_knows_a_model_counts() -> None:
    """The user's own prices come before the public ones."""
    own = PriceTable([PriceEntry(model="gpt-4o", price=Price(request=1.0))])
    public = PriceTable([PriceEntry(model="*", price=Price(request=2.0))])
    pricing = Pricing(tables=(own, public))
    for model, request in (("gpt-4o", 1.0), ("x", 2.0)):
        (price,) = pricing.quote(AccessRecord(model=model, calls=("m",))).prices
        assert price.request == request


@pytest.mark.parametrize(
    ("model", "provider", "method", "expected"),
    [
        ("gpt-4o", "", "", "exact"),
        ("gpt-4o-mini", "", "", "long"),
        ("gpt-3", "", "", "short"),
        ("gpt-3", "azure", "", "of provider"),
        ("gpt-4[1m]", "", "", "brackets"),
        ("a/gpt-4o", "", "", "exact"),
        ("", "", "GET /x", "method"),
        ("other", "", "", None),
    ],
)
def test_the_most_exact_entry_counts(model: str, provider: str, method: str, expected: str | None) -> None:
    """A name before a pattern, a long pattern before a short one; brackets are what they are."""
    names = {
        "short": PriceEntry(model="gpt-*"),
        "of provider": PriceEntry(model="gpt-*", provider="azure"),
        "long": PriceEntry(model="gpt-4o*"),
        "exact": PriceEntry(model="gpt-4o"),
        "brackets": PriceEntry(model="gpt-4[1m]"),
        "method": PriceEntry(method="GET /*"),
    }
    found = PriceTable(list(names.values())).fitting(model, provider, method)
    assert next((name for name, entry in names.items() if found and entry is found[0]), None) == expected


def test_a_status_rule_goes_before_all() -> None:
    """Of a status, else of its class."""
    credits = Credits(default=1, methods={"m": 2}, statuses={"429": 0, "4xx": 5})
    assert [credits.of("m", "", status) for status in ("200", "429", "404", "500")] == [2, 0, 5, 2]


BAD = [
    ("prices.yaml", "- {per_request: 1}", "1: [0]: a price needs a model, a method, or both; * and ? are wildcards"),
    ("prices.yaml", "- {model: a}", "1: [0]: give a price: per_million_tokens, per_request or per_gigabyte; 0 means"),
    ("prices.yaml", "- {model: a, per_request: -1}", "1: [0].per_request: must be a price, 0 or more, not -1"),
    (
        "prices.yaml",
        "- model: a\n  per_million_tokens: {input: 1}",
        "2: [0].per_million_tokens: the field 'output' is missing",
    ),
    (
        "prices.yaml",
        "- model: a\n  per_million_tokens: {input: 1, output: 2, cached: 1}",
        "2: [0].per_million_tokens.cached: unknown field 'cached'; did you mean 'cache_read'? ",
    ),
    (
        "prices.yaml",
        "- {model: a, per_request: 1, from: soon}",
        "1: [0].from: 'soon' is not a valid date; use 2026-12-31 or",
    ),
    (
        "prices.yaml",
        "- model: a\n  per_request: 1\n  from: 2026-11-31",
        "3: '2026-11-31' is not a valid date: day is out of ",
    ),
    ("prices.yaml", "- model: a\n  per_request: free", "2: [0].per_request: must be a number, not 'free'"),
    (
        "prices.json",
        '{"b": {"input_cost_per_token": 1e-6},\n "a": {\n  "output_cost_per_token": -1}}',
        "3: a.output_cost_per_token: a price is a number from 0 to 1e6, not -1",
    ),
    (
        "prices.json",
        '{"a": {"input_cost_per_token": "free"}}',
        "1: a.input_cost_per_token: a price is a number from 0 to 1e6, not 'free'",
    ),
    ("prices.yaml", "- {modell: a}", "1: [0].modell: unknown field 'modell'; did you mean 'model'? "),
    ("prices.yaml", "gpt-4o: 1", "1: must be a list, not a mapping"),
    ("prices.json", "{\n}", "1: no model in it has a price; expected LiteLLM's model_prices_and_context_window.json"),
    ("prices.json", '{\n"a": 1}', "2: a: must be a mapping with prices, not 1"),
    ("prices.json", '{\n"a": {},\n}', "3: is not a price table in JSON: JSON is malformed: "),
    ("prices.json", "[]", "1: is not a price table in JSON: "),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD, ids=[message[:50] for *_, message in BAD])
def test_a_mistake_in_a_price_table_is_told_in_its_own_file(tmp_path: Path, name: str, text: str, message: str) -> None:
    """With line, field and what is allowed."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_prices(path)
    assert str(caught.value).startswith(f"{path}:{message}")
    assert "\n" not in str(caught.value)
