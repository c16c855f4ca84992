"""The objects of the Prometheus operator: valid, and the same for Alertmanager as alertmanager.yml."""

import json
import re
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.build import files
from alerts.kubernetes import alertmanager_config
from alerts.operator_receivers import KINDS as CARRIED
from alerts.promql import Terms
from alerts.summary import summary
from exporter.config.config import Config
from exporter.config.notify import KINDS
from exporter.config.served import served
from tests.alerts.built import EXAMPLE, ROOT, config
from tests.alerts.test_alertmanager import GOLDEN, amtool
from tests.alerts.test_receivers import CURRENT, RECEIVERS
from tests.unit.manifests import VERSIONS, mistakes, read

# A program with the operator's own conversion (`make operator`). amtool checks its output (`make amtool`).
CONVERT = sorted(ROOT.glob("build/prometheus-operator-*/convert"))[-1:] if CURRENT else []
SPACE = "gateway"

Object = dict[str, Any]


def written(of: Config, name: str) -> Object:
    """An object that the command writes."""
    (made,) = read(files(of, kubernetes=True)[name])
    return made


def notify(folder: Path, section: Object, kubernetes: str = f"{{namespace: {SPACE}}}") -> Config:
    """A config with these receivers, routes …, and a mail server."""
    server = {"smarthost": "mail:25", "sender": "a@b.example", "username": "gateway", "password_file": "/etc/smtp"}
    text = yaml.safe_dump({"smtp": server} | section, default_flow_style=True, width=10_000).strip()
    return config(folder, f"{{notify: {text}, kubernetes: {kubernetes}}}")


def one_of(kind: str) -> Object:
    """The simplest section that has a receiver of this kind."""
    fields = {name: value for name, value in RECEIVERS[kind].items() if name != "payload"}
    return {"receivers": {"team": {kind: fields}}, "routes": {"warning": "team"}}


def matcher(theirs: Object) -> str:
    value = theirs["value"].replace("\\", "\\\\").replace('"', '\\"')
    return f'{theirs["name"]}{theirs["matchType"]}"{value}"'


def route(theirs: Object) -> Object:
    """A route as alertmanager.yml has it."""
    ours = {
        "groupBy": "group_by",
        "groupWait": "group_wait",
        "groupInterval": "group_interval",
        "repeatInterval": "repeat_interval",
        "muteTimeIntervals": "mute_time_intervals",
    }
    made = {ours.get(name, name): value for name, value in theirs.items()}
    if "matchers" in made:
        made["matchers"] = [*map(matcher, made["matchers"])]
    if "routes" in made:
        made["routes"] = [*map(route, made["routes"])]
    return made


def test_routes_inhibitions_and_times_are_those_of_alertmanager_yml(tmp_path: Path) -> None:
    """Converted back, nothing is lost; a regular expression keeps its escapes."""
    times = [
        {"weekdays": ["monday:friday", "sunday"], "days_of_month": ["1:5", "-1"], "months": ["1:3", "may"]},
        {"times": [{"start_time": "08:00", "end_time": "24:00"}], "years": [2026, "2027:2028"]},
    ]
    odd = notify(
        tmp_path,
        {
            "receivers": {"team": {"webhook": {"url": "http://a"}}},
            "routes": {"warning": "team", "cost": "team"},
            "owners": {'the "A.B\\C" team': "team"},
            "time_intervals": {"odd": times},
            "mute": {"cost": ["odd"]},
        },
    )
    for of in (EXAMPLE, odd):
        ours, theirs = yaml.safe_load(files(of)["alertmanager.yml"]), written(of, "alertmanagerconfig.yml")["spec"]
        assert route(theirs["route"]) == ours["route"]
        assert [
            {
                "source_matchers": [*map(matcher, rule["sourceMatch"])],
                "target_matchers": [*map(matcher, rule["targetMatch"])],
                "equal": rule["equal"],
            }
            for rule in theirs["inhibitRules"]
        ] == ours["inhibit_rules"]
        assert [receiver["name"] for receiver in theirs["receivers"]] == [
            receiver["name"] for receiver in ours["receivers"]
        ]
    assert theirs["muteTimeIntervals"] == [
        {
            "name": "odd",
            "timeIntervals": [
                {
                    "weekdays": ["monday:friday", "sunday"],
                    "daysOfMonth": [{"start": 1, "end": 5}, {"start": -1, "end": -1}],
                    "months": ["1:3", "may"],
                },
                {"times": [{"startTime": "08:00", "endTime": "24:00"}], "years": ["2026", "2027:2028"]},
            ],
        }
    ]


def test_the_operators_routes_take_every_alert(tmp_path: Path) -> None:
    """They ask for the label `namespace`, which recorded series lack; without a namespace the command says so."""
    rules = [rule for group in written(EXAMPLE, "prometheusrule.yml")["spec"]["groups"] for rule in group["rules"]]
    assert {rule["labels"].get("namespace") for rule in rules if "alert" in rule} == {"monitoring"}
    assert {"namespace" in rule.get("labels", {}) for rule in rules if "record" in rule} == {False}
    said = "set alerts.kubernetes.namespace: "
    assert not [line for line in summary(EXAMPLE, kubernetes=True) if line.startswith(said)]
    nowhere = config(tmp_path, "{}")
    assert len([line for line in summary(nowhere, kubernetes=True) if line.startswith(said)]) == 1
    scoped = config(tmp_path, f"{{scope_labels: [namespace], kubernetes: {{namespace: {SPACE}}}}}")
    rules = [rule for group in written(scoped, "prometheusrule.yml")["spec"]["groups"] for rule in group["rules"]]
    assert not [rule for rule in rules if "namespace" in rule.get("labels", {})]


@pytest.mark.parametrize("kind", CARRIED)
def test_every_receiver_is_valid(tmp_path: Path, kind: str) -> None:
    """By the definition of the custom resource, which knows no other fields; no secret's file is named."""
    made = written(notify(tmp_path, one_of(kind)), "alertmanagerconfig.yml")
    assert [mistakes(made, version) for version in VERSIONS] == [[], [], []]
    (config_,) = made["spec"]["receivers"][1][f"{kind}Configs"]
    assert "/etc/" not in json.dumps(config_)
    config_["text_"] = "unknown"
    assert mistakes(made, VERSIONS[0]) != [], "the check finds nothing"


def test_what_is_left_out_is_listed(tmp_path: Path) -> None:
    """Receivers that the operator lacks, fields of others, times in a time zone; their secrets are not asked for."""
    section = {
        "receivers": {
            "team": {kind: RECEIVERS[kind] for kind in sorted({*KINDS} - {*CARRIED})},
            "dingtalk": {"webhook": RECEIVERS["webhook"], "slack": {"api_url_file": "/etc/slack"}},
        },
        "routes": {"warning": "team", "info": "dingtalk"},
        "time_intervals": {"berlin": [{"location": "Europe/Berlin", "weekdays": ["sunday"]}]},
        "mute": {"info": ["berlin"]},
    }
    of = notify(tmp_path, section)
    lines = [*summary(of, kubernetes=True)]
    at = lines.index("not in alertmanagerconfig.yml:") + 1
    assert lines[at : at + 8] == [
        "  dingtalk.webhook: its field payload can't be carried over",
        "  team.incidentio: the operator 0.85 has no such receiver",
        "  team.jira: the operator 0.85 has no such receiver",
        "  team.mattermost: the operator 0.85 has no such receiver",
        "  team.rocketchat: the operator 0.85 drops its channel and its texts",
        "  the times berlin: the operator 0.85 knows no location, so alerts are sent then too",
        "alertmanagerconfig.yml needs a Secret; make it with bash:",
        "  kubectl --namespace gateway create secret generic gateway-exporter-receivers \\",
    ]
    assert lines[at + 8] == "    --from-file=slack=<(tr -d '\\n' < /etc/slack)"
    made = written(of, "alertmanagerconfig.yml")
    assert [mistakes(made, version) for version in VERSIONS] == [[], [], []]
    assert "berlin" not in json.dumps(made)


@pytest.mark.parametrize("kind", CARRIED)
def test_odd_fields_are_carried_over_or_listed(tmp_path: Path, kind: str) -> None:
    """Alertmanager checks what a receiver is given; here, no value ends in a traceback."""
    part = CARRIED[kind]
    names = {re.sub("(?<=[a-z])([A-Z]+)", r"_\1", name).lower() for name in f"{part.fields} {part.pairs}".split()}
    names |= {*part.parts} - {"http_config"}
    odd: list[Object] = [{name: value} for name in sorted(names) for value in (1, ["a"], {"a": ["b"]}, {1: None})]
    odd += [{"http_config": {name: 1}} for name in ("a", "tls_config", "authorization")] if kind != "email" else []
    good = one_of(kind)["receivers"]["team"][kind] | ({"credentials_file": "/etc/one"} if kind == "webhook" else {})
    receivers = {f"r{n}": {kind: good | fields} for n, fields in enumerate(odd)}
    made = alertmanager_config(Terms(served(notify(tmp_path, {"receivers": receivers, "routes": {"warning": "r0"}}))))
    carried = [receiver for receiver in made.manifest["spec"]["receivers"] if f"{kind}Configs" in receiver]
    assert len(carried) + len(made.lost) == len(odd)


def test_the_secret_s_command_works(tmp_path: Path) -> None:
    """Two files of one name are two keys; a newline at a file's end is not part of the secret."""
    (tmp_path / "a b").mkdir()
    (tmp_path / "slack").write_text("one\n", encoding="utf-8")
    (tmp_path / "a b" / "slack").write_text("two", encoding="utf-8")
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        '#!/bin/bash\nfor one; do echo "${one%=/dev*} $([[ $one != *=/dev* ]] || cat "${one##*=}")"; done\n'
    )
    kubectl.chmod(0o755)
    receivers = {
        name: {"slack": {"api_url_file": str(path)}}
        for name, path in (("one", tmp_path / "slack"), ("two", tmp_path / "a b" / "slack"))
    }
    of = notify(tmp_path, {"receivers": receivers, "routes": {"warning": "one", "info": "two"}})
    carried = alertmanager_config(Terms(served(of)))
    done = subprocess.run(
        ["/bin/bash", "-c", "\n".join(carried.secrets.command(SPACE))],
        capture_output=True, text=True, timeout=60, check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )  # fmt: skip
    other = f"{tmp_path}/a b/slack".strip("/").replace("/", "-").replace(" ", "-")
    assert done.stdout.splitlines()[-2:] == ["--from-file=slack one", f"--from-file={other} two"]
    references = [receiver["slackConfigs"][0]["apiURL"] for receiver in carried.manifest["spec"]["receivers"][1:]]
    assert references == [
        {"name": "gateway-exporter-receivers", "key": "slack"},
        {"name": "gateway-exporter-receivers", "key": other},
    ]


@pytest.mark.parametrize("state", ["firing", "two_firing", "many", "resolved"])
@pytest.mark.parametrize(("receiver", "reader"), [("finance", ""), ("acme", "customer_")])
def test_messages_are_those_of_the_templates(state: str, receiver: str, reader: str) -> None:
    """Word for word, without the file of templates."""
    receivers = written(EXAMPLE, "alertmanagerconfig.yml")["spec"]["receivers"]
    (mail,) = next(found for found in receivers if found["name"] == receiver)["emailConfigs"]
    for part, text in (("title", mail["headers"][0]["value"]), ("text", mail["text"])):
        told = amtool("template", "render", f"--template.data={GOLDEN}/{state}.json", f"--template.text={text}",
                      "--template.glob=/dev/null")  # fmt: skip
        assert told.rstrip("\n") == (GOLDEN / f"{state}.{reader}{part}.txt").read_text(encoding="utf-8").rstrip("\n")


def operators(convert: str, of: Config, folder: Path) -> Path:
    """The config that the operator makes of the object and its Secret, for Alertmanager."""
    carried = alertmanager_config(Terms(served(of)))
    secret = b64encode(b"https://secret.example/1").decode()
    objects = [
        carried.manifest,
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": carried.secrets.name, "namespace": carried.manifest["metadata"]["namespace"]},
            "data": dict.fromkeys(carried.secrets.files, secret),
        },
    ]
    done = subprocess.run(
        [convert], input=yaml.safe_dump_all(objects), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    (folder / "operators.yml").write_text(done.stdout, encoding="utf-8")
    return folder / "operators.yml"


@pytest.mark.parametrize("convert", CONVERT)
@pytest.mark.parametrize("kind", CARRIED)
def test_the_operator_takes_every_receiver(tmp_path: Path, convert: str, kind: str) -> None:
    """The operator converts each to a config that amtool accepts and that has its title and text."""
    made = operators(convert, notify(tmp_path, one_of(kind)), tmp_path)
    done = subprocess.run(
        [str(CURRENT), "check-config", str(made)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (of_kind,) = yaml.safe_load(made.read_text("utf-8"))["receivers"][2][f"{kind}_configs"]
    ours = yaml.safe_load(files(notify(tmp_path, one_of(kind)))["alertmanager.yml"])["receivers"][1][f"{kind}_configs"][
        0
    ]
    texts = {name for name, value in ours.items() if "template" in str(value)}
    assert {name for name, value in of_kind.items() if "template" in str(value)} == texts


@pytest.mark.parametrize("convert", CONVERT)
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=GatewayWatchdog severity=info component=exporter category=exporter", ["deadman"]),
        ("alertname=GatewayLimitNear severity=critical category=quota owner=acme", ["acme", "oncall", "finance"]),
        ("alertname=GatewayMethodSlow severity=warning category=latency", ["team"]),
    ],
)
def test_the_operators_routes_find_the_receivers(
    tmp_path: Path, convert: str, labels: str, receivers: list[str]
) -> None:
    """Those that alertmanager.yml finds, for alerts of the namespace; others pass by."""
    made = operators(convert, EXAMPLE, tmp_path)
    test = ("config", "routes", "test", "--config.file", str(made), *labels.split())
    expected = [f"monitoring/gateway-exporter/{name}" for name in receivers]
    assert amtool(*test, "namespace=monitoring").strip().split(",") == expected
    assert amtool(*test, "namespace=other").strip() == "null"
