"""Recorder: the requests of one input → rows of the request log.

The hot loop hands over a tuple of raw values for each line that it has counted (`statements`). They become rows in
batches: what requests share is decided once for each combination and file, as cells are.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import repeat
from random import random
from typing import Any

import msgspec

from exporter.formats.codegen import compile_function
from exporter.formats.row_reader import ROW_WORDS, RowReader
from exporter.formats.values import text
from exporter.memo import Memo
from exporter.model.record import AccessRecord
from exporter.pricing.prices import Pricing, price_at
from exporter.request_log.chain import logged_durations, logged_moments, shown_reasons
from exporter.request_log.day_file import NO_REQUEST, Batch, DayFile, Kind, Known, Words
from exporter.request_log.fields import MICROSECONDS, NUMBERS, TOKENS
from exporter.request_log.horizon import DAY_SECONDS
from exporter.request_log.log import RequestLog
from exporter.request_log.schema import KIND_COLUMNS
from exporter.request_log.shown import HEX, client_function, request_id
from exporter.requests.attempts import attempt_details
from exporter.requests.enrich import Enricher, route_of

_TIMES = ("attempt_times", "attempt_starts", "attempt_ends")
# With so many requests captured, they become rows.
_MOST_CAPTURED = 2_000
# With more kinds than these known of a file, they are forgotten, and found again by their values.
_MOST_KNOWN = 50_000
_DAY_MS = 1000 * DAY_SECONDS


class Recorder:
    """`captured` are the requests that the loop has counted, until `move`. `labels` are those that the config declares,
    with their fields.
    """

    def __init__(
        self,
        name: str,
        reader: RowReader,
        enricher: Enricher,
        pricing: Pricing,
        log: RequestLog,
        labels: Mapping[str, str],
    ) -> None:
        self._name = name
        self._reader = reader
        self._enricher = enricher
        self._pricing = pricing
        self._log = log
        self._labels = labels
        self.captured: list[tuple[Any, ...]] = []
        self._numbers = [name for name in NUMBERS if name in reader.measures]
        self._groups = {name: group for name in (*ROW_WORDS, "attempt_reasons") if (group := reader.group(name))}
        self._raws = {name: reader.raw(name) for name in ("client", "request_id", *_TIMES)}
        self._raws |= {name: group.expression for name, group in self._groups.items()}
        self._client = client_function(log.settings.client)
        self._hides_networks = log.settings.client == "none"
        self._known = 0
        # Whether a line of these raw values is a request, for rows that can't be kept.
        self._are_requests = Memo(self._is_request)
        self._columns = self._used_columns()
        self._rows = self._compile()

    def _used_columns(self) -> tuple[str, ...]:
        """The columns of `request` that rows of this input may have values for."""
        own = [name for name in self._raws if self._has(name) and name not in _TIMES]
        times = ["attempt_times"] if any(self._has(name) for name in _TIMES) else []
        cost = ["cost"] if "cost" not in self._numbers and self._pricing.priced else []
        return ("id", "time", "kind", "origin", *own, *times, *self._numbers, *cost)

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
        times = self._times(captured, now)
        days = sorted({at // _DAY_MS for at in (min(times), max(times))})
        if len(days) == 1:
            self._add(days[0], captured, times, now)
            return
        groups: dict[int, tuple[list[Any], list[int]]] = {}
        for one, at in zip(captured, times, strict=True):
            rows, at_times = groups.setdefault(at // _DAY_MS, ([], []))
            rows.append(one)
            at_times.append(at)
        for day, (rows, at_times) in sorted(groups.items()):
            self._add(day, rows, at_times, now)

    def _times(self, captured: list[tuple[Any, ...]], now: float) -> list[int]:
        """The times of requests in milliseconds; now, if one has none, or one of a day that is still to come. It is the
        log's time also where it is ahead of the clock: that may be behind.
        """
        seconds, scale = self._reader.seconds_since_epoch, self._reader.time_scale
        latest = (self._log.horizon.days(now).last + 1) * DAY_SECONDS
        at_once, longest = int(now * 1000), 1e11 / scale
        times = []
        for one in captured:
            raw = one[0]
            at = raw * scale if raw.__class__ is float and 0.0 < raw < longest else seconds(raw)
            times.append(int(at * 1000) if at is not None and at < latest else at_once)
        return times

    def _add(self, day: int, captured: list[tuple[Any, ...]], times: list[int], now: float) -> None:
        """Add requests of one day to its file."""
        is_old = day < self._log.horizon.days(now).first
        file = None if is_old else self._log.file(day)
        if file is None:
            result = "old" if is_old else "dropped"
            self._log.count(result, sum(self._are_requests[one[2], one[3]] for one in captured))
            return
        known = file.known.get(self)
        if known is None or self._known >= _MOST_KNOWN:
            self._known = 0
            known = file.known[self] = self._nothing_known(file)
        rows, left_out = self._rows(
            captured, times, known, self._log.next_id, lambda *raws: self._miss(file, known, *raws)
        )
        if rows:
            self._log.add(day, Batch(self._columns, rows))
        self._log.count("sampled", left_out)

    def _nothing_known(self, file: DayFile) -> Known:
        shown: dict[str, Callable[[Any], str]] = {
            "origin": (lambda origin: "" if "/" in origin else origin) if self._hides_networks else str,
            "client": lambda raw: self._client(text(raw)),
            **{name: partial(self._word, name) for name in self._groups},
        }
        return Known({}, {name: Words(one, file.word) for name, one in shown.items()})

    def _word(self, name: str, raw: Any) -> str:
        """The word that is shown for the raw value of a group."""
        word = self._groups[name].read(raw).get(name, "")
        return shown_reasons(word) if name == "attempt_reasons" else self._enricher.label(word)

    def _compile(self) -> Callable[..., tuple[list[tuple[Any, ...]], int]]:
        """The function from captured requests to rows, and the number of those left out. Generated, as it runs for
        each request: one expression for each column that the input has.
        """
        more = [name for name in self._raws if self._has(name)]
        shown = {
            "id": "next_id()",
            "time": "at",
            "kind": "kind.id",
            "origin": "origin_words[origin] if origin else None",
            **{name: f"{name}_words[{name}]" for name in ("client", *self._groups)},
            # Most ids are hexadecimal, which one look in C shows.
            "request_id": "request_id if request_id.__class__ is str and is_hex(request_id) else shown_id(request_id)",
            "attempt_times": self._logged_times(),
            **{name: f"{name} if {name} >= 0 else None" for name in self._numbers},
            **{name: f"int({name} * 1e6 + 0.5) if {name} >= 0 else None" for name in MICROSECONDS},
        }
        shown.setdefault("cost", "None")
        captured = ", ".join(("raw", "origin", "request_key", "caller_key", *more, *self._numbers))
        lines = [
            "rows, left_out = [], 0",
            "kinds, words = known.kinds, known.words",
            *(f"{name}_words = words[{name!r}]" for name in ("origin", "client", *self._groups)),
            f"for ({captured},), at in zip(captured, times):",
            "  try:",
            "    kind = kinds[request_key][caller_key]",
            "  except KeyError:",
            "    kind = miss(request_key, caller_key)",
            "  if kind.share < 1.0 and random() >= kind.share:",
            "    left_out += kind.share >= 0.0",
            "    continue",
            f"  row = ({', '.join(shown[column] for column in self._columns)},)",
            "  rows.append(mended(kind, row) if kind.special else row)",
            "return rows, left_out",
        ]
        names = {"random": random, "mended": self._mended, "text": text}
        names |= {"is_hex": HEX.fullmatch, "shown_id": request_id, "moments": logged_moments}
        if self._has("attempt_times"):
            names["durations"] = logged_durations(self._reader.scale("attempt_times"))
        return compile_function("rows", "captured, times, known, next_id, miss", lines, names)

    # --- what requests share

    def _logged_times(self) -> str:
        """The expression for the column of times."""
        moments = [name if self._has(name) else "''" for name in ("attempt_starts", "attempt_ends")]
        code = f"moments({', '.join(moments)})" if moments != ["''", "''"] else "None"
        if not self._has("attempt_times"):
            return code
        durations = "text" if self._reader.scale("attempt_times") == 1.0 else "durations"
        return f"({durations}(attempt_times) or {code} if attempt_times else {code})"

    def _is_request(self, raws: tuple[Any, Any]) -> bool:
        record = self._enricher.record(self._reader.fields(raws))
        return not (record.ignored or record.rejected) and record.requests > 0

    def _miss(self, file: DayFile, known: Known, request_key: Any, caller_key: Any) -> Kind:
        """The kind of raw values that are new."""
        kind = self._kind(file, request_key, caller_key)
        known.kinds.setdefault(request_key, {})[caller_key] = kind
        self._known += 1
        return kind

    def _kind(self, file: DayFile, request_key: Any, caller_key: Any) -> Kind:
        fields = self._reader.fields((request_key, caller_key))
        record = self._enricher.record(fields)
        if fields is None or record.ignored or record.rejected or not record.requests:
            return NO_REQUEST
        quote = self._pricing.quote(record)
        settings = self._log.settings
        return Kind(
            file.kind(self._values(record, fields, quote.unbilled)),
            settings.failures if record.error_type else settings.successes,
            bool(quote.prices) or quote.unbilled or record.cached,
            quote.prices,
            quote.unbilled,
            record.cached,
        )

    def _values(self, record: AccessRecord, fields: dict[str, Any], unbilled: bool) -> tuple[Any, ...]:
        """The values of KIND_COLUMNS."""
        details, steps = attempt_details(fields, record), self._enricher.steps(fields)
        values = {
            "input": self._name,
            "class": record.class_,
            "route": route_of(fields),
            "attempts": msgspec.json.encode(details).decode() if details else None,
            "steps": msgspec.json.encode(steps).decode() if steps else None,
            "unbilled": int(unbilled),
            "cached": int(record.cached),
            "currency": self._pricing.currency,
            "timed": int(record.timed),
            "labels": self._declared(fields),
        }
        return tuple(
            values[name] if name in values else (getattr(record, name) if getattr(record, name) != "" else None)
            for name in KIND_COLUMNS
        )

    def _declared(self, fields: dict[str, Any]) -> str | None:
        """The labels that the config declares, as JSON."""
        values = {name: self._enricher.label(fields.get(field, "")) for name, field in self._labels.items()}
        found = {name: value for name, value in values.items() if value}
        return msgspec.json.encode(found).decode() if found else None

    def _mended(self, kind: Kind, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row whose numbers depend on its kind: a cached answer has no tokens, an unbilled one no cost; a cost that
        the log does not have is computed from prices, as the counters have it.
        """
        values = dict(zip(self._columns, row, strict=True))
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
