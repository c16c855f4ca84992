"""The texts of all alerts as Prometheus renders them: counts are whole, and agree with their nouns."""

import re
import subprocess

import pytest
import yaml

from tests.alerts.built import ALERTS
from tests.real.gateways import program

# One, what an extrapolated rate makes of one and of eight, shares, and millions.
VALUES = (1, 1.04, 7.936, 0.4999, 1234567.8)
# Of GatewayManyKeys and GatewayFleetSecretsDiffer, which count what is there.
COUNTS = (2, 11, 5000)
_LABELS = {
    **{"key": "k-1", "name": "Acme", "owner": "acme", "unit": "requests", "window": "1d", "chain": "eth"},
    **{"method": "eth_call", "provider": "azure", "model": "m-x", "currency": "USD", "instance": "a:1", "input": "in"},
    **{
        "family": "f",
        "label": "method",
        "reason": "copytruncate",
        "field": "duration",
        "rule_group": "r",
        "range": "1h",
    },
}
_TEXT = re.compile(r'\b(?:summary|description|customer_advice)="((?:[^"\\]|\\.)*)"')
_ONE_OF_MANY = re.compile(r"(?<![\w.,:-])1 (?!days?\b)[a-z]+s\b")
# Of money, times and shares there may be parts; `14.4 times what is allowed` is of the config.
_PART_OF_ONE = re.compile(
    r"\d\.\d+ (?:exporters?|evaluations?|requests?|records?|keys?|origins?|calls?|times?(?! what)|of its|of the)\b"
)
_BROKEN = re.compile(r"<error|error executing|<no value>|NaN|%!|\d{8}|e\+\d+(?![\d%])")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The texts of each alert for each value, by promtool: what it got where nothing was expected."""
    folder = tmp_path_factory.mktemp("texts")
    labels = "vector({})"
    for label, text in _LABELS.items():
        labels = f'label_replace({labels}, "{label}", "{text}", "", "")'
    made, tests = [], []
    given = [(rule, value) for rule in ALERTS for value in (COUNTS if "{{ $value }}" in str(rule) else VALUES)]
    for n, (rule, value) in enumerate(given):
        texts = {name: text for name, text in rule["annotations"].items() if not name.endswith("_url")}
        made.append({"alert": f"A{n}", "expr": labels.format(value), "annotations": texts})
        tests.append({"eval_time": "1m", "alertname": f"A{n}", "exp_alerts": []})
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": made}]}), encoding="utf-8")
    test = {"rule_files": ["rules.yml"], "tests": [{"interval": "1m", "alert_rule_test": tests}]}
    (folder / "test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    done = subprocess.run(
        [program("promtool"), "test", "rules", f"{folder}/test.yml"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    found = _TEXT.findall(done.stdout + done.stderr)
    assert len(found) == sum(3 if "customer_advice" in rule["annotations"] else 2 for rule, _ in given), done.stderr
    return found


def test_no_text_has_one_of_many_or_a_part_of_one(rendered: list[str]) -> None:
    """Such as 1 exporters, or 7.936 evaluations."""
    assert [text for text in rendered if _ONE_OF_MANY.search(text) or _PART_OF_ONE.search(text)] == []


def test_use_of_many_times_a_limit_is_no_percentage(rendered: list[str]) -> None:
    """Prometheus would write 1.235e+08%."""
    of_limits = [text for text in rendered if "limit of requests" in text or " limit: " in text]
    assert len(of_limits) > len(VALUES)
    assert [text for text in of_limits if re.search(r"\d{4}%|e\+", text)] == []


def test_no_text_has_a_template_that_failed_or_a_number_no_one_reads(rendered: list[str]) -> None:
    """Nor the name of a label that was not there, nor eight digits."""
    assert [text for text in rendered if _BROKEN.search(text)] == []
