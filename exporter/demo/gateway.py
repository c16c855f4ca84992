"""The sample gateway: a thread that writes access logs of random requests, as a real gateway would."""

import math
import time
from collections import defaultdict
from pathlib import Path
from random import Random
from threading import Event, Thread

from exporter.demo.cast import CLIENTS

LINES_PER_SECOND = 40
# The rate goes up and down as over a day, but this day takes twenty minutes.
_DAY = 20 * 60
_SWING = 0.4
# Seconds of requests that the logs hold when the gateway starts.
_HISTORY = 5 * 60
_TICK = 0.25
# After the machine slept, requests for at most this many seconds are written at once.
_LONGEST_GAP = 60
# A full log is renamed and replaces the previous one, as the demo may run for weeks.
_LOG_BYTES = 32 << 20


class SampleGateway:
    """Writes `rpc.access.json` and `llm.jsonl` into a folder, with the same random choices each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rng = Random(1)
        self._shares = [client.share for client in CLIENTS]
        self._written = 0.0
        self._owed = 0.0
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="sample-gateway", daemon=True)

    def start(self) -> None:
        """Write a few minutes of history, then continue in a thread."""
        self._folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        self._written = now - _HISTORY
        self._write_until(now)
        self._thread.start()

    def stop(self) -> None:
        """Stop writing. Returns when the last line is complete."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_TICK):
            now = time.time()
            self._written = max(self._written, now - _LONGEST_GAP)
            self._write_until(now)

    def _write_until(self, now: float) -> None:
        """Write the requests that ended since the last time, in the order in which they ended."""
        lines = defaultdict(list)
        while self._written < now:
            span = min(1.0, now - self._written)
            self._owed += span * LINES_PER_SECOND * (1 + _SWING * math.sin(math.tau * self._written / _DAY))
            count = int(self._owed)
            self._owed -= count
            times = sorted(self._written + self._rng.random() * span for _ in range(count))
            for ended, client in zip(times, self._rng.choices(CLIENTS, self._shares, k=count), strict=True):
                lines[client.log].append(client.line(self._rng, ended))
            self._written += span
        for log, some in lines.items():
            self._append(self._folder / log, "".join(some))

    def _append(self, log: Path, text: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(text)
            full = file.tell() > _LOG_BYTES
        if full:
            log.replace(log.with_name(log.name + ".1"))
