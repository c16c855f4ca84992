"""Ways from one dashboard to the next, keeping time, data source, scope and what is chosen already."""

from dashboards.fields import link
from dashboards.grafana import Json
from exporter.config.served import Served


class Links:
    """Links of a dashboard that has some variables."""

    def __init__(self, served: Served, variables: tuple[str, ...]) -> None:
        self._passed = (*served.record_scope, *variables)

    def key(self) -> Json:
        """From a series or a bar to its key."""
        return self._to("Look at key ${__field.labels.key}", "gateway-key", key="key")

    def method(self) -> Json:
        """From a series or a bar to the errors and the latency of its method."""
        return self._to("Errors and latency of ${__field.labels.method}", "gateway-errors", method="method")

    def model(self) -> Json:
        """From a series or a bar to its model."""
        return self._to("Usage of ${__field.labels.model}", "gateway-llm", model="model")

    def chain(self) -> Json:
        """From a series or a bar to the errors of its chain."""
        return self._to("Errors and latency on ${__field.labels.chain}", "gateway-errors", chain="chain")

    def page(self, title: str, uid: str) -> Json:
        """To another dashboard, with what is chosen here."""
        return self._to(title, uid)

    def cell(self, title: str, uid: str, variable: str) -> Json:
        """From a table's cell to a dashboard of what stands in it."""
        return link(title, uid, passes=self._others(variable), value=variable)

    def _to(self, title: str, uid: str, **variables: str) -> Json:
        return link(title, uid, passes=self._others(*variables), **variables)

    def _others(self, *given: str) -> str:
        return " ".join(name for name in self._passed if name not in given)
