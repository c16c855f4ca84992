"""Alertmanager's own judgement: the config is valid, each alert finds its receivers, and messages read well."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from alerts.build import files
from exporter.generated_files import write
from tests.alerts.built import ALERTS, GENERATED, config
from tests.real.gateways import program

CONFIG = yaml.safe_load((GENERATED / "alertmanager.yml").read_text(encoding="utf-8"))
GOLDEN = Path(__file__).parent / "notifications"


def amtool(*arguments: str) -> str:
    """Run amtool; what it said. AssertionError where it was not content."""
    done = subprocess.run([program("amtool"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("section", ["{}", "{scope_labels: [env]}"])
def test_alertmanager_takes_the_config(tmp_path: Path, section: str) -> None:
    """Also the one of a user who has named no receiver yet: nobody is told, and nothing breaks."""
    write(files(config(tmp_path, section)), tmp_path)
    assert "1 receivers" in amtool("check-config", f"{tmp_path}/alertmanager.yml")


def test_alertmanager_takes_every_channel_and_finds_the_templates() -> None:
    """The committed config, which has webhook, Slack, e-mail and PagerDuty."""
    said = amtool("check-config", str(GENERATED / "alertmanager.yml"))
    assert "7 receivers" in said
    assert "1 templates" in said


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=GatewayWatchdog severity=info component=exporter category=exporter", "deadman"),
        ("alertname=GatewayExporterDown severity=warning component=exporter category=exporter", "operators"),
        ("alertname=GatewayExporterAbsent severity=critical component=exporter category=exporter", "oncall,operators"),
        ("alertname=GatewaySpendAnomaly severity=warning component=key category=cost owner=beta", "finance"),
        ("alertname=GatewayLimitNear severity=critical component=key category=quota owner=beta", "oncall,finance"),
        ("alertname=GatewayLimitNear severity=critical component=key category=quota owner=acme", "acme,oncall,finance"),
        ("alertname=GatewayKeyExpiring severity=warning component=key category=keys owner=acme", "acme,team"),
        ("alertname=GatewayAvailabilityBurn severity=critical component=gateway category=errors", "oncall"),
        ("alertname=GatewayMethodSlow severity=warning component=gateway category=latency", "team"),
        ("alertname=GatewayKeyUnused severity=info component=key category=keys", "team"),
        ("alertname=SomethingElse severity=warning", "team"),
    ],
)
def test_an_alert_finds_its_receivers(labels: str, receivers: str) -> None:
    """By what it is about, then by how bad it is; a key's owner is told besides."""
    told = amtool(
        "config", "routes", "test", "--config.file", str(GENERATED / "alertmanager.yml"),
        f"--verify.receivers={receivers}", *labels.split(),
    )  # fmt: skip
    assert told.strip() == receivers


def test_a_critical_silences_its_own_warning_only() -> None:
    """All labels that tell two matters apart are compared: Alertmanager takes labels that both lack for equal."""
    critical = CONFIG["inhibit_rules"][0]
    assert critical["source_matchers"] == ['severity="critical"']
    assert critical["target_matchers"] == ['severity="warning"']
    apart = {
        "alertname",
        "key",
        "unit",
        "window",
        "chain",
        "method",
        "provider",
        "model",
        "gateway",
        "instance",
        "input",
    }
    assert apart <= set(critical["equal"])
    assert "about" in critical["equal"]
    own = {label for rule in ALERTS for label in rule["labels"]} - {"severity", "component", "category", "range"}
    assert own <= set(critical["equal"])


def test_scope_labels_group_and_tell_apart(tmp_path: Path) -> None:
    """Production and staging are two matters."""
    made = yaml.safe_load(files(config(tmp_path, "{scope_labels: [env]}"))["alertmanager.yml"])
    assert made["route"]["group_by"] == ["alertname", "severity", "env"]
    assert all("env" in rule["equal"] for rule in made["inhibit_rules"][:2])


def test_secrets_stand_in_files_only() -> None:
    """No key, URL of Slack or password is in the config that gets committed somewhere."""
    text = (GENERATED / "alertmanager.yml").read_text(encoding="utf-8")
    assert not [word for word in ("routing_key:", "api_url:", "password:", "credentials:") if word in text]


@pytest.mark.parametrize("state", ["firing", "two_firing", "many", "resolved"])
@pytest.mark.parametrize("part", ["title", "text", "link"])
@pytest.mark.parametrize("reader", ["gateway", "customer"])
def test_messages_read_well(state: str, part: str, reader: str) -> None:
    """Each template on a fixture, word for word. `check-config` would not notice that one is missing."""
    told = amtool(
        "template", "render", f"--template.glob={GENERATED}/gateway.tmpl", f"--template.data={GOLDEN}/{state}.json",
        f'--template.text={{{{ template "{reader}.{part}" . }}}}',
    )  # fmt: skip
    assert told.rstrip("\n") == (GOLDEN / f"{state}.{'' if reader == 'gateway' else 'customer_'}{part}.txt").read_text(
        encoding="utf-8"
    ).rstrip("\n")


def test_every_template_that_a_receiver_names_is_rendered_here() -> None:
    """So that none is missing."""
    named = set(json.dumps(CONFIG["receivers"]).split('template \\"gateway.'))
    assert {text.partition('\\"')[0] for text in named if not text.startswith("[")} == {"title", "text", "link"}


def test_a_page_is_as_long_as_its_text() -> None:
    """Alertmanager adds every label and annotation of every alert to a page's details, unless they are given."""
    oncall = next(receiver for receiver in CONFIG["receivers"] if receiver["name"] == "oncall")
    details = oncall["pagerduty_configs"][0]["details"]
    assert details == {"text": '{{ template "gateway.text" . }}', "firing": "", "resolved": ""}


def test_an_owner_s_receiver_has_texts_for_customers() -> None:
    """No internal link; only alerts that an owner can act on, and a message for each key."""
    acme = next(receiver for receiver in CONFIG["receivers"] if receiver["name"] == "acme")
    assert "gateway." not in json.dumps(acme)
    assert "customer.text" in acme["email_configs"][0]["text"]
    route = next(route for route in CONFIG["route"]["routes"] if route["receiver"] == "acme")
    assert route["group_by"] == ["alertname", "severity", "key"]
    told = amtool(
        "config", "routes", "test", "--config.file", str(GENERATED / "alertmanager.yml"),
        "alertname=GatewayExpiredKeyInUse", "severity=critical", "category=keys", "owner=acme",
    )  # fmt: skip
    assert told.strip() == "oncall"


def test_what_reports_the_whole_silences_its_parts_but_not_the_owners_alerts() -> None:
    """Alertmanager can't silence for one receiver only, so alerts of owners that have one are never silenced."""
    rules = {json.dumps(rule["source_matchers"]): rule for rule in CONFIG["inhibit_rules"]}
    many = rules[json.dumps(['alertname="GatewayManyKeys"', 'about="GatewayLimitNear"'])]
    assert many["target_matchers"] == ['alertname="GatewayLimitNear"', 'owner!~"acme"']
    assert many["equal"] == ["severity"]
    outage = rules[json.dumps(['alertname=~"GatewaySuccessRateLow"'])]
    assert outage["target_matchers"][1] == 'owner!~"acme"'
