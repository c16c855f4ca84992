"""`run` and `demo`: count logs and serve metrics, until a signal or the end of all inputs."""

import signal
import tempfile
from pathlib import Path

from exporter import descriptors
from exporter.commands.select_input import with_secret
from exporter.commands.without_config import without_config
from exporter.config.load import Loaded, load, parse_address
from exporter.errors import ExporterError, UsageError
from exporter.logs import say
from exporter.service.assembly import Assembly
from exporter.service.learning import Learning
from exporter.service.reload import Reload
from exporter.service.web.access import Access
from exporter.service.web.connections import Limits
from exporter.service.web.listener import Listener
from exporter.service.web.requests import RequestsApi
from exporter.service.web.server import Server


def run(config: str | None, logs: list[str], listen: str | None) -> None:
    """Serve the inputs of a config, or `logs` without one. `listen` overrides the config's `web.listen`."""
    if bool(config) == bool(logs):
        raise UsageError("run needs either --config.file FILE (or GATEWAY_EXPORTER_CONFIG_FILE) or LOG…")
    _serve(load(Path(config)) if config else without_config(logs), listen, config)


def demo(listen: str | None) -> None:
    """Serve the logs of a sample gateway, which runs as long as this does."""
    from exporter.demo import SampleGateway, write_config  # noqa: PLC0415 - not loaded by `run`

    with tempfile.TemporaryDirectory(prefix="gateway-exporter-demo-") as folder:
        gateway = SampleGateway(Path(folder))
        loaded = load(write_config(Path(folder)))
        gateway.start()
        try:
            _serve(loaded, listen)
        finally:
            gateway.stop()


def _serve(loaded: Loaded, listen: str | None, config: str | None = None) -> None:
    """Run the pipeline and the web server until SIGTERM or SIGINT, or until the inputs end. SIGHUP reloads `config`."""
    descriptors.raise_limit()
    try:
        host, port = parse_address(listen or loaded.config.web.listen)
    except ValueError as error:
        raise UsageError(f"--web.listen-address: {error}") from None
    assembly = Assembly(with_secret(loaded), serving=True)
    pipeline = assembly.pipeline()
    if not config:
        for feed in pipeline.feeds:
            if feed.place[0] == "-":
                Learning(feed, assembly, pipeline.wake)
    reload = Reload(Path(config), assembly, pipeline) if config else None
    limits = Limits(connections=descriptors.for_connections(descriptors.limit()))
    web = loaded.config.web
    access = Access(Path(web.config) if web.config else None, web.hosts)
    requests = RequestsApi(
        lambda: pipeline.request_log.settings if pipeline.request_log else None, lambda: assembly.identity.entries
    )
    server = Server(pipeline, host, port, reload, limits, access, requests)
    customers = _customers(assembly, access, limits)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: pipeline.stop())
    if reload:
        signal.signal(signal.SIGHUP, lambda *_: reload())
    pipeline.open()
    server.start()
    assembly.watch_keys(pipeline)
    say(f"metrics: {server.url}/metrics   status: {server.url}/")
    for one in customers:
        one.start()
        say(f"usage API: {one.url}/api/v1/usage")
    try:
        pipeline.run()
    finally:
        assembly.forget_keys()
        for one in customers:
            one.end()
        server.stop()
        pipeline.close()
    if server.failed:
        raise ExporterError("the web server has failed; metrics can no longer be served")


def _customers(assembly: Assembly, access: Access, limits: Limits) -> list[Listener]:
    """The listener of the usage API, if the config wants one."""
    usage = assembly.config.usage
    if not usage or not usage.listen:
        return []
    from exporter.service.web.customers import customers_listener  # noqa: PLC0415 - `requests` takes long to load

    return [customers_listener(assembly, usage, access, limits)]
