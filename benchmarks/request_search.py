"""How long searches of single requests take, and how large rows are: a day of an LLM gateway's requests, made up.

    python -m benchmarks.request_search 1430000

CPU seconds (user and system), the best of three, through the same search that people use.
"""

import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exporter.metrics.store import Store
from exporter.request_log.day_file import Batch
from exporter.request_log.filters import filter_of
from exporter.request_log.key_names import KeyNames
from exporter.request_log.log import RequestLog, RequestLogSettings
from exporter.request_log.schema import KIND_COLUMNS
from exporter.request_log.search import Search

DAY_SECONDS = 86_400
BATCH = 5_000
KINDS, CLIENTS, ORIGINS = 3_000, 20_000, 50
COLUMNS = (
    *("time", "kind", "client", "origin", "request_id", "duration", "time_to_first_token"),
    *("request_bytes", "response_bytes", "input_tokens", "output_tokens", "cache_read_tokens", "cost"),
)
OF_AN_HOUR = ({"key": "key-7"}, {"status": "5xx"}, {"text": "/13"}, {"slower_than": "4"}, {"request_id": "none"})
FOR_EVER = 1e9


def kind(number: int) -> tuple[Any, ...]:
    """The values of KIND_COLUMNS."""
    status = ("200", "200", "200", "404", "502")[number % 5]
    values = {"key": f"key-{number % 50}", "method": f"POST /v1/route/{number % 60}", "model": f"model-{number % 9}"}
    failed = {"404": "client_error", "502": "server_error"}.get(status)
    values |= {"input": "in", "route": f"/v1/route/{number % 60}", "status": status}
    return tuple({**values, "error_type": failed, "timed": 1}.get(name) for name in KIND_COLUMNS)


def write(folder: Path, count: int, day: int) -> None:
    """Write a day's requests, in the order of time; print how long that took, and how large they are."""
    chance = random.Random(1)
    log = RequestLog(RequestLogSettings(path=folder, keep=FOR_EVER, max_size=1 << 40), Store(), None)
    writing = 0.0
    for begun in range(0, count, BATCH):
        file = log.file(day)
        assert file
        kinds, clients = [file.kind(kind(n)) for n in range(KINDS)], [file.word(f"10.{n}/24") for n in range(CLIENTS)]
        values: list[Any] = []
        for n in range(begun, min(begun + BATCH, count)):
            duration = int(chance.expovariate(1e-6))
            tokens = (chance.randrange(5000), chance.randrange(900), chance.randrange(3000), 0.001)
            values += (int((day + n / count) * DAY_SECONDS * 1000), kinds[int(chance.paretovariate(0.8)) % KINDS])
            values += (chance.choice(clients), clients[chance.randrange(ORIGINS)])
            values += (str(uuid.UUID(int=chance.getrandbits(128))), duration, duration // 3)
            values += (chance.randrange(9000), chance.randrange(90000), *(tokens if n % 2 else (None,) * 4))
        since = time.process_time()
        log.add(day, Batch(COLUMNS, values))
        log.write()
        writing += time.process_time() - since
    log.close()
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{count} rows: {1e6 * writing / count:.2f} µs to write one, {size / count:.0f} bytes each")


def best(work: Callable[[], Any]) -> float:
    """Milliseconds of CPU, the best of three."""
    times = []
    for _ in range(3):
        since = time.process_time()
        work()
        times.append(time.process_time() - since)
    return 1000 * min(times)


def ask(folder: Path, day: int) -> None:
    """Search, and print how long it took."""

    def search() -> Search:
        return Search(folder, KeyNames(), FOR_EVER, patience=600)

    end = (day + 1) * DAY_SECONDS
    hour = {"since": str(end - 3600), "until": str(end)}
    for asked in OF_AN_HOUR:
        wanted = filter_of(hour | asked)
        print(f"an hour, {asked}: {best(lambda wanted=wanted: search().newest(wanted, 100)):.0f} ms")  # type: ignore[misc]
    print(f"sums of an hour: {best(lambda: search().sums(filter_of(hour))):.0f} ms")
    print(f"sums of the day, a key: {best(lambda: search().sums(filter_of({'key': 'key-7'}))):.0f} ms")
    print(f"sums of the day: {best(lambda: search().sums(filter_of({}))):.0f} ms")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        today = int(time.time() // DAY_SECONDS)
        write(Path(made), int(sys.argv[1]), today)
        ask(Path(made), today)
