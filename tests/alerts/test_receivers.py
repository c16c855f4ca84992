"""Receivers of every kind that Alertmanager knows, by the judgement of a current Alertmanager."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.build import files
from alerts.receivers import TEXTS
from exporter.config.notify import KINDS
from exporter.generated_files import write
from tests.alerts.built import ROOT, config
from tests.real.gateways import program

# What `make amtool` built, or Debian's 0.25, which knows less.
CURRENT = next(iter(sorted((ROOT / "build").glob("alertmanager-*/amtool"))), None)
SECRET = "/etc/alertmanager/secrets/one"

RECEIVERS: dict[str, dict[str, Any]] = {
    "discord": {"webhook_url_file": SECRET},
    "email": {"to": "a@b.example"},
    "incidentio": {"url": "https://api.incident.io/v2/alert_events/1", "alert_source_token_file": SECRET},
    "jira": {"api_url": "https://jira.example", "project": "OPS", "issue_type": "Bug"},
    "mattermost": {"webhook_url_file": SECRET},
    "msteams": {"webhook_url_file": SECRET},
    "msteamsv2": {"webhook_url_file": SECRET},
    "opsgenie": {"api_key_file": SECRET, "responders": [{"name": "ops", "type": "team"}]},
    "pagerduty": {"routing_key_file": SECRET},
    "pushover": {"user_key_file": SECRET, "token_file": SECRET},
    "rocketchat": {"channel": "#ops", "token_file": SECRET, "token_id_file": SECRET},
    "slack": {"channel": "#ops", "api_url_file": SECRET},
    "sns": {"topic_arn": "arn:aws:sns:eu-central-1:1:ops", "sigv4": {"region": "eu-central-1"}},
    "telegram": {"bot_token_file": SECRET, "chat_id": -100},
    "victorops": {"api_key_file": SECRET, "routing_key": "ops"},
    "webex": {"room_id": "1", "http_config": {"authorization": {"credentials_file": SECRET}}},
    "webhook": {"url_file": SECRET, "payload": {"msgtype": "text", "text": {"content": "{{ .Status }}"}}},
    "wechat": {"api_secret_file": SECRET, "corp_id": "1", "to_party": "1"},
}
# Kinds, or fields of them such as `url_file`, that Debian's does not know.
SINCE_0_26 = {
    *("discord", "incidentio", "jira", "mattermost", "msteams", "msteamsv2", "pushover", "rocketchat", "telegram"),
    *("webhook", "wechat"),
}


def test_every_kind_has_its_texts_and_is_tested() -> None:
    """A new kind is added in three places."""
    assert set(KINDS) == set(TEXTS) == set(RECEIVERS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if CURRENT or kind not in SINCE_0_26])
def test_alertmanager_takes_every_kind(tmp_path: Path, kind: str) -> None:
    """With its texts, its secrets in files, and the fields that the user gave."""
    notify = {
        "receivers": {"team": {kind: RECEIVERS[kind]}},
        "routes": {"warning": "team"},
        "smtp": {"smarthost": "mail:25", "sender": "a@b.example", "require_tls": False},
    }
    made = files(config(tmp_path, yaml.safe_dump({"notify": notify}, default_flow_style=True, width=10_000).strip()))
    receiver = yaml.safe_load(made["alertmanager.yml"])["receivers"][1][f"{kind}_configs"][0]
    assert {**receiver, **RECEIVERS[kind]} == receiver
    write(made, tmp_path)
    done = subprocess.run(
        [str(CURRENT or program("amtool")), "check-config", f"{tmp_path}/alertmanager.yml"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 receivers" in done.stdout
