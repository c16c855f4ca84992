"""A sample gateway for a first look: `gateway-exporter demo` counts the logs that it writes.

gateway.py     a thread that writes the logs
cast.py        the clients
clients.py     what all clients have in common
rpc_client.py  clients of blockchain nodes
llm_client.py  clients of language models
files.py       the config, key registry and secret
__main__.py    `python -m exporter.demo FOLDER`: only writes the logs, as in deploy/compose

May import `keys`; only `run` imports it.
"""

from exporter.demo.files import CONFIG, keys_text, write_config
from exporter.demo.gateway import SampleGateway

__all__ = ["CONFIG", "SampleGateway", "keys_text", "write_config"]
