"""Recorder: the requests of one input → rows of the request log.

The hot loop hands over a tuple of raw values for each line that it has counted (`statements`). They become rows in
batches: what requests share is decided once for each combination and file, as cells are.
"""

from collections.abc import Callable
from functools import partial
from itertools import repeat
from random import random
from typing import Any

from exporter.formats.codegen import compile_function
from exporter.formats.row_reader import ROW_WORDS, RowReader
from exporter.formats.values import text
from exporter.memo import Memo
from exporter.pricing.price import price_at
from exporter.pricing.pricing import Pricing
from exporter.request_log.chain import logged_durations, logged_moments, shown_reasons
from exporter.request_log.day_file import Batch, DayFile, Kind, Known, Words
from exporter.request_log.fields import MICROSECONDS, NUMBERS, TOKENS
from exporter.request_log.horizon import DAY_MS, DAY_SECONDS
from exporter.request_log.kinds import Kinds
from exporter.request_log.log import RequestLog
from exporter.request_log.shown import HEX, client_function, request_id

_TIMES = ("attempt_times", "attempt_starts", "attempt_ends")
# With so many requests captured, they become rows.
_MOST_CAPTURED = 500
# With more kinds than these known of a file, they are forgotten, and found again by their values.
_MOST_KNOWN = 50_000


class Recorder:
    """`captured` are the requests that the loop has counted, until `move`. `label` is how a word is shown."""

    def __init__(
        self, kinds: Kinds, reader: RowReader, label: Callable[[str], str], pricing: Pricing, log: RequestLog
    ) -> None:
        self._kinds = kinds
        self._reader = reader
        self._label = label
        self._pricing = pricing
        self._log = log
        self.captured: list[tuple[Any, ...]] = []
        self._numbers = [name for name in NUMBERS if name in reader.measures]
        self._groups = {name: group for name in (*ROW_WORDS, "attempt_reasons") if (group := reader.group(name))}
        self._raws = {name: reader.raw(name) for name in ("client", "request_id", *_TIMES)}
        self._raws |= {name: group.expression for name, group in self._groups.items()}
        self._client = client_function(log.settings.client)
        self._hides_networks = log.settings.client == "none"
        self._known = 0
        self._are_requests = Memo(self._kinds.is_request)
        self._columns = self._used_columns()
        self._rows = self._compile()

    def _used_columns(self) -> tuple[str, ...]:
        """The columns of `request` that rows of this input may have values for."""
        own = [name for name in self._raws if self._has(name) and name not in _TIMES]
        times = ["attempt_times"] if any(self._has(name) for name in _TIMES) else []
        cost = ["cost"] if "cost" not in self._numbers and self._pricing.priced else []
        return ("time", "kind", "origin", *own, *times, *self._numbers, *cost)

    def _has(self, name: str) -> bool:
        return self._raws[name] != "None" and not (name == "client" and self._log.settings.client == "none")

    # --- the hot loop

    @property
    def statements(self) -> list[str]:
        """Code of the loop that reads what nothing else needs; it may raise, and comes before anything is counted."""
        return [f"{name} = {code}" for name, code in self._raws.items() if self._has(name)]

    def capture(self, time: str, origin: str) -> str:
        """Code of the loop that hands a row over, once it is counted. `time` and `origin` are expressions."""
        more = [name for name in self._raws if self._has(name)]
        return f"record(({', '.join((time, origin, 'request_key', 'caller_key', *more, *self._numbers))},))"

    # --- in batches

    @property
    def has_many(self) -> bool:
        """Whether it is time to `move` what was captured."""
        return len(self.captured) >= _MOST_CAPTURED

    def move(self, now: float) -> None:
        """Make rows of what was captured. `now` is in epoch seconds."""
        if not self.captured:
            return
        captured = self.captured[:]
        self.captured.clear()
        try:
            self._move(captured, now)
        except Exception:
            self._log.count("dropped", len(captured))
            raise

    def _move(self, captured: list[tuple[Any, ...]], now: float) -> None:
        milliseconds = self._milliseconds(now)
        others = self._add(milliseconds(captured[0][0]) // DAY_MS, captured, milliseconds, now)
        days: dict[int, list[tuple[Any, ...]]] = {}
        for row in others:
            days.setdefault(milliseconds(row[0]) // DAY_MS, []).append(row)
        for day, of_day in sorted(days.items()):
            self._add(day, of_day, milliseconds, now)

    def _milliseconds(self, now: float) -> Callable[[Any], int]:
        """The function from the raw time of a request to its time; now, if it has none, or one of a day that is still
        to come. It is the log's time also where it is ahead of the clock: that may be behind.
        """
        seconds = self._reader.seconds_since_epoch
        latest, at_once = (self._log.horizon.days(now).last + 1) * DAY_SECONDS, int(now * 1000)

        def milliseconds(raw: Any) -> int:
            at = seconds(raw)
            return int(at * 1000 + 0.5) if at is not None and at < latest else at_once

        return milliseconds

    def _add(
        self, day: int, captured: list[tuple[Any, ...]], milliseconds: Callable[[Any], int], now: float
    ) -> list[tuple[Any, ...]]:
        """Add requests of one day to its file; returns those of other days."""
        is_old = day < self._log.horizon.days(now).first
        file = None if is_old else self._log.file(day)
        if file is None:
            result = "old" if is_old else "dropped"
            others = [row for row in captured if milliseconds(row[0]) // DAY_MS != day]
            left = {id(row) for row in others}
            self._log.count(result, sum(self._are_requests[row[2], row[3]] for row in captured if id(row) not in left))
            return others
        known = file.known.get(self)
        if known is None or self._known >= _MOST_KNOWN:
            self._known = 0
            known = file.known[self] = self._nothing_known(file)
        begin, end = day * DAY_MS, (day + 1) * DAY_MS
        values, left_out, others = self._rows(
            captured, begin, end, milliseconds, known, lambda *raws: self._miss(file, known, *raws)
        )
        if values:
            self._log.add(day, Batch(self._columns, values))
        self._log.count("sampled", left_out)
        return others

    def _nothing_known(self, file: DayFile) -> Known:
        shown: dict[str, Callable[[Any], str]] = {
            "origin": (lambda origin: "" if "/" in origin else origin) if self._hides_networks else str,
            "client": lambda raw: self._client(text(raw)),
            **{name: partial(self._word, name) for name in self._groups},
        }
        return Known({}, {name: Words(words, file.word) for name, words in shown.items()})

    def _word(self, name: str, raw: Any) -> str:
        """The word that is shown for the raw value of a group."""
        word = self._groups[name].read(raw).get(name, "")
        return shown_reasons(word) if name == "attempt_reasons" else self._label(word)

    def _compile(self) -> Callable[..., tuple[list[Any], int, list[tuple[Any, ...]]]]:
        """The function from captured requests to the values of their rows, the number of those left out, and those of
        other days. Generated, as it runs for each request: one expression for each column that the input has.
        """
        more = [name for name in self._raws if self._has(name)]
        shown = {
            "time": "at",
            "kind": "kind",
            "origin": "origin_words[origin] if origin else None",
            **{name: f"{name}_words[{name}]" for name in ("client", *self._groups)},
            # Most ids are hexadecimal, which one look in C shows.
            "request_id": "request_id if request_id.__class__ is str and is_hex(request_id) else shown_id(request_id)",
            "attempt_times": self._logged_times(),
            **{name: f"{name} if {name} >= 0.0 else None" for name in self._numbers},
            **{name: f"int({name} * 1e6 + 0.5) if {name} >= 0.0 else None" for name in MICROSECONDS},
        }
        shown.setdefault("cost", "None")
        captured = ", ".join(("raw", "origin", "request_key", "caller_key", *more, *self._numbers))
        row = f"({', '.join(shown[column] for column in self._columns)},)"
        scale = self._reader.time_scale * 1000
        lines = [
            "values, left_out, others = [], 0, []",
            "kinds, words = known.kinds, known.words",
            *(f"{name}_words = words[{name!r}]" for name in ("origin", "client", *self._groups)),
            f"first, last = begin / {scale!r}, (end - 1) / {scale!r}",
            "for one in captured:",
            f"  {captured}, = one",
            "  if raw.__class__ is float and first <= raw < last:",
            f"    at = int(raw * {scale!r} + 0.5)",
            "  elif not begin <= (at := milliseconds(raw)) < end:",
            "    others.append(one)",
            "    continue",
            "  try:",
            "    kind = kinds[request_key][caller_key]",
            "  except KeyError:",
            "    kind = miss(request_key, caller_key)",
            "  if kind.__class__ is int:",
            f"    values += {row}",
            "  elif kind.share < 1.0 and random() >= kind.share:",
            "    left_out += kind.share >= 0.0",
            "  else:",
            f"    values += mended(kind, {row})",
            "return values, left_out, others",
        ]
        names = {"random": random, "mended": self._mended}
        names |= {"is_hex": HEX.fullmatch, "shown_id": request_id, "moments": logged_moments}
        if self._has("attempt_times"):
            names["durations"] = logged_durations(self._reader.scale("attempt_times"))
        return compile_function("rows", "captured, begin, end, milliseconds, known, miss", lines, names)

    # --- what requests share

    def _logged_times(self) -> str:
        """The expression for the column of times."""
        moments = [name if self._has(name) else "''" for name in ("attempt_starts", "attempt_ends")]
        code = f"moments({', '.join(moments)})" if moments != ["''", "''"] else "None"
        if not self._has("attempt_times"):
            return code
        return f"(durations(attempt_times) or {code} if attempt_times else {code})"

    def _miss(self, file: DayFile, known: Known, request_key: Any, caller_key: Any) -> Kind | int:
        """The kind of raw values that are new."""
        kind = self._kinds.kind(file, request_key, caller_key)
        found = kind if kind.special or kind.share < 1.0 else kind.id
        known.kinds.setdefault(request_key, {})[caller_key] = found
        self._known += 1
        return found

    def _mended(self, kind: Kind, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row whose numbers depend on its kind: a cached answer has no tokens, an unbilled one no cost; a cost that
        the log does not have is computed from prices, as the counters have it.
        """
        values = dict(zip(self._columns, row, strict=True)) | {"kind": kind.id}
        if kind.cached:
            values |= zip((name for name in TOKENS if name in values), repeat(None))
        if kind.cached or kind.unbilled:
            values["cost"] = None
        if values.get("cost") is None and (price := price_at(kind.prices, values["time"] / 1000)):
            values["cost"] = price.request + sum(rate * (values.get(measure) or 0) for measure, rate in price.rates)
        return tuple(values[name] for name in self._columns)

    def forget(self) -> None:
        """Forget what raw values mean: keys may have changed."""
        self._log.forget()
        self._are_requests.clear()
        self._known = 0
