"""docs/metrics.md, from the catalogue."""

from exporter.model.catalog import CATALOG, Family

_HEAD = """\
# Metrics

What the exporter serves at `/metrics`. A label without a value is absent. Labels of inputs (`labels:`) are on all
families of requests. A config can switch families off, drop labels, and declare more; see `metrics` in
[config.md](config.md#metrics). What is recorded from them is in [recorded-series.md](recorded-series.md).
"""
# What each label says.
LABELS = {
    "key": "the API key: its hashed name, or the `id` from the registry; `unknown` without a place in the budget",
    "class": "`business`, or `internal` for calls of the platform itself",
    "chain": "the blockchain network",
    "method": "the JSON-RPC method, or HTTP verb and route; `batch` for several calls in one request",
    "protocol": "`https`, `http`, `wss`, `ws`, `grpc`",
    "status": "the HTTP status; 0 if there is none",
    "type": "of an error: its type; of tokens: `input`, `output`, `cache_read`, `cache_write`, `reasoning`",
    "result": "`success` or `error`; of lines: `parsed`, `ignored` or `rejected`",
    "model": "the model that served",
    "requested_model": "the model that was asked for, if another one served",
    "billed": "whose price counts after a redirect: `requested` or `served`",
    "provider": "the upstream that served, or was tried",
    "from_provider": "the provider that failed",
    "to_provider": "the provider that served after a failover",
    "outcome": "how an attempt at a provider went",
    "reason": "why a request was blocked, a failover happened, a line was rejected, or bytes were lost",
    "currency": "of the cost",
    "origin": "the client: its Origin, referring site, or network",
    "unit": "of a limit: `requests`, `tokens`, `credits`, `cost`",
    "window": "of a limit: `1m`, `1h`, `1d`, `1mo`",
    "scope": "of a limit: `global` or `gateway`",
    "plan": "the key's plan",
    "name": "the key's name in the registry",
    "owner": "the key's owner in the registry",
    "input": "the input's name in the config",
    "family": "a family of metrics",
    "label": "a label with a budget",
    "field": "a field of a log",
    "kind": "how a log was rotated: `rename` or `truncate`",
    "fingerprint": "eight hex digits that differ between secrets for key names",
    "version": "the exporter's version",
}


def page() -> str:
    """The page's text."""
    parts = [_HEAD, "\n## Labels\n\n| label | what it says |\n| --- | --- |\n"]
    parts += [f"| `{label}` | {LABELS[label]} |\n" for label in LABELS]
    own = "gateway_exporter_"
    for title, families in (
        ("Requests, keys, models, money and limits", [f for f in CATALOG.values() if not f.name.startswith(own)]),
        ("The exporter itself", [f for f in CATALOG.values() if f.name.startswith(own)]),
    ):
        parts.append(f"\n## {title}\n")
        parts += [_family(family) for family in families]
    return "".join(parts)


def _family(family: Family) -> str:
    kind = f"{family.type}, in {family.unit}" if family.unit else family.type
    labels = f" by {', '.join(f'`{label}`' for label in family.labels)}" if family.labels else ""
    buckets = f"\n\nBuckets: {', '.join(f'{bound:g}' for bound in family.buckets)}." if family.buckets else ""
    return f"\n### {family.name}\n\n{family.help} ({kind}{labels}){buckets}\n\n```promql\n{query(family)}\n```\n"


def query(family: Family) -> str:
    """A query that shows what the family is for."""
    by = f"sum by ({family.labels[0]}) " if family.labels else "sum"
    if family.type == "counter":
        return f"{by}(increase({family.name}[1h]))"
    if family.type == "histogram":
        return f"histogram_quantile(0.95, sum by (le) (rate({family.name}_bucket[5m])))"
    return family.name
