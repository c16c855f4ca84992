"""The traffic of the benchmark logs: who calls what, how often, with what outcome.

500 API keys send requests of some kinds each.  A kind and its key are a label
set: `(api_key, chain, rpc_method, scheme, status)` alone tells them apart, so
each is a series of its own in `gateway_requests_total`.  With 14 kinds a key
the nine families of the benchmark have 35,566 distinct label sets in all; with
70, requests alone have 35,000, and the nine families 148,000.  One request in
13 fails; the busiest key sends about eighty times as much as the quietest.
"""

from collections.abc import Iterator
from itertools import product
from random import Random
from typing import NamedTuple

KEYS = 500
# Kinds of requests a key sends: successes and failures.
STEADY = (11, 3)
WIDE = (56, 14)
ORIGINS_PER_KEY = 4

CHAINS = ("ethereum", "polygon", "arbitrum", "optimism", "base", "bsc", "gnosis")
RPC_METHODS = (
    "eth_call",
    "eth_getLogs",
    "eth_chainId",
    "eth_getCode",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_feeHistory",
    "eth_blockNumber",
    "eth_estimateGas",
    "eth_getStorageAt",
    "net_version",
)
SCHEMES = ("https", "http")
FAILURES = (400, 401, 403, 404, 429, 500, 502, 504)
ORIGINS = tuple(f"https://app{number:02}.test" for number in range(40))

BEGIN_MS = 1_760_000_000_000


class LabelSet(NamedTuple):
    """What the counters of one request are labelled by, as the gateway logs it."""

    api_key: str
    chain: str
    rpc_method: str
    scheme: str
    status: int
    origin: str


class Request(NamedTuple):
    """One request: its label set, and what differs from line to line.

    `number` is its place in the log, from 0.  `msec` is epoch seconds with three
    decimals, strictly increasing.  `request_time` is in seconds with three
    decimals and never 0.000, which mtail leaves out of its buckets.  Sizes are
    in bytes.
    """

    number: int
    labels: LabelSet
    msec: str
    remote_addr: str
    request_length: int
    bytes_sent: int
    request_time: str


def label_sets(rng: Random, kinds: tuple[int, int] = STEADY) -> tuple[list[LabelSet], list[float]]:
    """All label sets, and the weight of each. `kinds` is how many successes and failures a key has."""
    successes = list(product(CHAINS, RPC_METHODS, SCHEMES, (200,)))
    failures = list(product(CHAINS, RPC_METHODS, SCHEMES, FAILURES))
    sets: list[LabelSet] = []
    weights: list[float] = []
    for rank in range(KEYS):
        api_key = f"pk_live_{rng.getrandbits(48):012x}"
        origins = rng.sample(ORIGINS, ORIGINS_PER_KEY)
        chosen = rng.sample(successes, kinds[0]) + rng.sample(failures, kinds[1])
        for place, (chain, rpc_method, scheme, status) in enumerate(chosen):
            origin = rng.choice(origins)
            sets.append(LabelSet(api_key, chain, rpc_method, scheme, status, origin))
            weights.append((rank + 4) ** -0.93 * (place + 1) ** -0.8)
    return sets, weights


def requests(lines: int, rng: Random, kinds: tuple[int, int] = STEADY) -> Iterator[Request]:
    """`lines` requests; from 35,000 on, every label set occurs."""
    sets, weights = label_sets(rng, kinds)
    drawn = rng.sample(sets, min(lines, len(sets)))
    drawn += rng.choices(sets, weights, k=lines - len(drawn))
    rng.shuffle(drawn)
    addresses = [f"{net}.{host}" for net in ("192.0.2", "203.0.113") for host in range(1, 255)]
    uniform, lognormal = rng.random, rng.lognormvariate
    clock = BEGIN_MS
    for number, labels in enumerate(drawn):
        clock += 1 + int(uniform() * 3)
        yield Request(
            number,
            labels,
            msec=f"{clock // 1000}.{clock % 1000:03}",
            remote_addr=addresses[int(uniform() * len(addresses))],
            request_length=180 + int(uniform() * 800),
            bytes_sent=120 + int(uniform() ** 4 * 9000),
            request_time=f"{min(0.001 + lognormal(-3.5, 1.3), 99.0):.3f}",
        )
