"""Logs that hold every kind of request: the demo's clients, REST calls, scanners, recorded lines, and rubbish."""

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import yaml
from msgspec.structs import replace

from exporter.demo import cast, keys_text
from exporter.keys.identity import Identity

# More of their requests fail than in the demo, and scanners ask more: rates of few failures would be guesses here.
CLIENTS = tuple(
    replace(
        client,
        failures={status: min(1.0, 6 * share) for status, share in client.failures.items()},
        share=client.share if client.registered else 0.06,
    )
    for client in cast.CLIENTS
)
SECRET = "a secret for these tests only"
GOLDEN = Path(__file__).parent.parent / "golden"

CONFIG = """\
inputs:
  - {path: rpc.access.json, name: rpc, format: nginx-json, labels: {gateway: demo}}
  - {path: llm.jsonl, name: llm, format: litellm, labels: {gateway: demo}}
  - {path: hub.jsonl, name: hub, format: claude-code-hub, labels: {gateway: demo}}
  - {path: burst.json, name: burst, format: nginx-json, labels: {gateway: demo}}
start_at: beginning
identity: {secret_file: secret}
keys: keys.yaml
routes: ["/rpc/:chain", "/rpc/:chain/ws", "/v1/chat/completions", "/v1/embeddings", "/v1/scores/:identity"]
metrics: {budgets: {origin: 8, method: 20}, scrape_interval: 10ms}
state: {path: state.db}
requests: {path: requests}
plans:
  free: {limits: [{window: 1m, requests: 60}, {window: 1h, requests: 500}, {window: 1mo, requests: 5000}]}
  business: {limits: [{window: 1m, requests: 600}, {window: 1d, requests: 9000}, {window: 1mo, requests: 20000}]}
  internal: {}
pricing: {models: prices.yaml, credits: {default: 20, eth_call: 26}}
alerts: {interval: 1s, scope_labels: [gateway]}
"""
PRICES = """\
- {model: "*gpt-4o-mini", type: chat, per_million_tokens: {input: 0.15, output: 0.6}}
- {model: "*embedding*", type: embedding, per_million_tokens: {input: 0.02, output: 0}}
"""
LOGS = ("rpc.access.json", "llm.jsonl", "hub.jsonl")
# Whose recorded lines are played, and how they say when a request ended or began.
RECORDED = dict(zip(LOGS, ("nginx-json", "litellm", "claude-code-hub"), strict=True))
DATES = ("created_at", "@timestamp")
_TIMES = ("msec", "startTime", "endTime", "completionStartTime")
_REST = (("GET", 200), ("GET", 404), ("POST", 201), ("POST", 400), ("POST", 403), ("DELETE", 301), ("GET", 500))


def configure(folder: Path, receiver: str = "") -> None:
    """Write the config and its registry; keys are called as their clients are, in lower case and with dashes. Single
    requests are sent to a receiver, if there is one.
    """
    (folder / "secret").write_text(SECRET, encoding="utf-8")
    keys = yaml.safe_load(keys_text(Identity(SECRET.encode()).hash))
    for entry in keys:
        entry["id"] = entry["name"].lower().replace(" ", "-")
    (folder / "keys.yaml").write_text(yaml.safe_dump(keys), encoding="utf-8")
    (folder / "prices.yaml").write_text(PRICES, encoding="utf-8")
    sent = f"requests: {{path: requests, otlp: {{endpoint: '{receiver}'}}}}"
    config = CONFIG.replace("requests: {path: requests}", sent) if receiver else CONFIG
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    for log in LOGS:
        (folder / log).touch()


class Traffic:
    """Makes lines, log by log. The same seed makes the same."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._shares = [client.share for client in CLIENTS]

    def lines(self, since: float, until: float, count: int) -> dict[str, list[str]]:
        """`count` requests of clients that ended between two times, and a few of every other kind."""
        found: dict[str, list[str]] = defaultdict(list)
        rng = self._rng
        times = sorted(rng.uniform(since, until) for _ in range(count))
        for ended, client in zip(times, rng.choices(CLIENTS, self._shares, k=count), strict=True):
            found[client.log].append(client.line(rng, ended))
        verb, status = rng.choice(_REST)
        found[LOGS[0]].append(self._rest(verb, status, until))
        return found

    def once(self, at: float) -> dict[str, list[str]]:
        """Every kind of REST call, the recorded lines of real gateways as if logged now, and lines that are none."""
        found = {
            log: [_moved(line, at) for line in (GOLDEN / name / "access.log").read_text(errors="replace").splitlines()]
            for log, name in RECORDED.items()
        }
        found[LOGS[0]] += [self._rest(verb, status, at) for verb, status in _REST]
        found[LOGS[0]] += [self._rest("POST", 200, at, model="house-model", provider="house")]
        found[LOGS[0]] += [self._rest("GET", 200, at, bytes_sent=2**64 - 1)]  # an unsigned -1
        found[LOGS[1]].append(_without_usage(found[LOGS[1]][0]))
        found[LOGS[0]] += ["no json\n", '{"status":200,\n']
        return found

    def _rest(self, verb: str, status: int, at: float, **more: object) -> str:
        client = self._rng.choice([client for client in CLIENTS if client.log == LOGS[0] and client.registered])
        fields = {"msec": at, "method": verb, "uri": f"/v1/scores/0x{self._rng.getrandbits(40):x}", "status": status}
        sizes = {"request_length": 200, "bytes_sent": 900, "request_time": round(self._rng.uniform(0.1, 2), 3)}
        who = {"api_key": client.key, "scheme": "http", "origin": f"https://site{self._rng.randint(1, 20)}.example"}
        return json.dumps(fields | sizes | who | more) + "\n"


def _without_usage(line: str) -> str:
    """A served request of LiteLLM whose tokens and cost were lost."""
    lost = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "response_cost": 0.0, "metadata": {}}
    return json.dumps(json.loads(line) | lost) + "\n"


def _moved(line: str, at: float) -> str:
    """A recorded line with its times moved to now; one that is no record stays as it is."""
    try:
        fields = json.loads(line)
    except ValueError:
        return line + "\n"
    if isinstance(fields, dict):
        timed = [fields, *(tried for tried in fields.get("attempts") or () if isinstance(tried, dict))]
        times = [part[name] for part in timed for name in _TIMES if isinstance(part.get(name), int | float)]
        for part in timed:
            for name in _TIMES:
                if isinstance(part.get(name), int | float):
                    part[name] = round(part[name] - max(times) + at, 3)
        fields |= {name: datetime.fromtimestamp(at, UTC).isoformat() for name in DATES if name in fields}
    return json.dumps(fields) + "\n"
