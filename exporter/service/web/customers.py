"""The listener that customers reach: usage and single requests of their own keys, and nothing else."""

from exporter.config.reported import keeper_of, terms_of
from exporter.config.usage import UsageConfig
from exporter.config.values import parse_address
from exporter.durations import seconds
from exporter.formats.spec import resolved
from exporter.service.assembly import Assembly
from exporter.service.web import usage_api
from exporter.service.web.access import Access, Guard
from exporter.service.web.api import Api
from exporter.service.web.callers import Callers
from exporter.service.web.connections import ClientLimits
from exporter.service.web.customer_requests import CustomerRequests
from exporter.service.web.document import document
from exporter.service.web.listener import Listener
from exporter.usage import openapi


def customers_listener(
    assembly: Assembly, usage: UsageConfig, access: Access, limits: ClientLimits, requests: CustomerRequests
) -> Listener:
    """The listener, not started yet. ExporterError if its address can't be had."""
    config = assembly.config
    admissions = assembly.context.admissions
    callers = Callers(
        assembly.identity,
        (dict(resolved(input_.spec).key_hash.items()) for input_ in config.inputs),
        lambda name: admissions.admitted("key", name),
    )
    answers = usage_api.UsageApi(
        usage.prometheus.server,
        terms_of(config, usage),
        config.alerts.retention,
        lambda: keeper_of(config, assembly.request_log.settings if assembly.request_log else None),
    )
    questions = {usage_api.PATH: answers.answer, **requests.questions}
    api = Api(
        callers,
        questions,
        {openapi.PATH: document()},
        usage.requests_per_minute,
        seconds(usage.cache or config.metrics.scrape_interval),
    )
    host, port = parse_address(usage.listen)
    guard = Guard(api, access, by_key=questions)
    return Listener(guard, host, port, access, limits, api.close)
