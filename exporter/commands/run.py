"""`run`: count logs and serve metrics, until a signal or the end of all inputs."""

import signal
from pathlib import Path

from exporter import descriptors
from exporter.commands.select_input import with_secret
from exporter.commands.without_config import without_config
from exporter.config.load import Loaded, load
from exporter.config.values import parse_address
from exporter.errors import ExporterError, UsageError
from exporter.logs import say
from exporter.service.assembly import Assembly
from exporter.service.key_watch import KeyWatch
from exporter.service.learning import Learning
from exporter.service.pipeline import Pipeline
from exporter.service.reload import Reload
from exporter.service.web.access import Access
from exporter.service.web.connections import ClientLimits
from exporter.service.web.customer_requests import CustomerRequests
from exporter.service.web.listener import Listener
from exporter.service.web.requests import PATH, SUMS_PATH, RequestsApi
from exporter.service.web.requests_page import RequestsPage
from exporter.service.web.server import Server


def run(config: str | None, logs: list[str], listen: str | None) -> None:
    """Serve the inputs of a config, or `logs` without one. `listen` overrides the config's `web.listen`."""
    if bool(config) == bool(logs):
        raise UsageError("run needs either --config.file FILE (or GATEWAY_EXPORTER_CONFIG_FILE) or LOG…")
    serve(load(Path(config)) if config else without_config(logs), listen, config)


def serve(loaded: Loaded, listen: str | None, config: str | None = None) -> None:
    """Run the pipeline and the web server until SIGTERM or SIGINT, or until the inputs end. SIGHUP reloads `config`."""
    descriptors.raise_limit()
    address = _address(listen or loaded.config.web.listen)
    assembly = Assembly(with_secret(loaded), serving=True)
    pipeline = assembly.pipeline()
    keys = KeyWatch(assembly, pipeline)
    reload = Reload(Path(config), assembly, pipeline, keys) if config else None
    if not config:
        _learn(assembly, pipeline)
    server, customers = _listeners(assembly, pipeline, reload, address)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: pipeline.stop())
    if reload:
        signal.signal(signal.SIGHUP, lambda *_: reload())
    pipeline.open()
    server.start()
    keys.start()
    assembly.send_requests()
    requests = f"   requests: {server.url}/requests" if loaded.config.requests else ""
    say(f"metrics: {server.url}/metrics   status: {server.url}/{requests}")
    for listener in customers:
        listener.start()
        say(f"usage API: {listener.url}/api/v1/usage")
    try:
        pipeline.run()
    finally:
        keys.stop()
        for listener in customers:
            listener.end()
        server.stop()
        assembly.forwarder.finish()
        pipeline.close()
    if server.failed:
        raise ExporterError("the web server has failed; metrics can no longer be served")


def _address(listen: str) -> tuple[str, int]:
    try:
        return parse_address(listen)
    except ValueError as error:
        raise UsageError(f"--web.listen-address: {error}") from None


def _learn(assembly: Assembly, pipeline: Pipeline) -> None:
    """Have the format of a pipe learned."""
    for feed in pipeline.feeds:
        if feed.place[0] == "-":
            Learning(feed, assembly, pipeline.wake)


def _listeners(
    assembly: Assembly, pipeline: Pipeline, reload: Reload | None, address: tuple[str, int]
) -> tuple[Server, list[Listener]]:
    """What serves operators, and what serves customers."""
    limits = ClientLimits(connections=descriptors.for_connections(descriptors.limit()))
    web = assembly.config.web
    access = Access(Path(web.config) if web.config else None, web.hosts)
    kept = (lambda: pipeline.request_log.settings if pipeline.request_log else None, lambda: assembly.identity.entries)
    pages = dict.fromkeys((PATH, SUMS_PATH), RequestsApi(*kept).operators) | RequestsPage(lambda: assembly.config).pages
    server = Server(pipeline, *address, reload, limits, access, pages, lambda: assembly.config.alerts.runbook_url)
    return server, _customers(assembly, access, limits, CustomerRequests(*kept))


def _customers(assembly: Assembly, access: Access, limits: ClientLimits, requests: CustomerRequests) -> list[Listener]:
    """The listener for customers, if the config wants one."""
    usage = assembly.config.usage
    if not usage or not usage.listen:
        return []
    from exporter.service.web.customers import customers_listener  # noqa: PLC0415 - `requests` takes long to load

    return [customers_listener(assembly, usage, access, limits, requests)]
