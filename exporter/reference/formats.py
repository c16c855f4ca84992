"""docs/formats.md, from the presets: the logs that can be read, their versions, and what they lack."""

from collections.abc import Collection, Iterator

from exporter.formats.format import build
from exporter.formats.spec import FormatSpec, about, presets
from exporter.model.fields import FIELDS

_HEAD = """\
# Formats

Logs that are read with `format: NAME`. `gateway-exporter init LOG` finds the name; `explain` shows what is read of each
line. Other logs are described in the config: with JSON paths, CSV columns, logfmt, an nginx template or a regular
expression. A preset is a YAML file in [exporter/formats/presets](../exporter/formats/presets) and a good start for one
of your own.
"""

_NO_LOG = """
## Gateways that log no requests

They write no line that says how a request ended. Put a proxy before them and read its log: `chains` and `routes` find
chains and keys in paths, and nginx can log the request's body, in which the JSON-RPC method is.

- [proxyd](https://github.com/ethereum-optimism/infra/tree/main/proxyd) logs events of a `req_id`, most of them at level
  debug, without status, duration or chain.
- [Nodecore](https://github.com/drpcorg/nodecore), dRPC's, has metrics and statistics of its own. Its paths are
  `/queries/:chain/api-key/:key`.
"""

# What people look for in a log and the fields that have it; the second table is for logs with models.
_SOUGHT = {
    "times": ("time",),
    "keys": ("key",),
    "durations": ("duration",),
    "origins": ("origin", "referer", "client"),
    "sizes": ("request_bytes", "response_bytes"),
}
_SOUGHT_OF_MODELS = {
    "providers": ("provider",),
    "tokens": ("input_tokens", "output_tokens"),
    "cached tokens": ("cache_read_tokens",),
    "time to first token": ("time_to_first_token",),
    "cost": ("cost",),
}


def page() -> str:
    """The page's text."""
    named = sorted((about(preset).gateway.casefold(), preset) for preset in presets())
    table = [f"| {about(preset).gateway} | [`{preset}`](#{preset}) |" for _, preset in named]
    sections = [line for _, preset in named for line in _section(preset)]
    return "\n".join([_HEAD, "| log | preset |", "| --- | --- |", *table, *sections, _NO_LOG])


def _section(preset: str) -> Iterator[str]:
    said = about(preset)
    fields = build(FormatSpec(preset=preset)).fields
    yield from ("", f"## {preset}", "", f"{said.gateway}: {', '.join(map(_linked, said.links))}.", "")
    yield f"- Versions: {said.versions}."
    yield f"- Settings: {said.settings}."
    yield f"- Fields: {', '.join(f'`{field}`' for field in FIELDS if field in fields)}."
    if lacking := "; ".join(filter(None, (", ".join(_absent(fields)), said.lacks))):
        yield f"- Not in the log: {lacking}."


def _absent(fields: Collection[str]) -> list[str]:
    """What people look for and the log does not have."""
    sought = _SOUGHT | (_SOUGHT_OF_MODELS if "model" in fields else {})
    return [what for what, has in sought.items() if not set(has).intersection(fields)]


def _linked(link: str) -> str:
    """A link, shown as its repository or site."""
    parts = link.removeprefix("https://").split("/")
    shown = "/".join(parts[1:3]) if parts[0] == "github.com" else parts[0]
    return f"[{shown}]({link})"
