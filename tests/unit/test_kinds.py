"""Kinds: what a request's fields decide, each label from the field it is named after."""

from pathlib import Path

import pytest

from exporter.counting.admission import Admissions
from exporter.counting.cell import CALLER_LABELS
from exporter.model.catalog import CATALOG
from exporter.model.labels import BUDGETS, LABELS, labels_for
from exporter.model.record import AccessRecord
from tests.counted import Counting

# The labels that any family may have.
ANYWHERE = labels_for("requests")
# A value of its own for each of these: to swap two of them shows.
VALUES = {
    "chain": "polygon",
    "method": "eth_call",
    "protocol": "https",
    "status": "403",
    "type": "blocked",
    "model": "gpt-4o",
    "provider": "second",
    "result": "error",
    "to_provider": "second",
    "requested_model": "claude",
    "billed": "served",
    "reason": "waf",
    "key": "acme",
    "class": "internal",
}
CONFIG = f"""
inputs:
  - path: access.json
    format:
      {{json: {{status: s, rpc_method: m, chain: c, scheme: tls, key: k, model: served, requested_model: asked,
      provider: by, attempts: tried, blocked_reason: why}}}}
identity: {{secret_file: secret}}
keys: keys.yaml
metrics:
  custom_families:
    gateway_everything_total: {{type: counter, help: All labels., adds: requests, labels: [{", ".join(ANYWHERE)}]}}
"""
GOOD = {
    **{"s": "200", "m": "eth_call", "c": "polygon", "tls": "https", "k": "acme", "served": "gpt-4o"},
    **{"asked": "claude", "tried": "first, second"},
}


@pytest.fixture
def counted(tmp_path: Path) -> Counting:
    (tmp_path / "secret").write_text("a secret of the tests", encoding="utf-8")
    (tmp_path / "keys.yaml").write_text("[{id: acme, class: internal}]", encoding="utf-8")
    return Counting(tmp_path, CONFIG)


def test_a_label_that_is_declared_is_allowed_in_families_and_filled_from_its_field(counted: Counting) -> None:
    """The config takes the labels of model/labels.py. One that no field fills is missing here."""
    counted.count(GOOD | {"tried": "first"}, GOOD | {"tried": "second"})
    counted.count(GOOD | {"s": "403", "why": "waf"})
    family = counted.assembly.store.families["gateway_everything_total"]
    refused = [dict(zip(ANYWHERE, labels, strict=False)) for labels in family.series if "403" in labels]
    assert refused == [VALUES]


def test_every_label_of_a_family_of_records_is_one_that_it_may_have() -> None:
    fed = [family for family in CATALOG.values() if family.adds]
    missing = {
        (family.name, label) for family in fed for label in family.labels if label not in labels_for(family.adds)
    }
    assert missing == set()


def test_a_label_has_its_value_from_the_request_the_caller_or_its_family() -> None:
    """Without one of these, no series could be found: `groups_of` raises for a label that has none."""
    without = {name for name, label in LABELS.items() if not label.of}
    assert without - set(CALLER_LABELS) == {"outcome", "from_provider"}


def test_a_label_with_a_budget_has_places_that_survive_a_restart() -> None:
    """Whatever labels have a budget: the places that values have earned are kept."""
    admissions = Admissions(dict.fromkeys(BUDGETS, 1))
    for label in BUDGETS.keys() - {"origin"}:
        admissions.judge(label, f"a {label}", success=True)
    admissions.origin("a key", "an origin", success=True)
    assert {label for label, *_ in admissions.places} == set(BUDGETS)
    later = Admissions(dict.fromkeys(BUDGETS, 1))
    later.restore(admissions.places)
    for label in BUDGETS.keys() - {"origin"}:
        assert later.judge(label, f"a {label}", success=False).value == f"a {label}"
        assert later.judge(label, "another", success=True).overflow
    assert later.used == dict.fromkeys(BUDGETS, (1, 1))


def test_records_that_differ_in_nothing_that_is_counted_are_of_one_kind(counted: Counting) -> None:
    kinds = counted.meter._cells._kinds
    record = AccessRecord(status="200", method="eth_call", calls=("eth_call",), key="a")
    kind, open_ = kinds.resolve(record)
    assert not open_
    assert kinds.resolve(AccessRecord(status="200", method="eth_call", calls=("eth_call",), key="b"))[0] is kind
    assert kinds.resolve(AccessRecord(status="201", method="eth_call", calls=("eth_call",), key="a"))[0] is not kind
