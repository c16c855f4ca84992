"""Whether the servers that a config names answer, and have what is expected of them; for `check`."""

import time

from exporter.config.keys import KeyApiConfig
from exporter.config.load import Loaded
from exporter.config.requests import OtlpConfig
from exporter.config.usage import PrometheusConfig
from exporter.errors import InputError, QueryError
from exporter.model import catalog
from exporter.service.assembly import Assembly

_LOADED = "fleet:gateway_requests:rate5m"


def asked(loaded: Loaded) -> list[str]:
    """Notes about the admin API, whose keys are put into `loaded`, the Prometheus of usage reports, and the receiver of
    single requests.
    """
    config = loaded.config
    found = _keys(loaded, config.keys) if isinstance(config.keys, KeyApiConfig) else []
    found += _rules(config.usage.prometheus, config.alerts.job) if config.usage else []
    otlp = config.requests and config.requests.otlp
    return found + (_receiver(otlp) if otlp else [])


def _keys(loaded: Loaded, keys: KeyApiConfig) -> list[str]:
    """Read the keys from the admin API as the exporter will."""
    try:
        loaded.keys = Assembly(loaded).key_api(keys).read()
    except InputError as error:
        return [f"keys: {error}; `run` retries until the API answers"]
    return []


def _receiver(otlp: OtlpConfig) -> list[str]:
    """Send a request without rows."""
    from exporter.request_log.outbox.endpoint import Endpoint  # noqa: PLC0415 - loads protobuf

    endpoint = Endpoint(otlp.settings.server, otlp.settings.certificate)
    answer = endpoint.probe()
    endpoint.close()
    return [] if answer.outcome == "accepted" else [f"requests.otlp: {answer.text}; `run` tries again, and rows wait"]


def _rules(server: PrometheusConfig, job: str) -> list[str]:
    from exporter.usage.prometheus import Prometheus  # noqa: PLC0415 - `requests` takes long to load

    prometheus = Prometheus(server.server)
    try:
        if not prometheus.instant(catalog.BUILD_INFO.name, time.time()):
            return [f"usage.prometheus: {server.url} scrapes no exporter yet (job {job})"]
        if not prometheus.instant(_LOADED, time.time()):
            return [
                f"usage.prometheus: {server.url} does not record our series; "
                "load the rules that `gateway-exporter alerts` writes"
            ]
    except QueryError as error:
        return [f"usage.prometheus: {error}"]
    finally:
        prometheus.close()
    return []
