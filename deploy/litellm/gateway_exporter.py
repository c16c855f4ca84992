"""LiteLLM proxy: a log for gateway-exporter's preset `litellm`, a JSON line for each request.

Put this file beside the proxy's config.yaml, and add to that:

    litellm_settings:
      callbacks: [gateway_exporter.log]

The environment variable GATEWAY_LOG names the log. It may be rotated by renaming, and several workers may write to it.
A line has those fields of LiteLLM's standard logging payload that are counted: no prompt, no answer, no raw key, only
its hash.

LiteLLM also reports the first failed attempt. That is kept until its request has ended, with the answer of another
attempt or with an error for the client, and is then written into the request's line, under `attempts`.
"""

import asyncio
import json
import logging
import os
from logging.handlers import WatchedFileHandler
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

Payload = dict[str, Any]

FIELDS = (
    *("litellm_call_id", "call_type", "status", "stream", "startTime", "completionStartTime", "endTime"),
    *("model", "model_group", "custom_llm_provider", "prompt_tokens", "completion_tokens", "response_cost"),
    *("cache_hit", "requester_ip_address"),
)
METADATA = (
    *("user_api_key_hash", "user_api_key_alias", "user_api_key_team_alias", "user_api_key_request_route"),
    "usage_object",
)
HEADERS = ("host", "origin", "referer")

# A failed attempt whose request is not reported to have ended by then is written as a separate request.
PATIENCE_SECONDS = 600


class RequestLog(CustomLogger):
    """Writes a line for each request that has ended."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = WatchedFileHandler(path, delay=True)
        # Failed attempts by call id, which is the same for all attempts of a request.
        self._failed: dict[str, list[Payload]] = {}

    async def async_log_success_event(self, kwargs: Payload, **_: Any) -> None:
        """An attempt has succeeded: the request has ended."""
        if payload := kwargs.get("standard_logging_object"):
            self._write([*self._failed.pop(payload["litellm_call_id"], []), payload])

    async def async_log_failure_event(self, kwargs: Payload, **_: Any) -> None:
        """An attempt has failed: another may follow."""
        if payload := kwargs.get("standard_logging_object"):
            call = payload["litellm_call_id"]
            self._failed.setdefault(call, []).append(payload)
            asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._end, call)

    async def async_post_call_failure_hook(self, request_data: Payload, **_: Any) -> None:
        """The client gets an error: the request has ended."""
        self._end(request_data.get("litellm_call_id"))

    def _end(self, call: str | None) -> None:
        if call in self._failed:
            self._write(self._failed.pop(call))

    def _write(self, attempts: list[Payload]) -> None:
        line = json.dumps(_line(attempts), default=str)
        self._file.handle(logging.makeLogRecord({"msg": line}))


def _line(attempts: list[Payload]) -> Payload:
    last = attempts[-1]
    metadata = last.get("metadata") or {}
    headers = (metadata.get("requester_metadata") or {}).get("headers") or {}
    return {
        **{name: last.get(name) for name in FIELDS},
        "metadata": {
            **{name: metadata.get(name) for name in METADATA},
            "requester_metadata": {"headers": {name: headers[name] for name in HEADERS if name in headers}},
        },
        "error_information": _error(last),
        "attempts": [
            {name: attempt.get(name) for name in ("custom_llm_provider", "model_group", "startTime", "endTime")}
            | _error(attempt)
            for attempt in attempts
        ],
    }


def _error(attempt: Payload) -> Payload:
    error = attempt.get("error_information") or {}
    return {name: error.get(name) for name in ("error_code", "error_class")}


log = RequestLog(os.environ.get("GATEWAY_LOG", "/var/log/litellm/requests.jsonl"))
