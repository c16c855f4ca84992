"""Delivers rows in the order of their numbers. What is refused as a whole is halved, until the bad rows are found."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from exporter.request_log.outbox.endpoint import Answer
from exporter.request_log.outbox.unsent import Row

# Rows of one request, and its bytes before compression.
MOST_ROWS = 1_000
MOST_BYTES = 1 << 20
# So many more requests are made to find bad rows among those of a batch; what is refused then is given up as a whole.
_MOST_HALVES = 64


class Delivered(Struct):
    """Rows are done with, up to `last`: `sent` were accepted, `refused` were not. `why` is what was said about it."""

    last: int
    sent: int
    refused: int = 0
    why: str = ""


class Delivery:
    """`send` tries until there is an answer about what was sent; None if it gives up. `most` is how many rows it is
    best given at once: fewer after some were too large, then slowly more.
    """

    def __init__(self, send: Callable[[bytes], Answer | None]) -> None:
        self.most = MOST_ROWS
        self._send = send

    def deliver(self, rows: Sequence[Row], encode: Callable[[Sequence[Row]], bytes]) -> Iterator[Delivered]:
        """Deliver rows, and yield what became of each part of them, until `send` gives up."""
        halves, grows = _MOST_HALVES, True
        waiting = [rows]
        while waiting:
            part = waiting.pop()
            message = encode(part)
            fits = len(message) <= MOST_BYTES or len(part) == 1
            answer = self._send(message) if fits else Answer("too_large")
            if answer is None:
                return
            half = len(part) // 2
            if answer.outcome == "accepted":
                refused = min(answer.rejected, len(part))
                yield Delivered(part[-1][0], len(part) - refused, refused, answer.text)
            elif half and answer.outcome == "too_large":
                self.most, grows = half, False
                waiting += [part[half:], part[:half]]
            elif half and halves:
                halves -= 1
                waiting += [part[half:], part[:half]]
            else:
                yield Delivered(part[-1][0], 0, len(part), answer.text)
        if grows:
            self.most = min(self.most + self.most // 8 + 1, MOST_ROWS)
