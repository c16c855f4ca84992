"""Layouts: whatever families share labels or measures, each series gets what its requests add, and nothing else."""

from pathlib import Path

from tests.counted import Counting, of

CONFIG = """
inputs:
  - path: access.json
    labels: {gateway: eu-1}
    format: {json: {status: s, rpc_method: m, chain: c, key: key, response_bytes: bytes, duration: took}}
identity: {secret_file: secret}
pricing: {credits: {default: 20, eth_call: 26, free_*: 0}}
metrics:
  custom_families:
    gateway_chain_bytes_total: {type: counter, help: No label of callers., labels: [chain], adds: response_bytes}
    gateway_method_bytes_total: {type: counter, help: The key is last., labels: [method, key], adds: response_bytes}
    gateway_size_bytes: {type: histogram, help: Sizes., labels: [chain], adds: response_bytes, buckets: [10, 100]}
    gateway_key_size_bytes: {type: histogram, help: The same sizes., labels: [key], adds: response_bytes, buckets: [50]}
    gateway_method_credits_total: {type: counter, help: No label of callers., labels: [method], adds: credits}
    gateway_failed_total: {type: counter, help: Failures., labels: [status, key], adds: requests, when: type}
"""
EU = ("eu-1",)


def counting(folder: Path) -> Counting:
    (folder / "secret").write_text("a secret of the tests", encoding="utf-8")
    return Counting(folder, CONFIG)


def test_every_series_of_a_measure_gets_all_of_it(tmp_path: Path) -> None:
    """Families that add the same have different labels, in any order; some have none of the caller."""
    first, second = (
        {"s": 200, "m": "call", "c": "eth", "took": 0.1, "key": f"sk-live-000000000000000{n}"} for n in "12"
    )
    counted = counting(tmp_path)
    counted.count(first | {"bytes": 7}, first | {"bytes": 60}, second | {"bytes": 500})
    found = counted.count(second | {"bytes": 1, "s": 503})
    keys = {key for _, _, key, _ in of(found, "gateway_response_bytes_total")}
    assert len(keys) == 2
    assert of(found, "gateway_chain_bytes_total") == {("eth", *EU): 568}
    assert sorted(of(found, "gateway_response_bytes_total").values()) == [67, 501]
    by_method = of(found, "gateway_method_bytes_total")
    assert sorted(by_method.values()) == [67, 501]
    assert by_method.keys() == {(*EU, key, "call") for key in keys}
    assert of(found, "gateway_size_bytes_bucket") == {
        ("eth", *EU, "10.0"): 2,
        ("eth", *EU, "100.0"): 3,
        ("eth", *EU, "+Inf"): 4,
    }
    assert sorted(of(found, "gateway_key_size_bytes_sum").values()) == [67, 501]
    failed = of(found, "gateway_failed_total")
    assert [(labels[2], value) for labels, value in failed.items()] == [("503", 1)]
    assert failed.keys() <= {(*EU, key, "503") for key in keys}


def test_each_call_of_a_batch_counts_with_its_own_credits(tmp_path: Path) -> None:
    """Also one that is called twice, one that is free, and the batch itself, which is no call. Whether or not a family
    has the key as well.
    """
    batch = {"s": 200, "m": "eth_call,free_call,eth_call,other", "c": "eth", "key": "sk-live-0000000000000001"}
    found = counting(tmp_path).count(batch, batch)
    calls = {labels[3]: value for labels, value in of(found, "gateway_calls_total").items()}
    assert calls == {"eth_call": 4, "free_call": 2, "other": 2}
    credits = {labels[3]: value for labels, value in of(found, "gateway_credits_total").items()}
    assert credits == {"eth_call": 104, "other": 40}
    assert of(found, "gateway_method_credits_total") == {(*EU, "eth_call"): 104, (*EU, "other"): 40}
    assert {labels[4]: value for labels, value in of(found, "gateway_requests_total").items()} == {"batch": 2}


def test_batches_of_any_calls_have_one_layout(tmp_path: Path) -> None:
    """A function is compiled for each layout, and kept: a client must not be able to make more of them."""
    counted = counting(tmp_path)
    calls = [",".join(["eth_call", "other", "eth_call", *("call" for _ in range(n))]) for n in range(20)]
    counted.count(*({"s": 200, "m": methods, "key": "sk-live-0000000000000001"} for methods in calls))
    kinds = counted.meter._cells._kinds
    assert (len(kinds._kinds), len(kinds._layouts._known)) == (20, 1)
