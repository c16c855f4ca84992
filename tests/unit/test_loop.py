"""The hot loop: it reads what families are fed by, and nothing else."""

from pathlib import Path

import pytest

from tests.counted import Counting, of

CONFIG = """
inputs:
  - {path: access.json, format: {json: {time: t, status: s, key: key, duration: took, response_bytes: bytes}}}
identity: {secret_file: secret}
"""


@pytest.fixture
def counted(tmp_path: Path) -> Counting:
    (tmp_path / "secret").write_text("a secret of the tests", encoding="utf-8")
    return Counting(tmp_path, CONFIG)


def test_it_has_slots_for_what_the_format_has_only(counted: Counting) -> None:
    loop = counted.meter.loop
    assert loop.summed == ["response_bytes"]
    assert {family.adds for family in loop.histograms} == {"duration"}
    assert "output_tokens" not in loop.source


def test_a_number_outside_of_its_range_spoils_no_sum(counted: Counting) -> None:
    """The row counts, its good numbers too; -1 is absent and no mistake."""
    good = {"t": 1, "s": 200, "key": "sk", "took": 0.5, "bytes": 10}
    found = counted.count(good, good | {"bytes": -5}, good | {"bytes": -1}, good | {"took": 1e300})
    assert sum(of(found, "gateway_requests_total").values()) == 4
    assert sum(of(found, "gateway_response_bytes_total").values()) == 20
    assert sum(of(found, "gateway_request_duration_seconds_count").values()) == 3
    assert of(found, "gateway_exporter_implausible_values_total") == {
        ("response_bytes", "access.json"): 1,
        ("duration", "access.json"): 1,
    }
