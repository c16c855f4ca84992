"""Made-up hours of a fleet, as Prometheus would hold them, and the truth about them.

Exporters are born and lost, move to another address, restart without state and are not scraped for a while; series are
born at zero, expire and are born again. `grown` is what they counted between two moments, as far as scrapes show it.
"""

from collections import defaultdict
from collections.abc import Iterator
from random import Random

from exporter.model.growth import FIRST_START

SCRAPE = 15.0
_IDLE = 3600.0  # a series expires after it
_HELD = 1.1 * SCRAPE
_QUIET = 180.0
JOB = "gateway-exporter"
# When the state began that several exporters have copies of.
_COPIED_SINCE = 1_600_000_000.0

Labels = tuple[tuple[str, str], ...]


class _Series:
    """A counter of one life. `told` is what scrapes have shown of it in all."""

    def __init__(self, now: float) -> None:
        self.count = self.told = self._last = 0
        self.born = self.used = now

    def add(self, amount: int, now: float) -> None:
        if now - self.used >= _IDLE:
            self.count, self.born = 0, now
        self.count += amount
        self.used = now

    def scraped(self, now: float) -> int | None:
        """What a scrape shows; None if the series has expired, with whatever nobody had seen of it."""
        if now - self.used >= _IDLE:
            self._last = 0
            return None
        shown = 0 if now - self.born < _HELD else self.count
        self.told += shown - self._last if shown >= self._last else shown
        self._last = shown
        return shown


class Exporter:
    """One that counts from `begin` to `end`. Not scraped in `gaps`; moves to other addresses at `moves`; loses its
    state at `lost`; has a copy of another's state if it is `copied`. Nothing is logged around `quiet` moments. `logged`
    is when a key sent how many requests.
    """

    def __init__(
        self,
        rng: Random,
        name: str,
        begin: float,
        end: float,
        *,
        keys: str,
        gaps: tuple[tuple[float, float], ...] = (),
        moves: tuple[float, ...] = (),
        lost: tuple[float, ...] = (),
        copied: bool = False,
        seen_from: float = 0.0,
        quiet: tuple[float, ...] = (),
        scrape: float = SCRAPE,
    ) -> None:
        self.logged: list[tuple[float, str, int]] = []
        self._quiet = quiet
        self.lines: list[tuple[float, str]] = []
        # For each key, when a scrape showed what was counted in all.
        self.cumulated: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._rng, self._name, self._keys = rng, name, keys
        self._lives: dict[str, _Series] = {}
        self._begin, self._gaps, self._moves, self._lost = begin, gaps, moves, lost
        self._before: dict[str, int] = {}
        self._start = _COPIED_SINCE if copied else begin
        self._first: float | None = None
        at = begin + rng.uniform(0, scrape)
        last = begin
        while at < end:
            self._count(last, at)
            if at >= seen_from and not any(start <= at < stop for start, stop in gaps):
                self._scrape(round(at, 3))
            last, at = at, at + scrape

    def _count(self, begin: float, end: float) -> None:
        """Each key is busy for a while and then quiet for longer than a series lives."""
        for lost in self._lost:
            if begin <= lost < end:
                self._start = lost
                self._before = {key: seen[-1][1] for key, seen in self.cumulated.items()}
                self._lives.clear()
        for n, key in enumerate(self._keys):
            # By its own time, so that it is the same at every hour of the day: what gaps hide must not come in one.
            busy = (end - self._begin + 977 * n) % (9000 + 1700 * n) < 4000
            if busy and self._rng.random() < 0.4 and not any(abs(at - begin) < _QUIET for at in self._quiet):
                now = self._rng.uniform(begin, end)
                series = self._lives.setdefault(key, _Series(now))
                amount = self._rng.randint(1, 5)
                self.logged.append((now, key, amount))
                series.add(amount, now)

    def _scrape(self, now: float) -> None:
        moved = sum(at <= now for at in self._moves)
        target = f'job="{JOB}",instance="{self._name}-{moved}:1"'
        self.lines.append((now, f"{FIRST_START}{{{target}}} {self._start} {now}\n"))
        for key, series in self._lives.items():
            shown = series.scraped(now)
            if shown is not None:
                labels = f'key="{key}",chain="eth",method="m",protocol="http",status="200",class="business",{target}'
                self.lines.append((now, f"gateway_requests_total{{{labels}}} {shown} {now}\n"))
            self.cumulated[key].append((now, self._before.get(key, 0) + series.told))
        if self._first is None:
            self._first = now

    def grown(self, key: str, begin: float, end: float) -> int:
        """What scrapes up to the end had shown, without what they had up to the begin."""
        seen = self.cumulated[key]
        before = [total for at, total in seen if at <= begin]
        upto = [total for at, total in seen if at <= end]
        if not upto:
            return 0
        # What was counted before anybody looked belongs to the time only if all of its life does.
        found_there = seen[0][0] == self._first and self._begin < begin < seen[0][0]
        return upto[-1] - (before[-1] if before else seen[0][1] if found_there else 0)


class Fleet:
    """Fourteen hours of seven exporters. `begin` and `end` are epoch seconds."""

    def __init__(self, seed: int, begin: float) -> None:
        rng = Random(seed)
        hour = 3600.0
        self.begin, self.end = begin, begin + 14 * hour
        self.exporters = [
            Exporter(rng, "steady", begin - 5000, self.end, keys="abc", seen_from=begin),
            Exporter(
                rng,
                "patchy",
                begin - 100,
                self.end,
                keys="abd",
                seen_from=begin,
                gaps=((begin + 2.2 * hour, begin + 2.9 * hour), (begin + 5.9 * hour, begin + 7.3 * hour)),
            ),
            Exporter(rng, "moving", begin + 600, self.end, keys="ac", moves=(begin + 4.5 * hour, begin + 8.01 * hour)),
            Exporter(rng, "forgetful", begin + 50, self.end, keys="bd", lost=(begin + 3.3 * hour, begin + 3.4 * hour)),
            Exporter(rng, "brief", begin + 5.1 * hour, begin + 5.6 * hour, keys="ad"),
            *(
                Exporter(rng, name, begin - 4000, self.end, keys="ab", seen_from=seen_from, copied=True)
                for name, seen_from in (("image", begin), ("clone", begin + 4.4 * hour))
            ),
        ]

    def openmetrics(self) -> Iterator[str]:
        """All samples, in order of time."""
        for _, line in sorted(line for exporter in self.exporters for line in exporter.lines):
            yield line
        yield "# EOF\n"

    def grown(self, begin: float, end: float) -> dict[str, int]:
        """What each key's requests came to."""
        found = {key: sum(exporter.grown(key, begin, end) for exporter in self.exporters) for key in "abcd"}
        return {key: amount for key, amount in found.items() if amount}
