"""What single requests add to a report of usage: only if they are all that was counted, or a share that fits."""

import time
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from exporter.request_log import latency
from exporter.request_log.latency import KeptLatency
from exporter.usage.kept import Filling
from exporter.usage.moments import shown
from exporter.usage.scope import Scope
from tests.keeping import Keeping

FORMAT = "{json: {time: t, status: s, rpc_method: m, key: key, duration: took, model: model}}"
BEGIN = time.time() // 3600 * 3600 - 7200
END = BEGIN + 3600
STATUSES, PEAK, PEAKS = "breakdown.byStatusCode[].averageLatency", "usage.peakLatency", "timeSeries[].peakLatency"
# Four of five succeed; each takes as many milliseconds as its number.
LINES: list[dict[str, Any]] = [
    {"t": BEGIN + n, "s": 500 if n % 5 == 0 else 200, "m": f"m{n % 3}", "key": "sk-key", "took": n / 1000}
    for n in range(100, 2100)
]


class Filled:
    """A report with `counted` requests that was filled from what is kept."""

    def __init__(self, keeping: Keeping, counted: int, begin: float = BEGIN, end: float = END, **scope: Any) -> None:
        self.rows = [{"statusCode": status, "averageLatency": None} for status in ("200", "500")]
        self.usage: dict[str, Any] = {"totalRequests": counted, "peakLatency": None}
        self.steps: dict[float, dict[str, Any]] = {begin: {"peakLatency": None}}
        self.reasons = {STATUSES: "not by status", PEAK: "not by key", PEAKS: "no steps"}
        keeper = KeptLatency(keeping.log.settings, near=10)
        filling = Filling(keeper, Scope(begin=begin, end=end, **scope), self.reasons)
        lists = {"byStatusCode": self.rows, "byEndpoint": None, "byModel": None}
        filling.fill(self.usage, self.steps, lists, lambda _: begin)
        self.sources = filling.sources

    @property
    def averages(self) -> list[float | None]:
        return [row["averageLatency"] for row in self.rows]  # type: ignore[misc]


def kept(folder: Path, requests: str = "") -> Keeping:
    keeping = Keeping(folder, FORMAT, requests)
    keeping.keep(*LINES)
    keeping.log.close()
    return keeping


def expected(begin: float, end: float) -> list[float]:
    inside = [line for line in LINES if begin <= line["t"] < end]
    return [
        round(fmean(1000 * request["took"] for request in inside if request["s"] == status), 3) for status in (200, 500)
    ]


def test_a_time_that_is_kept_is_filled(tmp_path: Path) -> None:
    """Averages and the slowest, to the microsecond; of requests near the edges any may be counted."""
    keeping = kept(tmp_path)
    whole = Filled(keeping, len(LINES))
    assert whole.averages == expected(BEGIN, END)
    assert whole.usage["peakLatency"] == whole.steps[BEGIN]["peakLatency"] == 2099
    assert whole.reasons == {}
    begin, end = BEGIN + 500, BEGIN + 900
    for counted in (390, 400, 410):
        part = Filled(keeping, counted, begin, end)
        assert (part.averages, part.usage["peakLatency"]) == (expected(begin, end), 899)
    for counted in (389, 411):
        part = Filled(keeping, counted, begin, end)
        assert (part.averages, part.sources) == ([None, None], {})
        assert part.reasons[PEAK] == (
            f"not by key; of {counted} requests that were counted, 400 are kept here: others were counted by another "
            "exporter, or late"
        )


def test_a_time_that_is_kept_in_part_is_not(tmp_path: Path) -> None:
    """The reason says from when on there are requests."""
    part = Filled(kept(tmp_path), len(LINES) + 50, BEGIN - 3600)
    assert part.averages == [None, None]
    since = shown(BEGIN + 100)
    assert part.reasons[STATUSES] == (
        f"not by status; single requests are kept here for a part of this time only: from {since} on"
    )


def test_only_the_scope_counts(tmp_path: Path) -> None:
    """Requests of other keys are not its."""
    keeping = kept(tmp_path)
    [name] = {row["key"] for row in keeping.rows()}
    assert Filled(keeping, len(LINES), keys=(name,)).averages == expected(BEGIN, END)
    assert Filled(keeping, 0, keys=("another",)).averages == [None, None]
    assert Filled(keeping, 0, keys=("another",)).usage["peakLatency"] is None


def test_a_share_of_them_is_an_estimate(tmp_path: Path) -> None:
    """Averages are weighed and said to be estimates; the slowest may be missing. One that is far off is none."""
    keeping = kept(tmp_path, "successes: 0.5")
    share = Filled(keeping, len(LINES))
    assert share.averages[1] == expected(BEGIN, END)[1]
    assert share.averages[0] == pytest.approx(expected(BEGIN, END)[0], rel=0.15)
    assert share.sources == {STATUSES: "single requests that this exporter keeps, a share of them: an estimate"}
    assert share.reasons == {
        place: f"{reason}; only a share of the single requests is kept"
        for place, reason in ((PEAK, "not by key"), (PEAKS, "no steps"))
    }
    assert Filled(keeping, 2 * len(LINES)).averages == [None, None]


def test_a_search_that_takes_too_long_or_fails_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no failure of the report; the reason has no path, as customers read it."""
    keeping = kept(tmp_path)
    monkeypatch.setattr(latency, "_PATIENCE_SECONDS", -1.0)
    monkeypatch.setattr("exporter.request_log.search._STEPS", 1)
    assert Filled(keeping, 1).reasons[PEAK] == "not by key; the search among single requests took too long"
    monkeypatch.undo()
    for path in keeping.folder.glob("*.db"):
        path.write_bytes(path.read_bytes()[:4096] + b"x" * 8192)
    assert Filled(keeping, 1).reasons[PEAK] == "not by key; single requests can't be searched at present"
