"""The functions that make canonical values of the fields that have too many raw ones: see `row_reader.CANONICAL`."""

from collections.abc import Callable
from typing import Any

from exporter.requests.body import read_body
from exporter.requests.routes import Routes, client_network, origin_host


def canonical_functions(routes: Routes, public: Callable[[str], str]) -> dict[str, Callable[[str], Any]]:
    """A function for each such field; `public` turns a raw key into its public name."""
    return {
        "key": public,
        "path": routes.target,
        "request": routes.request,
        "host": routes.chain_of_host,
        "origin": origin_host,
        "referer": origin_host,
        "client": client_network,
        "body": read_body,
    }
