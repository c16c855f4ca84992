"""The nine dashboards, in the order in which they are listed."""

from collections.abc import Callable

from dashboards.board import Board
from dashboards.pages import costs, errors, exporter, key, keys, limits, llm, overview, providers
from exporter.config.served import Served

PAGES: tuple[Callable[[Served], Board], ...] = (
    overview.page,
    key.page,
    keys.page,
    llm.page,
    limits.page,
    errors.page,
    providers.page,
    costs.page,
    exporter.page,
)
