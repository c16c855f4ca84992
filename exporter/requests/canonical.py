"""Functions from raw to canonical values, for fields with too many raw values: see `row_reader.CANONICAL`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from exporter.requests.body import read_body
from exporter.requests.routes import Routes, client_network, origin_host


def canonical_functions(
    routes: Routes, public: Callable[[str], str], addresses: bool = False
) -> dict[str, Callable[[str], Any]]:
    """A function for each such field. `public` turns a raw key into its public name. With `addresses`, IP addresses in
    origins are not shortened to their network.
    """
    origin = partial(origin_host, addresses=True) if addresses else origin_host
    return {
        "key": public,
        "path": routes.target,
        "request": routes.request,
        "host": routes.chain_of_host,
        "origin": origin,
        "referer": origin,
        "client": client_network,
        "body": read_body,
    }
