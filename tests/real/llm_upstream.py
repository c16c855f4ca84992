"""A small LLM provider behind the gateway, in OpenAI's words and in Anthropic's. The model it is asked for tells it
how to answer: `good` answers, in a stream where one is asked for; a number, such as `500`, is the status of an error.

Of a stream the first token is sent at once, the rest when the test says so.
"""

import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

ANSWER = "Forty-two"

# What it says it used. OpenAI's totals have the cached and the reasoning tokens in them, Anthropic's have not.
OPENAI = {
    "prompt_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens": 33,
    "completion_tokens_details": {"reasoning_tokens": 8},
    "total_tokens": 153,
}
ANTHROPIC = {
    "input_tokens": 12,
    "cache_read_input_tokens": 1500,
    "cache_creation_input_tokens": 300,
    "output_tokens": 42,
}
_PATIENCE_SECONDS = 30


class LlmUpstream:
    """The provider, in a thread. `go_on` lets the rest of a stream be sent."""

    def __init__(self) -> None:
        self.go_on = Event()
        upstream = self

        class Handler(_Handler):
            def wait(self) -> None:
                upstream.go_on.wait(_PATIENCE_SECONDS)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def wait(self) -> None:
        raise NotImplementedError

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = asked["model"]
        if model.isdigit():
            self._head(int(model), "application/json")
            self._write({"error": {"message": "told to", "type": "error", "code": model}})
        elif self.path.endswith("/messages"):
            self._head(200, "application/json")
            self._write(_message(model))
        elif asked.get("stream"):
            with suppress(OSError):  # the other side may have left
                self._stream()
        else:
            self._head(200, "application/json")
            choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
            self._write(_chunk([choice]) | {"object": "chat.completion", "usage": OPENAI})

    def _stream(self) -> None:
        self._head(200, "text/event-stream")
        self._event(_chunk([{"index": 0, "delta": {"role": "assistant", "content": ANSWER}}]))
        self.wait()
        self._event(_chunk([{"index": 0, "delta": {"content": "!"}}]))
        self._event(_chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        self._event(_chunk([]) | {"usage": OPENAI})
        self.wfile.write(b"data: [DONE]\n\n")

    def _head(self, status: int, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.end_headers()

    def _write(self, answer: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(answer).encode())

    def _event(self, chunk: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "good", "choices": choices}


def _message(model: str) -> dict[str, Any]:
    said = {"content": [{"type": "text", "text": ANSWER}], "stop_reason": "end_turn", "stop_sequence": None}
    return {"id": "m1", "type": "message", "role": "assistant", "model": model, "usage": ANTHROPIC} | said
