"""Whatever is fed to it, the exporter stays within its bounds. `make prove` does the same with a million values."""

from pathlib import Path

from tests.prove.prove_bounded import prove_bounded


def test_random_values_in_every_label_stay_within_budgets_and_memory(tmp_path: Path) -> None:
    """Each label has as many values as its budget and one for the rest; every sum is whole."""
    outcome = prove_bounded(tmp_path, 100_000)
    assert outcome.failures == []
    assert outcome.values == {
        "key": 2001,
        "method": 301,
        "chain": 101,
        "model": 201,
        "provider": 101,
        "origin": 2000 + 51,  # each key has one, those that are unknown together 50 and the rest
    }
    assert outcome.overflow > 0


def test_each_family_stays_within_its_cap(tmp_path: Path) -> None:
    """Though the budgets would allow more: what is past it shares one series, and every sum is whole."""
    outcome = prove_bounded(tmp_path, 5_000, max_series=100)
    assert outcome.failures == []
    assert outcome.series["gateway_requests_total"] == 101
    assert outcome.series["gateway_origin_requests_total"] == 101
