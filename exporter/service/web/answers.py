"""Answers of the web server: ASGI's words, and an answer sent in blocks."""

from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
# Answers one path.
Page = Callable[[Scope, Send], Awaitable[None]]

HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
_BLOCK = 1 << 16


async def answer(send: Send, status: int, content_type: str, body: bytes, more: dict[str, str] | None = None) -> None:
    """Send a whole answer; it is done once all was taken."""
    length = {"content-length": str(len(body))} if body else {}
    headers = {"content-type": content_type, **length, **(more or {})}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    whole = memoryview(body)
    for at in range(0, len(body), _BLOCK):
        await send({"type": "http.response.body", "body": whole[at : at + _BLOCK], "more_body": True})
    await send({"type": "http.response.body", "body": b""})
