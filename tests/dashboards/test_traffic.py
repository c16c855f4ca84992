"""The logs that the dashboards' tests play: recorded lines, moved to now."""

import pytest

from exporter.formats.spec import FormatSpec
from tests.dashboards.traffic import GOLDEN, RECORDED, Traffic
from tests.unit.reading import Reading

NOW = 1_800_000_000.0


@pytest.mark.parametrize(("log", "name"), RECORDED.items())
def test_a_line_that_is_moved_keeps_its_durations(log: str, name: str) -> None:
    """All times of a line are moved by as much, those of its attempts too: else latency would be hours."""
    spec = FormatSpec(preset=name)
    recorded = Reading(spec, (GOLDEN / name / "access.log").read_bytes()).records
    moved = Reading(spec, "".join(Traffic(1).once(NOW)[log]).encode()).records[: len(recorded)]
    for before, after in zip(recorded, moved, strict=True):
        for field in ("duration", "time_to_first_token", "failover_delay"):
            assert getattr(after, field) == pytest.approx(getattr(before, field), abs=0.002), field
