"""Seeded benchmark logs of JSON lines; the same seed gives the same bytes.

    python -m benchmarks.logs steady out.log --lines 1000000

The lines look like nginx's `log_format escape=json` before a JSON-RPC gateway.

- `steady`: each line has 372 bytes; the request id is cut to what the other fields leave.
- `wide`: the same, with five times as many label sets.
- `random`: REST calls whose path, referer and address are new on every line.
- `llm`: what a language model's gateway adds: model, tokens, time to first token, attempts.
- `body`: the method stands only in the logged request body; every 50th is a batch of 3.
- `combined`: nginx's combined format before a website: ids in paths, pages as referers, a fifth of them absent.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

from benchmarks.traffic import RPC_METHODS, STEADY, WIDE, Request, requests

LINES = 1_000_000
LINE_BYTES = 372
LINES_PER_WRITE = 10_000
BATCH_EVERY = 50
BATCH_CALLS = 3

CONTRACT_CALL = '[{{"to":"0x{address:040x}","data":"0x18160ddd"}},"latest"]'
OF_ADDRESS = '["0x{address:040x}","latest"]'
NOTHING = "[]"
PROVIDERS = ("openai", "anthropic", "azure", "groq")
PAGES = (
    *("/", "/about", "/login", "/static/app.js", "/static/site.css", "/search?q=word+{id}", "/api/v1/status"),
    *("/products/{id}", "/products/{id}/reviews?page=2", "/images/{id}.jpg", "/api/v1/orders/{id}", "/blog/{id}"),
)
AGENTS = tuple(f"Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101" for version in range(100, 140))
PARAMS = {
    "eth_call": CONTRACT_CALL,
    "eth_getLogs": '[{{"address":"0x{address:040x}","fromBlock":"0x{block:x}"}}]',
    "eth_chainId": NOTHING,
    "eth_getCode": OF_ADDRESS,
    "eth_gasPrice": NOTHING,
    "eth_getBalance": OF_ADDRESS,
    "eth_feeHistory": '["0x5","0x{block:x}",[25,75]]',
    "eth_blockNumber": NOTHING,
    "eth_estimateGas": CONTRACT_CALL,
    "eth_getStorageAt": '["0x{address:040x}","0x0","0x{block:x}"]',
    "net_version": NOTHING,
}


def steady(request: Request, rng: Random) -> str:
    """A JSON-RPC call of exactly 372 bytes, its method in a field of its own."""
    labels = request.labels
    head = (
        f'{{"msec":{request.msec},"remote_addr":"{request.remote_addr}"'
        f',"scheme":"{labels.scheme}","proto":"HTTP/2.0","method":"POST","host":"rpc.test"'
        f',"uri":"/","status":{labels.status},"api_key":"{labels.api_key}"'
        f',"origin":"{labels.origin}","referer":"","ua":"viem/2"'
        f',"request_id":"{rng.getrandbits(128):032x}'
    )
    tail = (
        f'","request_length":{request.request_length},"bytes_sent":{request.bytes_sent}'
        f',"request_time":{request.request_time}'
        f',"rpc_method":"{labels.rpc_method}","chain":"{labels.chain}"}}\n'
    )
    return head[: LINE_BYTES - len(tail)] + tail


def random(request: Request, rng: Random) -> str:
    """A REST call with a random id in its path, a random referer and a random address."""
    labels = request.labels
    address = rng.getrandbits(32).to_bytes(4)
    return (
        f'{{"msec":{request.msec},"remote_addr":"{".".join(map(str, address))}"'
        f',"scheme":"{labels.scheme}","proto":"HTTP/2.0","method":"GET","host":"rpc.test"'
        f',"uri":"/v1/scores/0x{rng.getrandbits(160):040x}"'
        f',"status":{labels.status},"api_key":"{labels.api_key}","origin":""'
        f',"referer":"{labels.origin}/u/{rng.getrandbits(64):016x}","ua":"viem/2"'
        f',"request_id":"{rng.getrandbits(128):032x}"'
        f',"request_length":{request.request_length},"bytes_sent":{request.bytes_sent}'
        f',"request_time":{request.request_time},"chain":"{labels.chain}"}}\n'
    )


def llm(request: Request, rng: Random) -> str:
    """The same call with what the whole catalogue needs; one in twenty failed over to another provider."""
    head, tail = steady(request, rng).split(',"request_length"')
    place = int(request.labels.api_key[-2:], 16) % len(PROVIDERS)
    first, second = PROVIDERS[place], PROVIDERS[place - 1]
    retried = rng.random() < 0.05
    seconds = float(request.request_time)
    told = (
        f'"model":"model-{place}","provider":"{second if retried else first}"'
        f',"attempts":"{f"{first}, {second}" if retried else first}"'
        f',"upstream_status":"{f"502, {request.labels.status}" if retried else request.labels.status}"'
        f',"ttft":{seconds / 3:.3f},"input_tokens":{rng.randrange(10, 4000)},"output_tokens":{rng.randrange(1, 900)}'
        f',"cached_tokens":{rng.randrange(0, 10)}'
    )
    return f'{head},{told},"request_length"{tail}'


def body(request: Request, rng: Random) -> str:
    """A JSON-RPC request whose method, or methods, only the escaped body tells."""
    labels = request.labels
    methods = [labels.rpc_method]
    if request.number % BATCH_EVERY == BATCH_EVERY - 1:
        methods += rng.sample(RPC_METHODS, BATCH_CALLS - 1)
    calls = [call(method, request.number + place, rng) for place, method in enumerate(methods)]
    sent = calls[0] if len(calls) == 1 else f"[{','.join(calls)}]"
    escaped = sent.replace('"', '\\"')
    return (
        f'{{"msec":{request.msec},"remote_addr":"{request.remote_addr}"'
        f',"scheme":"{labels.scheme}","proto":"HTTP/2.0","method":"POST","host":"rpc.test"'
        f',"uri":"/","status":{labels.status},"api_key":"{labels.api_key}"'
        f',"origin":"{labels.origin}","referer":"","ua":"viem/2"'
        f',"request_id":"{rng.getrandbits(64):016x}"'
        f',"request_length":{request.request_length},"bytes_sent":{request.bytes_sent}'
        f',"request_time":{request.request_time}'
        f',"request_body":"{escaped}","chain":"{labels.chain}"}}\n'
    )


def call(method: str, call_id: int, rng: Random) -> str:
    """One JSON-RPC call, unescaped, with random parameters."""
    params = PARAMS[method].format(address=rng.getrandbits(160), block=rng.getrandbits(24))
    return f'{{"jsonrpc":"2.0","id":{call_id},"method":"{method}","params":{params}}}'


def combined(request: Request, rng: Random) -> str:
    """A page, an image or a call of an API, from one of many addresses: a few send much, most send little."""
    path = rng.choice(PAGES).format(id=rng.randrange(10**6))
    address = Random(int(20_000 * rng.random() ** 3)).getrandbits(32).to_bytes(4)
    referer = (
        "-" if rng.random() < 0.2 else f"{request.labels.origin}{rng.choice(PAGES).format(id=rng.randrange(10**6))}"
    )
    at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(float(request.msec)))
    return (
        f'{".".join(map(str, address))} - - [{at}] "GET {path} HTTP/1.1" {request.labels.status} {request.bytes_sent}'
        f' "{referer}" "{rng.choice(AGENTS)}"\n'
    )


KINDS: dict[str, Callable[[Request, Random], str]] = {
    "steady": steady,
    "wide": steady,
    "random": random,
    "llm": llm,
    "body": body,
    "combined": combined,
}


def generate(kind: str, lines: int = LINES, seed: int = 1) -> Iterator[str]:
    """The lines of a log of that kind, each with its newline; all ASCII."""
    rng = Random(seed)
    line_of = KINDS[kind]
    return (line_of(request, rng) for request in requests(lines, rng, WIDE if kind == "wide" else STEADY))


def write(kind: str, path: Path, lines: int = LINES, seed: int = 1) -> None:
    """Writes a log of that kind to `path`."""
    log = generate(kind, lines, seed)
    with path.open("w", encoding="ascii", newline="\n") as file:
        while chunk := "".join(islice(log, LINES_PER_WRITE)):
            file.write(chunk)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.logs", description="Writes a benchmark log.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("path", type=Path)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write(args.kind, args.path, args.lines, args.seed)


if __name__ == "__main__":
    main()
