"""The words for a survey: what was found in a log and from where, what was not, and how to add it."""

from collections.abc import Iterator
from textwrap import wrap

from exporter.commands.survey import SHOWN, Survey
from exporter.formats.detection.guess import guess
from exporter.formats.spec import FormatSpec, about, resolved

_MODELS = ("model", "input_tokens", "output_tokens", "cost")
# What is missing without it.
_WITHOUT = {
    "time": "limits and dated prices use the time of reading",
    "status": "every line counts as a success",
    "method": "all requests count as one method",
    "key": "requests count for no key",
    "duration": "no latency",
    "origin": "no origins",
    "request_bytes": "no traffic in",
    "response_bytes": "no traffic out",
    "provider": "no attempts, no failovers",
    "model": "no usage by model",
    "input_tokens": "no tokens",
    "output_tokens": "no tokens",
    "cost": "only by a price table",
}
# What nginx can log of it.
_NGINX = {
    "time": "$time_iso8601",
    "key": "$http_x_api_key, or the header that holds it",
    "duration": "$request_time",
    "origin": "$http_origin",
    "request_bytes": "$request_length",
    "response_bytes": "$bytes_sent",
    "provider": "$upstream_addr",
}
_MOST_UNREAD = 15


def counts(survey: Survey) -> str:
    """How many lines of a sample are requests; the rest, with reasons."""
    rest = [f"{survey.ignored} ignored"] if survey.ignored else []
    rest += [f"{count} rejected ({why})" for why, count in survey.rejected.most_common()]
    return f"{survey.parsed} of {survey.lines} sampled lines are requests" + "".join(f", {part}" for part in rest)


def comments(survey: Survey, spec: FormatSpec) -> list[str]:
    """What was found, for a config: field, where it stands, an example; then what is missing and what is unread."""
    lines = [f"{counts(survey)}.", *_found(survey), *_missing(survey, spec), *unread(survey, spec)]
    return [*lines, *_for_labels(survey)]


def _found(survey: Survey) -> Iterator[str]:
    for name in SHOWN:
        if name not in survey.found:
            continue
        found = survey.found[name]
        example = "k_… (hashed)" if name == "key" and found.example.startswith("k_") else found.example
        share = "" if found.count == survey.parsed else f"   (in {found.count} of {survey.parsed})"
        yield f"  {name:16}{found.source:36} {example}{share}"


def _for_labels(survey: Survey) -> Iterator[str]:
    """The fields that labels can be made of, and how to declare one."""
    if survey.for_labels:
        first = next(iter(survey.for_labels))
        yield "Labels can be made of these; for example:"
        yield f"  metrics: {{labels: {{{first}: {{}}}}, families: {{gateway_requests_total: {{add: [{first}]}}}}}}"
    for name, found in survey.for_labels.items():
        yield f"  {name:16}{found.source:36} {found.example}"


def _missing(survey: Survey, spec: FormatSpec) -> Iterator[str]:
    missing = survey.missing
    if not any(name in survey.found for name in _MODELS):
        missing = [name for name in missing if name not in _MODELS]
    if not missing or not survey.parsed:
        return
    yield "Not found:"
    nginx = bool(resolved(spec).template) or spec.preset.startswith("nginx")
    for name in missing:
        add = f"; in nginx, log {_NGINX[name]}" if nginx and name in _NGINX else ""
        yield f"  {name:16}{_WITHOUT[name]}{add}"
    if spec.preset:
        yield from wrap(f"Settings of this log: {about(spec.preset).settings.strip()}.", 100, subsequent_indent="  ")
        yield f"If the log has one after all: format: {{preset: {spec.preset}, fields: {{{missing[0]}: NAME}}}}"


def summary(survey: Survey) -> str:
    """The same in one line."""
    if not survey.parsed:
        return counts(survey)
    missing = [name for name in survey.missing if name not in _MODELS or _MODELS[0] in survey.found]
    parts = [counts(survey), f"not found: {', '.join(missing)}" if missing else ""]
    parts.append(f"configured, but never has a value: {', '.join(survey.empty)}" if survey.empty else "")
    parts.append(f"not read: {', '.join(survey.unread[:_MOST_UNREAD])}" if survey.unread else "")
    return "; ".join(filter(None, parts))


def unread(survey: Survey, spec: FormatSpec) -> list[str]:
    """What of the log is not read, with a guess for each name that sounds like a missing field."""
    if not survey.unread:
        return []
    more = len(survey.unread) - _MOST_UNREAD
    names = ", ".join(survey.unread[:_MOST_UNREAD]) + (f" and {more} more" if more > 0 else "")
    lines = wrap(f"In the log, but not read: {names}", 100, subsequent_indent="  ")
    values = {name: survey.named[name] for name in survey.unread if survey.named.get(name)}
    guessed = guess(values, known=[field for name in survey.found for field in (name, *SHOWN[name])])
    lines += [f"  this may be {field}: {source}" for field, source in guessed.items()]
    if resolved(spec).template and not guessed:
        lines.append("  to read it, write the log_format as a `template`")
    return lines
