"""Sample clients of blockchain nodes. They write lines in the format of the preset `nginx-json`."""

import json
from random import Random
from typing import ClassVar, NamedTuple

from exporter.demo.clients import Client, duration, json_line, one_of, outcome


class _Method(NamedTuple):
    """A JSON-RPC method: its usual duration (seconds), size of its answer (bytes), and the share of each failing
    status.
    """

    seconds: float
    size: int
    failures: dict[int, float]


_METHODS = {
    "eth_call": _Method(0.02, 400, {502: 0.002}),
    "eth_blockNumber": _Method(0.004, 110, {}),
    "eth_getBalance": _Method(0.009, 130, {}),
    "eth_getLogs": _Method(1.4, 60_000, {504: 0.01, 499: 0.02}),
    "debug_traceTransaction": _Method(3.5, 240_000, {504: 0.05, 502: 0.02, 499: 0.02}),
}
_REFUSED = _Method(0.001, 120, {})


class RpcClient(Client, frozen=True, kw_only=True):
    """Calls blockchain nodes. `sessions` is the share of WebSocket sessions, `batches` that of batches (0 to 1)."""

    log: ClassVar[str] = "rpc.access.json"

    chains: dict[str, float]
    methods: dict[str, float]
    origins: tuple[str, ...] = ("",)
    network: str = "203.0.113"
    sessions: float = 0.0
    batches: float = 0.0

    def line(self, rng: Random, ended: float) -> str:
        """A call, a batch of calls, or the end of a WebSocket session."""
        chain = one_of(rng, self.chains)
        session = rng.random() < self.sessions
        status, seconds, size, body = _session(rng) if session else self._calls(rng)
        answered = status in (200, 101, 502, 504)
        return json_line(
            msec=round(ended, 3),
            remote_addr=f"{self.network}.{rng.randint(1, 60)}",
            scheme="https",
            proto="HTTP/1.1" if session else "HTTP/2.0",
            upgrade="websocket" if session else "",
            method="GET" if session else "POST",
            host="rpc.gateway.example",
            path=f"/rpc/{chain}/ws" if session else f"/rpc/{chain}",
            status=status,
            api_key=self.logged_key,
            origin=rng.choice(self.origins),
            chain=chain,
            request_length=300 + len(body),
            bytes_sent=size + 200,
            request_time=round(seconds, 3),
            upstream_status=str(status) if answered else "",
            request_body=body,
        )

    def _calls(self, rng: Random) -> tuple[int, float, int, str]:
        """A call or a batch of calls: its status, seconds, bytes of the answer, and the request's body."""
        names = [one_of(rng, self.methods) for _ in range(rng.randint(2, 8) if rng.random() < self.batches else 1)]
        methods = [_METHODS.get(name, _REFUSED) for name in names]
        status = outcome(rng, methods[0].failures | self.failures)
        seconds = duration(rng, sum(method.seconds for method in methods), status)
        size = sum(method.size for method in methods) if status == 200 else 180
        calls = [{"jsonrpc": "2.0", "id": n, "method": name, "params": []} for n, name in enumerate(names, 1)]
        return status, seconds, size, json.dumps(calls if len(calls) > 1 else calls[0])


def _session(rng: Random) -> tuple[int, float, int, str]:
    """A WebSocket session: the same values as those of a call."""
    seconds = rng.uniform(60, 3600)
    return 101, seconds, int(seconds * 900), ""
