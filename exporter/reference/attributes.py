"""docs/attributes.md: what single requests are called when they are sent by OTLP."""

from exporter.request_log.fields import FIELDS
from exporter.request_log.outbox.attributes import ALSO, SUMS, is_sent, standard_name

_HEAD = """\
# Attributes

The attributes of a single request that is [sent by OTLP](requests.md#past-this-machine), by OpenTelemetry's semantic
conventions. What these have no name for begins with `gateway.`. What the log does not have, and a flag that is not set,
has no attribute. The resource has `service.name` and `service.instance.id`; the event is `gateway.request`.

| attribute | type | what it is |
| --- | --- | --- |
"""
# How the types of fields are sent.
_TYPES = {
    "text": "string",
    "number": "int",
    "amount": "double",
    "seconds": "double",
    "flag": "bool",
    "links": "list of maps",
    "labels": "string",
}
# Fields with several attributes.
_NAMES = {"labels": "gateway.label.NAME"}
# The type of such a name, and what it has.
_ALSO = {
    "http.request.method": "string | the verb of `gateway.method`, if it has one",
    "rpc.method": "string | `gateway.method`, if it has no verb",
    "url.scheme": "string | `gateway.protocol`, except grpc",
    "rpc.system.name": "string | grpc",
    "http.response.status_code": "int | `gateway.status`, if it is one of HTTP",
    "rpc.response.status_code": "string | the name of the gRPC code",
    "gen_ai.provider.name": "string | `gateway.provider`, if a model is known",
}


def page() -> str:
    """The page's text."""
    uid = f"the sender's instance and {FIELDS['id'].about}: the same if it is sent again"
    rows = [f"| `log.record.uid` | string | {uid} |"]
    for name, field in FIELDS.items():
        if is_sent(name):
            about = field.about + (", in seconds" if field.type == "seconds" else "")
            rows.append(f"| `{_NAMES.get(name, standard_name(name))}` | {_TYPES[field.type]} | {about} |")
            rows += [f"| `{also}` | {_ALSO[also]} |" for also in ALSO.get(name, ())]
    for name, parts in SUMS.items():
        rows.append(f"| `{name}` | int | {', '.join(FIELDS[part].about for part in parts)}: together |")
    return _HEAD + "".join(f"{row}\n" for row in sorted(rows))
