"""Which parts of a path are the API's words, and which are made up."""

import random
import string
import uuid

import pytest

from exporter.model.key_shapes import could_be_a_key
from exporter.requests.identifiers import looks_made_up

_WORDS = """
chat completions embeddings messages responses models images generations audio transcriptions assistants threads runs
vector_stores fine_tuning moderations realtime count_tokens v1 v2 v1beta v1beta1 v2.1 oauth2 authorize token userinfo
.well-known openid-configuration eth_getLogs eth_getBlockByNumber debug_traceTransaction getUserByName getTxByHash
listObjectsV2 ListUsersByGroupId wp-login.php wp-content xmlrpc.php admin-ajax.php index.html robots.txt favicon.ico
sitemap.xml api-docs api_keys swagger-ui.html graphql eth.v1.Node grpc.health.v1.Health generateContent healthz readyz
metrics actuator webhook webhooks solana-mainnet-beta polygon-amoy eth-mainnet base-sepolia web3 rpc ws s3 base64 i18n
erc20 p2p text-to-speech identity scores subscriptions invoices payments customers getTransactionReceipt HttpService
productpage workflows checkout __health _health _next whoami
"""
WORDS = _WORDS.split()

HEX = "0123456789abcdef"
LETTERS = string.ascii_letters
BASE62 = LETTERS + string.digits
BASE58 = "".join(sorted(set(BASE62) - set("0OIl")))


@pytest.mark.parametrize("word", WORDS)
def test_words_of_apis_stay(word: str) -> None:
    """What people name their API's parts by is no made-up value."""
    assert not looks_made_up(word)


@pytest.mark.parametrize(
    "part",
    [
        *("42", "9f2c41d07a", "ab12", "0xdAC17F958D2ee523a2206206994597C13D831ec7", "deadbeef", "DEADBEEFCAFE"),
        *("2026-03-03", "1.5", "alice@example.com", "a%20b", "%41", "é", "a,b", "a;b=c", "a=b", "~user", "*", "(1)"),
        *(
            "pk_live_1",
            "pk_live_xxx",
            "sk-abc",
            "sk-proj-abcdef",
            "rk_test_abc",
            "7d1f6a52-0b8e-4b0e-9f3c-51a0c2d4e601",
        ),
        *("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "x" * 61, "kJhGfDsAqWeRtYuIoP", "qwrtzpsdfghjklxcvbnm"),
        "gemini-1.5-pro",
    ],
)
def test_made_up_values(part: str) -> None:
    """Ids, hashes, keys, dates, addresses and encoded or very long parts are made up."""
    assert looks_made_up(part)


def letters(chance: random.Random, alphabet: str, length: int) -> str:
    return "".join(chance.choices(alphabet, k=length))


@pytest.mark.parametrize(
    ("alphabet", "length"),
    [(HEX, 10), (HEX, 32), (HEX, 64), (BASE62, 20), (BASE62, 32), (BASE58, 44), (BASE62 + "-_", 22), (LETTERS, 32)],
)
def test_keys_of_common_shapes_never_pass(alphabet: str, length: int) -> None:
    """No random key of a common shape is taken for a word."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    passed = [key for key in (letters(chance, alphabet, length) for _ in range(3000)) if not looks_made_up(key)]
    # Letters may spell a word by chance; once in 30,000 such a key may pass.
    assert len(passed) <= 1, f"seed {seed}: {passed}"


def test_uuids_never_pass() -> None:
    """No UUID is taken for a word."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    made = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(3000)]
    assert [word for word in made if not looks_made_up(word)] == [], f"seed {seed}"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("sk_live_9f8e7d6c5b4a39281706f5e4d3c2b1a0", True),
        ("9f8e7d6c5b4a39281706", True),
        ("3f2504e0-4f89-41d3-9a0c-0305e82c3301", True),
        ("sk-proj-abcdefgh12", True),
        ("eth_getTransactionByBlockNumberAndIndex", False),
        ("gpt-4o-mini-2024-07-18", False),
        ("anthropic/claude-sonnet-4-20250514", False),
        ("accounts/fireworks/models/llama-v3p1-405b-instruct", False),
        ("text-embedding-3-small", False),
    ],
)
def test_words_that_clients_choose_may_be_keys(word: str, expected: bool) -> None:
    """Methods and models are never taken for one."""
    assert could_be_a_key(word) is expected
