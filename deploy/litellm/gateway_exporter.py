"""LiteLLM proxy: a log for gateway-exporter's preset `litellm`, a JSON line for each request.

Beside the proxy's config.yaml, which says:

    litellm_settings:
      callbacks: [gateway_exporter.log]

The environment variable GATEWAY_LOG names the file. It may be rotated by renaming, and several workers write to it.
A line has what is counted of LiteLLM's standard logging payload: no prompt, no answer, and of a key its hash.

LiteLLM tells of the first try that failed, too. It waits until its request has ended: by the answer of another
try, or by an error that the client gets. Then it is in the request's line, under `attempts`.
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

# A try whose request never ends, as far as LiteLLM tells, is written as a request of its own.
PATIENCE_SECONDS = 600


class RequestLog(CustomLogger):
    """Writes a line for each request that has ended."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = WatchedFileHandler(path, delay=True)
        # By call id, the same for all tries of a request.
        self._failed: dict[str, list[Payload]] = {}

    async def async_log_success_event(self, kwargs: Payload, **_: Any) -> None:
        """A try has given an answer: the request has ended."""
        if payload := kwargs.get("standard_logging_object"):
            self._write([*self._failed.pop(payload["litellm_call_id"], []), payload])

    async def async_log_failure_event(self, kwargs: Payload, **_: Any) -> None:
        """A try has failed: another may follow."""
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

    def _write(self, tries: list[Payload]) -> None:
        line = json.dumps(_line(tries), default=str)
        self._file.handle(logging.makeLogRecord({"msg": line}))


def _line(tries: list[Payload]) -> Payload:
    last = tries[-1]
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
            {name: one.get(name) for name in ("custom_llm_provider", "model_group", "startTime")} | _error(one)
            for one in tries
        ],
    }


def _error(one: Payload) -> Payload:
    error = one.get("error_information") or {}
    return {name: error.get(name) for name in ("error_code", "error_class")}


log = RequestLog(os.environ.get("GATEWAY_LOG", "/var/log/litellm/requests.jsonl"))
