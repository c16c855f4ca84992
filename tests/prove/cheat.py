"""An exporter that cheats: it is told the truth, so that the proof can be tried before, and apart from, the real one.

`python -m tests.prove.cheat [BREACH]` keeps every promise, or breaks one: the proof must notice. It reads
`config.yaml` for its address and inputs, and `truth`, which `Told` writes, instead of a log.
"""

import json
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from exporter.faults import fault
from tests.prove.truth import Truth

# What is done wrong: values begin at 0 again; only every third answer is committed; the position is committed an
# answer later than the values; a line is left out at each start, or counted once more a while after; new series
# show their value at once, or give their zero to one scraper only; a series is missing after each start; it ends
# by itself. At a reload whose inputs have changed the log is read again, or from its end; or a series is missing.
# Beside it, what the proof must say.
BREACHES = {
    "forgets": "went back",
    "serves-uncommitted": "went back",
    "commits-apart": "the truth",
    "skips": "the truth",
    "counts-late": "the truth",
    "born-grown": "was born at",
    "one-zero": "was born at",
    "drops": "is gone",
    "crashes": "ended by itself",
    "reload-repeats": "the truth",
    "reload-skips": "the truth",
    "reload-drops": "is gone",
}
_HELD_SECONDS = 0.11
_SCRAPERS = 2
# Answers.
_A_WHILE = 8


def command(breach: str) -> list[str]:
    """What starts the cheat, in any folder."""
    root = Path(__file__).parents[2]
    return ["env", f"PYTHONPATH={root}", sys.executable, "-m", "tests.prove.cheat", breach]


class Told(Truth):
    """The truth, written down for the cheat as it becomes true."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = (folder / "truth").open("ab", buffering=0)

    def add(self, name: str, labels: dict[str, str], amount: float = 1) -> None:
        """Add to a series, and tell."""
        super().add(name, labels, amount)
        self._file.write(json.dumps([self.series(name, labels), amount]).encode() + b"\n")


class Cheat:
    """Counts what it is told, commits, and serves."""

    def __init__(self, breach: str) -> None:
        self._breach = breach
        self._lock = threading.Lock()
        self._again: list[Any] = []
        self._answers = 0
        self._offset = 0
        self._values: dict[str, float] = {}
        self._held: dict[str, tuple[float, list[str]]] = {}
        self._inputs = config()["inputs"]
        if Path("state").exists():
            self._offset, self._values, held = json.loads(Path("state").read_text(encoding="utf-8"))
            self._held = {series: (time.time(), []) for series in held}
            self._break_at_start()

    def metrics(self, who: str) -> bytes:
        """One answer."""
        with self._lock:
            last = self._offset
            self._read()
            self._let_go()
            for held in self._held.values():
                held[1].append(who)
            self._answers += 1
            if self._breach != "serves-uncommitted" or self._answers % 3 == 1:
                self._commit(last if self._breach == "commits-apart" else self._offset)
            text = self._render()
            fault("after-render")
            return text

    def reload(self) -> None:
        """Take a changed config."""
        with self._lock:
            before, self._inputs = self._inputs, config()["inputs"]
            if before == self._inputs:
                return
            if self._breach == "reload-repeats":
                self._offset = 0
            elif self._breach == "reload-skips":
                self._offset = Path("truth").stat().st_size
            elif self._breach == "reload-drops":
                del self._values[[*self._values][1]]  # of a request that is not made again

    def _break_at_start(self) -> None:
        if self._breach == "forgets":
            self._values = dict.fromkeys(self._values, 0)
        elif self._breach == "skips":
            self._offset += len(self._line())
        elif self._breach == "counts-late":
            self._again = [json.loads(Path("truth").read_text(encoding="utf-8").split("\n")[0])]
        elif self._breach == "drops":
            self._values = dict([*self._values.items()][1:])
        elif self._breach == "crashes":
            sys.exit(1)

    def _line(self) -> bytes:
        with Path("truth").open("rb") as file:
            file.seek(self._offset)
            return file.readline()

    def _read(self) -> None:
        with Path("truth").open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        added = [json.loads(line) for line in data.splitlines()]
        if self._again and self._answers > _A_WHILE:
            added.append(self._again.pop())
        for series, amount in added:
            if series not in self._values and self._breach != "born-grown":
                self._held[series] = (time.time(), [])
            self._values[series] = self._values.get(series, 0) + amount

    def _let_go(self) -> None:
        enough = 1 if self._breach == "one-zero" else _SCRAPERS
        least = 0 if self._breach == "one-zero" else _HELD_SECONDS
        now = time.time()
        self._held = {
            series: held for series, held in self._held.items() if len(set(held[1])) < enough or now - held[0] < least
        }

    def _commit(self, offset: int) -> None:
        fault("before-commit")
        new = Path("state.new")
        new.write_text(json.dumps([offset, self._values, list(self._held)]), encoding="utf-8")
        fault("in-commit")
        new.replace("state")
        fault("after-commit")

    def _render(self) -> bytes:
        lines = []
        family = ""
        for series, value in sorted(self._values.items()):
            name = series.partition("{")[0]
            base = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
            if base != family:
                lines.append(f"# TYPE {base} {'counter' if base == name else 'histogram'}")
                family = base
            lines.append(f"{series} {0 if series in self._held else value}")
        return ("\n".join(lines) + "\n").encode()


def config() -> dict[str, Any]:
    """The config as it is now."""
    read: dict[str, Any] = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    return read


def main() -> None:
    """Serve until killed."""
    cheat = Cheat(sys.argv[1] if len(sys.argv) > 1 else "")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(cheat.metrics(self.headers["User-Agent"]))

        def do_POST(self) -> None:
            cheat.reload()
            self._answer(b"reloaded")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=cheat.reload).start())
    host, _, port = config()["web"]["listen"].partition(":")
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
