"""Which embedded store keeps single requests: SQLite or DuckDB, on the same rows. DuckDB is no dependency of the
product: run this with a Python that has it. Prints CPU seconds (user and system), and wall seconds of the questions.

    python -m benchmarks.request_stores sqlite 10000000
    python -m benchmarks.request_stores duckdb 10000000

A file holds a day. What requests share (key, method, status, model …) is a row of the table `kind`, addresses and
origins are rows of `word`; a request has their numbers.
"""

import importlib
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DAYS = 7
BATCH = 5_000
START = 1_790_000_000_000 // 86_400_000 * 86_400_000  # milliseconds
KINDS, WORDS = 3_000, 20_000

KIND = "id INTEGER PRIMARY KEY, key TEXT, method TEXT, status INTEGER, model TEXT, provider TEXT"
WORD = "id INTEGER PRIMARY KEY, text TEXT"
ROW = (
    "id BIGINT, time BIGINT, kind INTEGER, client INTEGER, origin INTEGER, request_id TEXT, duration BIGINT, "
    "first_token BIGINT, request_bytes BIGINT, response_bytes BIGINT, input_tokens BIGINT, output_tokens BIGINT, "
    "cache_read_tokens BIGINT, cost DOUBLE"
)
COLUMNS = len(ROW.split(", "))

LAST_HOUR = "time >= {hour}"
QUESTIONS = {
    "last hour, a key": f"{LAST_HOUR} AND kind IN (SELECT id FROM kind WHERE key = 'key-7')",
    "last hour, 5xx": f"{LAST_HOUR} AND kind IN (SELECT id FROM kind WHERE status BETWEEN 500 AND 599)",
    "last hour, text in the route": f"{LAST_HOUR} AND kind IN (SELECT id FROM kind WHERE method LIKE '%/13')",
    "last hour, slower than": f"{LAST_HOUR} AND duration > 4000000",
    "last hour, a request id": f"{LAST_HOUR} AND request_id = 'none'",
    "last hour, a client": f"{LAST_HOUR} AND client IN (SELECT id FROM word WHERE text = '10.0.7.0/24')",
}
SUMS = "count(*), sum(cost), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), avg(duration)"


def rows(count: int) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    """Batches of rows, each with its day: traffic of an LLM gateway, in the order of time."""
    chance = random.Random(1)
    step = DAYS * 86_400_000 / count
    batch: list[tuple[Any, ...]] = []
    day = 0
    for n in range(count):
        at = START + int(n * step)
        if batch and (len(batch) == BATCH or at // 86_400_000 != day):
            yield day, batch
            batch = []
        day = at // 86_400_000
        kind = int(chance.paretovariate(0.8)) % KINDS
        tokens = (chance.randrange(5000), chance.randrange(900), chance.randrange(3000)) if kind % 2 else (None,) * 3
        cost = tokens[0] * 3e-6 if tokens[0] else None
        duration = int(chance.expovariate(1e-6))
        identifier = str(uuid.UUID(int=chance.getrandbits(128)))
        words = chance.randrange(WORDS), chance.randrange(50)
        sizes = chance.randrange(9000), chance.randrange(90000)
        batch.append((n, at, kind, *words, identifier, duration, duration // 3, *sizes, *tokens, cost))
    yield day, batch


def kinds() -> list[tuple[Any, ...]]:
    """The table `kind`."""
    statuses = (200, 200, 200, 200, 404, 502)
    return [
        (n, f"key-{n % 50}", f"POST /v1/route/{n % 60}", statuses[n % 6], f"model-{n % 9}", f"provider-{n % 4}")
        for n in range(KINDS)
    ]


class Sqlite:
    """Write-ahead log, an index on the time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open: dict[int, sqlite3.Connection] = {}
        self.insert = f"INSERT INTO request VALUES ({', '.join('?' * COLUMNS)})"

    def day(self, day: int) -> sqlite3.Connection:
        """The file of a day."""
        if day not in self.open:
            db = self.open[day] = sqlite3.connect(self.folder / f"{day}.db", isolation_level=None)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute(f"CREATE TABLE kind ({KIND})")
            db.execute(f"CREATE TABLE word ({WORD})")
            db.execute(f"CREATE TABLE request ({ROW.replace('id BIGINT', 'id INTEGER PRIMARY KEY', 1)})")
            db.execute("CREATE INDEX by_time ON request (time)")
            db.execute("BEGIN")
            db.executemany("INSERT INTO kind VALUES (?, ?, ?, ?, ?, ?)", kinds())
            db.executemany("INSERT INTO word VALUES (?, ?)", [(n, f"10.0.{n}.0/24") for n in range(WORDS)])
            db.execute("COMMIT")
        return self.open[day]

    def add(self, day: int, batch: list[tuple[Any, ...]]) -> None:
        """Add rows."""
        db = self.day(day)
        db.execute("BEGIN")
        db.executemany(self.insert, batch)
        db.execute("COMMIT")

    def ask(self, day: int, question: str) -> list[tuple[Any, ...]]:
        """Answer a question in SQL."""
        return self.open[day].execute(question).fetchall()

    def other(self, day: int) -> str:
        """Code that reads the file in another process."""
        path = self.folder / f"{day}.db"
        return f"import sqlite3; sqlite3.connect('file:{path}?mode=ro', uri=True).execute('SELECT 1 FROM kind')"


class DuckDb:
    """Its columns are compressed, and have ranges: no index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open: dict[int, Any] = {}

    def day(self, day: int) -> Any:
        """The file of a day."""
        if day not in self.open:
            duckdb = importlib.import_module("duckdb")  # not installed with the product

            db = self.open[day] = duckdb.connect(str(self.folder / f"{day}.duckdb"))
            db.execute(f"CREATE TABLE kind ({KIND})")
            db.execute(f"CREATE TABLE word ({WORD})")
            db.execute(f"CREATE TABLE request ({ROW})")
            self.columns(day, "kind", kinds())
            self.columns(day, "word", [(n, f"10.0.{n}.0/24") for n in range(WORDS)])
        return self.open[day]

    def columns(self, day: int, table: str, batch: list[tuple[Any, ...]]) -> None:
        """Insert a batch as lists, the fastest way from Python's own values."""
        lists = [list(column) for column in zip(*batch, strict=True)]
        values = ", ".join("unnest(?)" for _ in lists)
        self.open[day].execute(f"INSERT INTO {table} SELECT {values}", lists)

    def add(self, day: int, batch: list[tuple[Any, ...]]) -> None:
        """Add rows."""
        self.day(day)
        self.columns(day, "request", batch)

    def ask(self, day: int, question: str) -> list[tuple[Any, ...]]:
        """Answer a question in SQL."""
        found: list[tuple[Any, ...]] = self.open[day].execute(question).fetchall()
        return found

    def other(self, day: int) -> str:
        """Code that reads the file in another process."""
        path = self.folder / f"{day}.duckdb"
        return f"import duckdb; duckdb.connect('{path}', read_only=True).execute('SELECT 1 FROM kind')"


def cpu() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(store: Sqlite | DuckDb, count: int) -> None:
    """Write, measure the size, ask."""
    writing, made, day = 0.0, 0, 0
    for day, batch in rows(count):
        begun = cpu()
        store.add(day, batch)
        writing += cpu() - begun
        made += len(batch)
    reader = subprocess.run([sys.executable, "-c", store.other(day)], capture_output=True, text=True, check=False)
    print(f"{made} rows, {DAYS} days")
    print(f"write: {1e6 * writing / made:.2f} µs of CPU a row")
    print(f"read by another process while it is open: {'yes' if not reader.returncode else reader.stderr[-150:]!r}")
    newest = store.ask(day, "SELECT max(time) FROM request")[0][0]
    for name, question in QUESTIONS.items():
        where = question.format(hour=newest - 3_600_000)
        page = f"SELECT * FROM request WHERE {where} ORDER BY time DESC LIMIT 100"
        print(f"{name}: page {_best(store, day, page):.0f} ms, ", end="")
        print(f"sums {_best(store, day, f'SELECT {SUMS} FROM request WHERE {where}'):.0f} ms")
    print(f"sums of a day: {_best(store, day, f'SELECT {SUMS} FROM request'):.0f} ms")
    p95 = f"SELECT duration FROM request ORDER BY duration LIMIT 1 OFFSET {count // DAYS * 95 // 100}"
    print(f"95th percentile of a day: {_best(store, day, p95):.0f} ms")
    for file in store.open.values():
        file.close()
    size = sum(path.stat().st_size for path in store.folder.iterdir())
    print(f"size: {size / made:.0f} bytes a row")


def _best(store: Sqlite | DuckDb, day: int, question: str) -> float:
    """Milliseconds, the best of three."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        store.ask(day, question)
        times.append(time.perf_counter() - begun)
    return 1000 * min(times)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made_folder:
        chosen = Sqlite if sys.argv[1] == "sqlite" else DuckDb
        measure(chosen(Path(made_folder)), int(sys.argv[2]))
