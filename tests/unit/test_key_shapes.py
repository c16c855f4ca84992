"""What could be a raw API key is shown nowhere: measured for 40 shapes of keys, in every field that becomes a label."""

import base64
import random
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.formats.format import build
from exporter.formats.spec import FormatSpec
from exporter.keys.identity import Identity
from exporter.model.key_shapes import could_be_a_key, short_emails, shown_name
from exporter.pricing.credits import Credits
from exporter.pricing.entries import PriceEntry, PriceTable
from exporter.pricing.pricing import Pricing
from exporter.requests.canonical import canonical_functions
from exporter.requests.enrich import Enricher
from exporter.requests.routes import Routes, origin_host
from tests.unit.test_words import WORDS

SEED = 20_261_126
LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
HEX, LETTERS = "0123456789abcdef", string.ascii_letters
BASE62, BASE64URL = LETTERS + DIGITS, LETTERS + DIGITS + "-_"
BASE58 = "".join(sorted(set(BASE62) - set("0OIl")))
BASE32 = UPPER + "234567"

Draw = Callable[[random.Random], str]


def of(alphabet: str, length: int, prefix: str = "", group: int = 0) -> Draw:
    """A key of so many characters, in groups where it has some."""

    def draw(chance: random.Random) -> str:
        key = "".join(chance.choices(alphabet, k=length))
        parts = [key[at : at + group] for at in range(0, length, group)] if group else [key]
        return prefix + "-".join(parts)

    return draw


def jwt(chance: random.Random) -> str:
    parts = [b'{"alg":"HS256"}', b'{"sub":"%d"}' % chance.randrange(10**9), chance.randbytes(32)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def uuid(chance: random.Random) -> str:
    key = chance.randbytes(16).hex()
    return "-".join((key[:8], key[8:12], key[12:16], key[16:20], key[20:]))


SHAPES: dict[str, Draw] = {
    "OpenAI": of(BASE62, 48, "sk-"),
    "OpenAI project": of(BASE64URL, 64, "sk-proj-"),
    "Anthropic": of(BASE64URL, 95, "sk-ant-api03-"),
    "OpenRouter": of(HEX, 64, "sk-or-v1-"),
    "LiteLLM": of(BASE64URL, 22, "sk-"),
    "Groq": of(BASE62, 52, "gsk_"),
    "xAI": of(BASE62, 80, "xai-"),
    "Hugging Face": of(LETTERS, 34, "hf_"),
    "Google": of(BASE64URL, 35, "AIza"),
    "Perplexity": of(BASE62, 48, "pplx-"),
    "NVIDIA": of(BASE64URL, 64, "nvapi-"),
    "Replicate": of(BASE62, 37, "r8_"),
    "Fireworks": of(BASE62, 22, "fw_"),
    "GitHub": of(BASE62, 36, "ghp_"),
    "GitLab": of(BASE64URL, 20, "glpat-"),
    "Slack": of(DIGITS, 24, "xoxb-", group=12),
    "Stripe": of(BASE62, 24, "sk_live_"),
    "SendGrid": of(BASE64URL, 66, "SG."),
    "npm": of(BASE62, 36, "npm_"),
    "AWS id": of(BASE32, 16, "AKIA"),
    "AWS secret": of(BASE62 + "+/", 40),
    "JWT": jwt,
    "UUID": uuid,
    "ULID": of("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26),
    "Azure": of(HEX, 32),
    "SHA-1": of(HEX, 40),
    "SHA-256": of(HEX, 64),
    "hex of 16": of(HEX, 16),
    "HEX of 32": of(HEX.upper(), 32),
    "0x": of(HEX, 40, "0x"),
    "Alchemy": of(BASE64URL, 32),
    "base64 of 24": of(BASE62 + "+/", 24),
    "base64url of 16": of(BASE64URL, 16),
    "base64url of 43": of(BASE64URL, 43),
    "base62 of 16": of(BASE62, 16),
    "base62 of 20": of(BASE62, 20),
    "base62 of 32": of(BASE62, 32),
    "base58 of 44": of(BASE58, 44),
    "base32 of 16": of(BASE32, 16),
    "base32 of 32, small": of(BASE32.lower(), 32),
    "nanoid": of(BASE64URL, 21),
    "cuid": of(LOWER + DIGITS, 24, "c"),
    "small letters and digits of 16": of(LOWER + DIGITS, 16),
    "small letters of 16": of(LOWER, 16),
    "small letters of 32": of(LOWER, 32),
    "capitals of 16": of(UPPER, 16),
    "letters of 16": of(LETTERS, 16),
    "digits of 16": of(DIGITS, 16),
    "license of 25": of(UPPER + DIGITS, 25, group=5),
}

_MODELS = """
gpt-4o-mini-2024-07-18 gpt-5.1-codex-max o4-mini-deep-research-2025-06-26 claude-3-5-sonnet-20241022
anthropic/claude-sonnet-4-20250514 us.anthropic.claude-opus-4-5-20251101-v1:0 claude-sonnet-4@20250514
accounts/fireworks/models/llama-v3p1-405b-instruct meta-llama/Llama-3.3-70B-Instruct-Turbo
@cf/meta/llama-3.1-8b-instruct
mistralai/Mixtral-8x7B-Instruct-v0.1 deepseek-ai/DeepSeek-R1-Distill-Qwen-32B qwen2.5-coder-32b-instruct-q4_k_m
text-embedding-3-small text-embedding-ada-002-v2 gemini-2.5-flash-lite-preview-09-2025 models/gemini-1.5-pro-latest
openrouter/google/gemma-3-27b-it:free bedrock/eu-central-1/anthropic.claude-v2:1 ft:gpt-4o-2024-08-06:acme::support
command-r-plus-08-2024 whisper-large-v3-turbo stable-diffusion-xl-1024-v1-0 dall-e-3 tts-1-hd jina-embeddings-v2-base-en
eth_getTransactionByBlockNumberAndIndex debug_traceBlockByNumber getSignaturesForAddress eth_getUncleByBlockHashAndIndex
txpool_contentFrom trace_replayBlockTransactions bor_getSignersAtHash engine_newPayloadV3
ethereum-mainnet arbitrum-sepolia polygon-zkevm-testnet avalanche-c-chain bitcoin-cash solana-mainnet-beta
azure-openai-sweden-central vertex_ai-language-models together_ai.us-east-1 eth-node.rpc.svc.cluster.local
d111111abcdef8.cloudfront.net my-app-git-main-team.vercel.app ec2-203-0-113-25.compute-1.amazonaws.com
insufficient_quota content_policy_violation max_parallel_requests_exceeded budget_exceeded guardrail_raised_exception
/eth.v1.Node/SubscribeHeads /grpc.health.v1.Health/Check accounts.fireworks.ai generativelanguage.googleapis.com
"""


HERE = Path(__file__).parent
# Of Ethereum's and its rollups', Solana's, Bitcoin's, Starknet's and other nodes, and of LiteLLM's price table.
METHODS = (HERE / "names_of_methods.txt").read_text(encoding="utf-8").split()
PRICED = (HERE / "names_of_models.txt").read_text(encoding="utf-8").split()


def keys(shape: str, count: int) -> list[str]:
    chance = random.Random(f"{SEED} {shape}")
    return [SHAPES[shape](chance) for _ in range(count)]


def test_of_no_shape_more_than_one_in_a_thousand_passes() -> None:
    """The table: of each of 49 shapes, how many of 3,000 random keys are not seen as one."""
    passed = {shape: [key for key in keys(shape, 3000) if not could_be_a_key(key)] for shape in SHAPES}
    assert len(SHAPES) >= 40
    assert {shape: found for shape, found in passed.items() if len(found) >= 3} == {}
    assert sum(map(len, passed.values())) <= len(SHAPES) * 3000 / 20_000


@pytest.mark.parametrize("around", ["{}", "acme-{}", "key {} is not known", "{}.preview.example.com", "models/{}/x"])
def test_a_key_is_seen_within_a_text(around: str) -> None:
    """A key of 20 characters or more hides what it stands in."""
    for shape in ("Groq", "Azure", "base62 of 20", "base62 of 32", "UUID", "JWT", "LiteLLM", "AWS id"):
        passed = [key for key in keys(shape, 1000) if not could_be_a_key(around.format(key))]
        assert len(passed) <= 1, f"{shape}: {passed}"


@pytest.mark.parametrize(
    "word", [*_MODELS.split(), *WORDS, "k_9f8e7d6c5b4a3928", "sk-...wxyz", "ACME Corp. (EU), prod"]
)
def test_names_are_shown(word: str) -> None:
    """Models, methods, chains, providers, hosts, reasons and names of keys are no keys."""
    assert not could_be_a_key(word)


def test_real_methods_and_models_are_shown() -> None:
    """No name of more than a thousand that nodes answer to, or that are sold, reads like a key."""
    assert (len(METHODS), len(PRICED)) == (786, 300)
    assert [name for name in METHODS + PRICED if could_be_a_key(name)] == []


def test_a_declared_name_is_shown_whatever_it_looks_like() -> None:
    """What a price table, credits, a provider's multiplier or a format's own words name is no secret."""
    names = {f"kJ4hGf9DsAqWe7Rt{place}" for place in range(8)}
    model, vendors, provider, method, credited, chain, word, mapped = sorted(names)
    entries = [PriceEntry(model=f"acme/{model}", provider=provider), PriceEntry(model=vendors, method=method)]
    credits = Credits(methods={credited: 1}, chains={chain: Credits()})
    pricing = Pricing(tables=(PriceTable(entries),), credits=credits, multipliers={provider: 2})
    fields = {"status": "status", "chain": [{"path": "c", "map": {"x": mapped}}, {"value": word}]}
    words = build(FormatSpec(json=fields)).words
    assert (pricing.names | words) >= names
    enricher = Enricher("business", lambda _: "", declared=(pricing.names | words).__contains__)
    for name in names:
        assert could_be_a_key(name)
        of_fields = {"status": "200", **dict.fromkeys(("chain", "model", "rpc_method", "provider"), name)}
        shown = enricher.record(of_fields)
        assert {shown.chain, shown.model, shown.method, shown.provider} == {name}
        hidden = enricher.record({"status": "200", "model": f"{name}x"})
        assert hidden.model == "other"


def test_no_field_shows_a_key() -> None:
    """Every field of a record that becomes a label is judged, wherever a key of any shape was written."""
    identity = Identity(b"a secret of the tests")
    canonical = canonical_functions(Routes(identity.public), identity.public)
    enricher = Enricher("business", lambda _: "")
    words = "chain model requested_model billed_model rpc_method provider blocked_reason key_name key_owner attempts"
    shown: dict[str, int] = {}
    for shape in SHAPES:
        for key in keys(shape, 25):
            fields: dict[str, Any] = {"status": "429", **dict.fromkeys(words.split(), key)}
            records = [enricher.record(fields)]
            requests = {"path": f"/v1/things/{key}", "request": f"GET /v2/{key} HTTP/1.1"}
            records += [
                enricher.record(
                    {"status": "200", name: canonical[name].function(text), "body": canonical["body"].function(body)}
                )
                for name, text in requests.items()
                for body in (f'{{"method": "{key}"}}', f'{{"model": "{key}"}}', "")
            ]
            texts = [repr(records), origin_host(f"https://{key}.example.com/"), origin_host(f"https://{key}/")]
            shown[shape] = shown.get(shape, 0) + any(key in text or key.lower() in text for text in texts)
    assert {shape: count for shape, count in shown.items() if count} == {}


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2/correcthorsebatterystaple", "/v2/:id"),
        ("/v2/correct-horse-battery-staple/eth", "/v2/:id/eth"),
        ("/v3/letmein", "/v3/:id"),
        ("/rpc/opensesame", "/rpc/:id"),
        ("/eth/mainnet/v2/opensesame", "/eth/mainnet/v2/:id"),
        ("/ws/password", "/ws/:id"),
        ("/key/opensesame", "/key/:id"),
        ("/v2/chat/completions", "/v2/chat/completions"),
        ("/rpc/ethereum", "/rpc/ethereum"),
        ("/users/alice", "/users/:id"),
        ("/api/Users/alice/orders", "/api/Users/:id/orders"),
        ("/v1/customers/alice/invoices", "/v1/customers/:id/invoices"),
        ("/users/me", "/users/me"),
        ("/users", "/users"),
        ("/users/alice@example.com", "/users/:id"),
    ],
)
def test_passphrases_and_users_in_paths_are_hidden(path: str, route: str) -> None:
    """What stands at a key's place, or behind `/users`, is not shown whatever it looks like, but for API words."""
    routes = Routes(str)
    assert [routes.target(path).route for _ in range(2)] == [route, route]
    words = "/" + "/".join(part for part in path.split("/") if part)
    routes.target(f"/x{words}")  # which is another place, where these are words
    assert routes.target(path).route == route


def test_what_a_route_or_an_option_says_is_shown() -> None:
    """A declared route goes before, and each of the options shows one sort in full."""
    assert Routes(str, ["/users/alice", "/v2/orders"]).target("/v2/orders").route == "/v2/orders"
    assert Routes(str, users=True).target("/users/alice").route == "/users/alice"
    assert origin_host("http://203.0.113.24:3000/x") == "203.0.113.0/24"
    assert origin_host("http://203.0.113.24:3000/x", addresses=True) == "203.0.113.24"
    assert origin_host("http://[2001:db8:1:2::3]/", addresses=True) == "2001:db8:1:2::3"
    fields = {"status": "200", "key_owner": "Alice <alice.b@example.com>", "provider": "bob@example.com"}
    short, full = (Enricher("business", lambda _: "", emails=emails).record(fields) for emails in (False, True))
    assert (short.key_owner, short.provider) == ("Alice <a***@example.com>", "b***@example.com")
    assert (full.key_owner, full.provider) == ("Alice <alice.b@example.com>", "b***@example.com")


def test_short_emails() -> None:
    """Of an address only its first letter and its domain; a version behind @ is none."""
    assert short_emails("to x.y+z@a.example, q@b.example") == "to x***@a.example, q***@b.example"
    assert short_emails("claude@20240620 @cf/meta a@b") == "claude@20240620 @cf/meta a@b"


def test_names_are_cut_and_cleaned() -> None:
    """A name of any length, with characters that are not seen or turn the text around, is one short line."""
    assert shown_name("Team\0\u202eA\n\tB\u200f  \u200bC\ud800") == "Team A B C"
    assert shown_name("word " * 60_000) == ("word " * 24)[:119] + "…"
    assert shown_name("Zoë – ПРОД 北京 👍") == "Zoë – ПРОД 北京 👍"
    assert shown_name("team 9f8e7d6c5b4a39281706f5e4d3c2b1a0") == ""
