"""The log's own clock: when keys were used, when the last record was, which minute a slow request was in."""

import time
from pathlib import Path

from tests.counted import Counting, of

CONFIG = "inputs: [{path: a.log, format: nginx-json, name: edge}]\n"
LINE = {"status": 200, "rpc_method": "m", "api_key": "k", "request_time": 9.0}
LAST_USED = "gateway_key_last_used_timestamp_seconds"
SLOWEST = "gateway_request_duration_max_seconds"


def test_a_time_ahead_of_the_wall_clock_was_now(tmp_path: Path) -> None:
    """One line of a machine whose clock was wrong hides neither silence nor a key's last use, and goes from the
    slowest request as any other does.
    """
    counted = Counting(tmp_path, CONFIG)
    before = time.time()
    found = counted.count(LINE | {"msec": before + 86400})
    now = time.time()
    (used,) = of(found, LAST_USED).values()
    assert before <= used <= now
    assert counted.meter.last_time is not None
    assert before <= counted.meter.last_time <= now
    slowest, minute = counted.assembly.shared.slowest, int(now // 60)
    slowest.show(minute)
    assert [*of(counted.samples(), SLOWEST).values()] == [9]
    slowest.show(minute + 2)
    assert of(counted.samples(), SLOWEST) == {}
