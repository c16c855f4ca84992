"""The demo's config, key registry and secret."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from exporter.demo.cast import CLIENTS
from exporter.demo.clients import Client
from exporter.keys.identity import Identity

# Paths are relative to the config's folder.
CONFIG = """\
# The config of `gateway-exporter demo`: two logs of a sample gateway, a registry of its keys.
inputs:
  - path: rpc.access.json
    name: rpc
    format: nginx-json
    labels: {gateway: demo}
  - path: llm.jsonl
    name: llm
    format: litellm
    labels: {gateway: demo}
metrics: {scrape_interval: 1s}
start_at: beginning
identity: {secret_file: secret}
keys: keys.yaml
plans:
  free: {limits: [{window: 1m, requests: 240}, {window: 1d, requests: 250000}]}
  business: {limits: [{window: 1m, requests: 1800}, {window: 1d, requests: 2000000, cost: 500}]}
  internal: {}
routes:
  - /rpc/:chain
  - /rpc/:chain/ws
  - /v1/chat/completions
  - /v1/embeddings
chains:
  ethereum: /rpc/ethereum*
  polygon: /rpc/polygon*
  arbitrum: /rpc/arbitrum*
  base: /rpc/base*
state: {path: state.db}
requests: {max_size: 200MiB}
web: {listen: "127.0.0.1:10114"}
"""


def write_config(folder: Path) -> Path:
    """Write all files of the demo except its logs, with a new secret. Returns the config's path."""
    secret = secrets.token_hex(32)
    (folder / "secret").write_text(secret)
    (folder / "keys.yaml").write_text(keys_text(Identity(secret.encode()).hash), encoding="utf-8")
    config = folder / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    return config


def keys_text(identify: Callable[[str], str]) -> str:
    """The key registry, as YAML. `identify` hashes a key as the gateway logs it."""
    now = datetime.now(UTC).replace(microsecond=0)
    entries = [_entry(client, identify, now) for client in CLIENTS if client.registered]
    return yaml.safe_dump(entries, sort_keys=False, allow_unicode=True)


def _entry(client: Client, identify: Callable[[str], str], now: datetime) -> dict[str, Any]:
    entry = {
        "hash": identify(client.logged_key),
        "name": client.name,
        "owner": client.owner,
        "plan": client.plan,
        "class": client.class_,
        "created": (now + client.created).isoformat(),
        "enabled": client.enabled,
    }
    if client.expires:
        entry["expires"] = (now + client.expires).isoformat()
    return entry
