"""The thread that sends rows, waits while it can't, and tries again. It reads files that the pipeline's thread writes,
and shares nothing else with it: see `Sender`.
"""

import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import uniform

from msgspec.structs import replace

from exporter.errors import place as place_in_code
from exporter.faults import fault
from exporter.keys.identity import KeyEntry
from exporter.request_log.outbox.delivery import MOST_ROWS, Delivered, Delivery
from exporter.request_log.outbox.endpoint import Answer, Endpoint
from exporter.request_log.outbox.place import Place, load, save
from exporter.request_log.outbox.records import Records
from exporter.request_log.outbox.settings import OtlpSettings
from exporter.request_log.outbox.unsent import Row, Unsent

log = logging.getLogger(__name__)

# The first wait after a failure, and the longest; each is twice the one before.
_FIRST_SECONDS, _LONGEST_SECONDS = 1.0, 60.0
# After a stop, what is left is sent for at most this long, until something fails.
LAST_SECONDS = 3.0
# What receivers refuse is logged once in so long.
_QUIET_SECONDS = 600.0


class Sender:
    """Sends the rows up to `upto`, which the pipeline's thread raises with `allow`. `mark` is the last row that the
    state had at the start, None if that is not known: what was sent behind it was deleted. Whatever else is public is
    read only: the `place`, and what it was at the start, once it is read; `taken`, the last row that it has in hand;
    `oldest`, the time of the first of these, in epoch milliseconds; failures by reason; when a request last succeeded,
    in epoch seconds; and `problem`, why nothing is sent now, "" if there is none.
    """

    def __init__(
        self,
        folder: Path,
        settings: OtlpSettings,
        entries: Callable[[], Mapping[str, KeyEntry]],
        mark: int | None,
    ) -> None:
        self.settings = settings
        self.place: Place | None = None
        self.upto = 0
        self.taken: int | None = None
        self.oldest: int | None = None
        self.begun: Place | None = None
        self.failures: Counter[str] = Counter()
        self.succeeded_at = 0.0
        self.problem = ""
        self._folder = folder
        self._entries = entries
        self._mark = mark
        self._unsent = Unsent(folder)
        self._endpoint: Endpoint | None = None
        self._used: OtlpSettings | None = None
        self._records: Records | None = None
        self._delivery = Delivery(self._send)
        # Whether the receiver takes requests without rows, which is asked once for each batch that it refuses.
        self._is_understood = False
        self._wake = threading.Event()
        self._until: float | None = None
        self._closed = False
        self._logged: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)

    # --- from the pipeline's thread

    def start(self) -> None:
        """Begin. Nothing is sent before `allow`."""
        self._thread.start()

    def allow(self, upto: int) -> None:
        """Rows up to this number are in the state now."""
        self.upto = upto
        self._wake.set()

    def configure(self, settings: OtlpSettings) -> None:
        """Go on with other settings, at once."""
        self.settings = settings
        self._wake.set()

    def close(self) -> None:
        """End soon. A request that is under way may still arrive; its rows are then sent again."""
        self._closed = True
        self._wake.set()

    def finish(self) -> None:
        """Send what is left, for LAST_SECONDS at most, and end."""
        self._until = time.monotonic() + LAST_SECONDS
        self._wake.set()
        self._thread.join(LAST_SECONDS)
        self.close()

    # --- the thread

    def _run(self) -> None:
        failures = 0
        while not self._closed:
            try:
                rows = self._next()
                if not rows and self._until is not None:
                    return
                if rows:
                    self._deliver(self._known_place(), rows)
                else:
                    self._wake.wait()
                    self._wake.clear()
                failures = 0
            except (OSError, sqlite3.Error) as error:  # of the files here; the receiver's are answers
                failures += 1
                self._failed("files", f"{self._folder}: rows can't be read or noted as sent: {error}")
                self._pause(failures)
            except Exception as error:
                failures += 1
                self._failed("internal", f"internal error: {place_in_code(error)}")
                self._pause(failures)

    def _next(self) -> list[Row]:
        """The next rows to send."""
        place, upto = self._known_place(), self.upto
        if not upto or place.cursor == upto:
            return []
        if place.cursor > upto:  # the state was another one, or older, and its mark not known
            place.go_back(upto)
            self.taken = upto
            save(self._folder, place)
            return []
        rows = self._unsent.after(place.cursor, upto, self._delivery.most)
        if rows:
            self.oldest, self.taken = rows[0][1], rows[-1][0]
        else:  # they were deleted, or never written
            self.oldest, self.taken, place.cursor = None, upto, upto
            save(self._folder, place)
        return rows

    def _known_place(self) -> Place:
        if not self.place:
            place = load(self._folder)
            if self._mark is not None and place.cursor > self._mark:
                place.go_back(self._mark)
            save(self._folder, place)  # before anything is sent under the name of a new one
            self.begun, self.taken = replace(place), place.cursor
            self.place = place
        return self.place

    def _deliver(self, place: Place, rows: list[Row]) -> None:
        self._set_up()
        if not self._records or self._records.instance != place.instance:
            self._records = Records(place.instance, self.settings.resource, self._entries)
        self._is_understood = False
        for part in self._delivery.deliver(rows, self._records.message):
            self._note(place, part)
        self.taken = place.cursor
        if place.cursor == rows[-1][0]:
            self.oldest = None

    def _note(self, place: Place, part: Delivered) -> None:
        """Remember that rows are done with. After a crash before this they are sent again."""
        fault("after-send")
        if self._closed:
            return
        place.cursor = part.last
        place.sent += part.sent
        place.refused += part.refused
        save(self._folder, place)
        fault("after-place")
        if part.refused:
            self.failures["refused"] += 1
            self._log("refused", f"{part.refused} rows were refused and are not sent again: {part.why or 'no reason'}")

    def _set_up(self) -> None:
        """Connect as the settings are now; the next rows are encoded as they are, too."""
        settings = self.settings
        if settings is not self._used or not self._endpoint:
            if self._endpoint:
                self._endpoint.close()
            self._endpoint = Endpoint(settings.server, settings.certificate)
            self._used, self._records = settings, None
            self._delivery.most = MOST_ROWS

    def _send(self, message: bytes) -> Answer | None:
        """The receiver's answer about rows. Tries again while there is none; None if it is time to end."""
        failures = 0
        while not self._closed:
            self._set_up()
            answer = self._attempt(message)
            if answer.outcome != "failed":
                self._succeeded()
                return answer
            failures += 1
            self._failed(answer.reason, answer.text)
            if self._until is not None:
                self._closed = True
            self._pause(failures, answer.after)
        return None

    def _attempt(self, message: bytes) -> Answer:
        """One request. A receiver that refuses a request without rows, too, is at fault, and not the rows."""
        assert self._endpoint
        answer = self._endpoint.send(message)
        if answer.outcome == "bad" and not self._is_understood:
            if self._endpoint.probe().outcome != "accepted":
                return Answer("failed", "wrong_endpoint", answer.text)
            self._is_understood = True
        return answer

    def _succeeded(self) -> None:
        self.succeeded_at = time.time()
        if self.problem:
            log.warning("requests.otlp: rows are sent again")
            self.problem = ""
            self._logged.clear()

    def _failed(self, reason: str, text: str) -> None:
        self.failures[reason] += 1
        self.problem = text
        self._log(reason, f"{text}; rows wait, and are tried again")

    def _log(self, reason: str, text: str) -> None:
        """Log something, unless the like was logged a short time ago."""
        now = time.monotonic()
        if now - self._logged.get(reason, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._logged[reason] = now
            log.error("requests.otlp: %s", text)

    def _pause(self, failures: int, least: float = 0.0) -> None:
        """Wait after so many failures in turn; at random, so that exporters don't come all at once. New settings, and
        the end, end it.
        """
        longest = min(_FIRST_SECONDS * 2.0 ** min(failures - 1, 20), _LONGEST_SECONDS)
        until = time.monotonic() + least + uniform(longest / 2, longest)
        settings = self.settings
        while not self._closed and self._until is None and settings is self.settings:
            left = until - time.monotonic()
            if left <= 0:
                return
            self._wake.wait(left)
            self._wake.clear()
