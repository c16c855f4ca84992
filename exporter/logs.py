"""What the process says on standard error: text for people, or one JSON object per line for log collectors."""

import logging
import sys
from datetime import UTC, datetime

import msgspec

LEVELS = ("debug", "info", "warn", "error")
FORMATS = ("text", "json")


class _Json(logging.Formatter):
    """`{"time": …, "level": …, "msg": …}`, as Prometheus writes it with the same flag."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a JSON object, with the traceback if there is one."""
        trace = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        return _line(record.created, record.levelname, record.getMessage() + trace)


def configure(level: str, form: str) -> None:
    """Log from `level` on; of libraries only warnings and errors. If standard error were written into a watched folder,
    each of their debug lines would cause the next.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=max(least, logging.WARNING))
    logging.getLogger("exporter").setLevel(least)
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each block that a client does not wait for
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it logs URLs with their queries


def say(text: str, level: str = "INFO") -> None:
    """Print a line at every level, in the format of the log."""
    handlers = logging.getLogger().handlers
    if handlers and isinstance(handlers[0].formatter, _Json):
        text = _line(datetime.now(UTC).timestamp(), level, text)
    print(text, file=sys.stderr, flush=True)


def _line(seconds: float, level: str, text: str) -> str:
    time = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return msgspec.json.encode({"time": time, "level": level, "msg": text}).decode()
