"""Functions from raw to canonical values, for fields with too many raw values: see `row_reader.CANONICAL`."""

from collections.abc import Callable
from functools import partial

from exporter.formats.words import Canonical
from exporter.requests.body import read_body
from exporter.requests.cuts import cut_address, cut_path, cut_request, cut_url, may_cut, site
from exporter.requests.routes import Routes, client_network, origin_host


def canonical_functions(routes: Routes, public: Callable[[str], str], addresses: bool = False) -> dict[str, Canonical]:
    """A function for each such field. `public` turns a raw key into its public name. With `addresses`, IP addresses in
    origins are not shortened to their network.
    """
    origin = Canonical(partial(origin_host, addresses=True) if addresses else origin_host, cut_url)
    cuts = may_cut(routes.templates, routes.chain_paths)
    return {
        "key": Canonical(public),
        "path": Canonical(routes.target, cut_path if cuts else None),
        "request": Canonical(routes.request, cut_request if cuts else None),
        "host": Canonical(routes.chain_of_host),
        "origin": origin,
        "referer": origin._replace(site=site),
        "client": Canonical(client_network, cut_address),
        "body": Canonical(read_body),
    }
