"""Guesses the field of a record that a name in a log stands for, by the name and its values. Cold path: `init`."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from exporter.formats.values import number, seconds, timestamp
from exporter.model.fields import FIELDS

# Names of each field in logs, best first. Names are compared in lower case, as words joined by `_`.
_CALLED = {
    "time": "timestamp time ts datetime date logged_at created_at end_time start_time time_local time_iso8601 msec at",
    "status": "status status_code http_status response_code response_status sc_status statuscode code",
    "duration": "duration latency elapsed response_time request_time time_taken took total_time processing_time rt",
    "time_to_first_token": "time_to_first_token ttft first_token_time first_token",
    "request": "request request_line",
    "http_method": "method http_method request_method verb cs_method",
    "path": "path uri request_uri request_path url target endpoint cs_uri_stem",
    "host": "host hostname authority vhost server_name domain",
    "scheme": "scheme",
    "client": "client_ip client remote_addr remote_ip client_addr ip remote_address source_ip c_ip x_forwarded_for xff",
    "origin": "origin http_origin",
    "referer": "referer referrer http_referer",
    "key": "api_key apikey x_api_key key api_key_id key_id consumer authorization client_id tenant user user_id",
    "chain": "chain network blockchain",
    "rpc_method": "rpc_method jsonrpc_method",
    "model": "model model_name response_model served_model",
    "requested_model": "requested_model request_model",
    "provider": "provider upstream backend vendor",
    "request_bytes": "request_bytes bytes_in request_size request_length bytes_received received_bytes cs_bytes",
    "response_bytes": "response_bytes bytes_sent bytes_out response_size body_bytes_sent sent_bytes size bytes",
    "input_tokens": "input_tokens prompt_tokens tokens_in in_tokens prompt_token_count",
    "output_tokens": "output_tokens completion_tokens tokens_out out_tokens completion_token_count",
    "cache_read_tokens": "cache_read_tokens cached_tokens cache_read_input_tokens",
    "cache_write_tokens": "cache_write_tokens cache_creation_tokens cache_creation_input_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "cost": "cost total_cost cost_usd price spend",
}
_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "usec", "micros", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanoseconds"), "ns"),
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_STATUS = re.compile(r"[1-5]\d\d|0|-1")
_VERB = re.compile(r"[A-Za-z]{3,20}")
_REQUEST = re.compile(r"[A-Z]+ \S+( HTTP/[\d.]+)?")
_ADDRESS = re.compile(r"\[?[0-9a-fA-F.:]{3,}\]?(:\d+)?(, .*)?")

# Tests for values of a field; other fields are tested by their kind.
_LOOKS: dict[str, Callable[[str], object]] = {
    "status": _STATUS.fullmatch,
    "http_method": _VERB.fullmatch,
    "request": _REQUEST.fullmatch,
    "path": lambda value: value.startswith("/") or "://" in value,
    "client": _ADDRESS.fullmatch,
}
_LOOKS_OF_KIND: dict[str, Callable[[str], object]] = {
    "time": lambda value: timestamp(value) is not None,
    "seconds": lambda value: seconds(value) is not None,
    "number": lambda value: number(value) is not None,
    "text": bool,
    "times": bool,
}


def words(name: str) -> list[str]:
    """The words of a name: `responseTimeMs` and `response-time_ms` are response, time, ms."""
    return [word.lower() for word in _WORD.findall(name)]


def guess(found: Mapping[str, Iterable[str]], known: Iterable[str] = ()) -> dict[str, Any]:
    """Sources of the fields that names seem to stand for, by field. `found` has the values of each path, as text.

    `known` fields are not guessed. A duration without a unit in its name is assumed to be in milliseconds if all its
    values are whole numbers.
    """
    taken: set[str] = set()
    guessed: dict[str, Any] = {}
    for field in _CALLED:
        if field in known:
            continue
        ranked = [
            (rank, path)
            for path, values in found.items()
            if path not in taken and (rank := _rank(field, path)) is not None and _fits(field, list(values))
        ]
        if ranked:
            path = min(ranked)[1]
            taken.add(path)
            guessed[field] = _source(field, path, list(found[path]))
    if "request" in guessed and ("path" in guessed or "path" in known):
        del guessed["request"]
    return guessed


def _rank(field: str, path: str) -> tuple[int, int] | None:
    """How well a path's name matches a field, less is better; None if it does not."""
    parts = [part for part in re.split(r"[.\[\]\"]+", path) if part]
    called = _CALLED[field].split()
    for name in ("_".join(parts[-2:]), parts[-1]):
        parts_of_name = words(name)
        if FIELDS[field][0] in ("seconds", "time") and len(parts_of_name) > 1 and parts_of_name[-1] in _UNITS:
            parts_of_name.pop()
        if (joined := "_".join(parts_of_name)) in called:
            return called.index(joined), len(parts)
    return None


def _fits(field: str, values: list[str]) -> bool:
    """Whether most of the present values are plausible for a field."""
    there = [value for value in values if value not in ("", "-")]
    looks = _LOOKS.get(field) or _LOOKS_OF_KIND[FIELDS[field][0]]
    return bool(there) and 2 * sum(bool(looks(value)) for value in there) > len(there)


def _source(field: str, path: str, values: list[str]) -> str | dict[str, str]:
    unit = _UNITS.get((words(path) or [""])[-1], "")
    if FIELDS[field][0] != "seconds":
        return path
    if not unit and all(value.isdigit() for value in values if value not in ("", "-")):
        unit = "ms"
    return {"path": path, "unit": unit} if unit not in ("", "s") else path
