"""The config: each rule of validity has a tiny file and the whole message it gives. The table is documentation too."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.config.load import load
from exporter.config.values import parse_address
from exporter.errors import ConfigError
from exporter.keys.file import load_keys
from exporter.metrics.exposition import render
from tests.counted import Counting

GOOD = "inputs: [{path: a.log, format: nginx-json}]\n"
# A config, and what is said of it: line, field, problem.
BAD = [
    ("", "1: the field 'inputs' is missing"),
    ("[]", "1: must be a mapping, not a list"),
    ("inputs: []", "1: inputs: is empty: name at least one log"),
    ("inputs: a.log", "1: inputs: must be a list, not text"),
    ("inputs:\n- format: nginx-json", "2: inputs[0]: the field 'path' is missing"),
    ("inputs:\n- path: ''\n  format: nginx-json", "2: inputs[0].path: is empty"),
    (
        "inputs:\n- path: a.log\n  fromat: caddy",
        "3: inputs[0].fromat: unknown field 'fromat'; did you mean 'format'? "
        "(allowed: class, format, labels, max_line_bytes, name, path, rotated, timezone)",
    ),
    (
        "inputs:\n- path: a.log",
        "2: inputs[0].format: is missing: name a preset, or describe the format with json, template or regex",
    ),
    (
        "inputs:\n- path: a.log\n  format: {}",
        "3: inputs[0].format: give exactly one of preset, json, template, regex",
    ),
    (
        "inputs:\n- path: a.log\n  format:\n    json: {status: s, duraton: d}",
        "4: inputs[0].format.json.duraton: unknown field 'duraton'; did you mean 'duration'?",
    ),
    (
        "inputs:\n- path: a.log\n  format:\n    json:\n      status: s\n      duration: {path: d, unit: sec}",
        "6: inputs[0].format.json.duration.unit: unknown unit 'sec' (allowed: ms, ns, s, us)",
    ),
    (
        "inputs:\n- path: a.log\n  format:\n    json:\n      duration: d",
        "3: inputs[0].format: no source for the field 'status': without it, no line counts as a request",
    ),
    (
        "inputs:\n- path: a.log\n  format: {regex: '(?P<status>[0-9'}",
        "3: inputs[0].format.regex: is not a valid regular expression: ",
    ),
    (
        "inputs:\n- path: a.log\n  format: {template: 'no variables'}",
        "3: inputs[0].format.template: a template needs variables, such as ",
    ),
    (
        "inputs:\n- path: a.log\n  format: nginx-json\n  class: internl",
        "4: inputs[0].class: unknown class 'internl'; did you mean 'internal'? (allowed: business, internal)",
    ),
    (
        "inputs:\n- path: a.log\n  format: nginx-json\n  timezone: Mars/Olympus",
        "4: inputs[0].timezone: unknown timezone 'Mars/Olympus': names are like Europe/Berlin or UTC",
    ),
    (
        "inputs:\n- path: a.log\n  format: nginx-json\n  labels: {method: x}",
        "4: inputs[0].labels.method: 'method' is used by Prometheus or the catalogue; choose another name",
    ),
    (
        "inputs:\n- path: a.log\n  format: nginx-json\n  labels: {eu-1: x}",
        "4: inputs[0].labels.eu-1: 'eu-1' is not a valid label name: letters, digits and _ are allowed",
    ),
    (
        "inputs:\n- {path: a/x.log, format: nginx-json}\n- {path: b/x.log, format: nginx-json}",
        "3: inputs[1].name: 'x.log' is the name of inputs[0] too; give each its own",
    ),
    (GOOD + "metrics: {budgets: {kee: 5}}", "2: metrics.budgets.kee: unknown label 'kee'; did you mean 'key'? "),
    (GOOD + "metrics: {budgets: {key: 0}}", "2: metrics.budgets.key: must be at least 1"),
    (GOOD + "metrics:\n  max_series: many", "3: metrics.max_series: must be a whole number, not 'many'"),
    (
        GOOD + "web: {listen: localhost}",
        "2: web.listen: 'localhost' is not a valid address; use HOST:PORT, as in 127.0.0.1:10114",
    ),
    (GOOD + "start_at: start", "2: start_at: unknown start_at 'start' (allowed: beginning, end)"),
    (GOOD + "routes: [v1/x]", "2: routes[0]: 'v1/x' must start with /, as in /v1/scores/:identity"),
    (GOOD + "routes: ['/:key/:key']", "2: routes[0]: '/:key/:key' has more than one :key; a request has one key"),
    (
        "inputs:\n- path: a.log\n  format:\n    json: {status: a...b}",
        "4: inputs[0].format.json.status: bad path 'a...b' at '...b': write ",
    ),
    (GOOD + "keys: none.yaml", "2: keys: {folder}/none.yaml can't be read: No such file or directory"),
    (
        GOOD + "identity: {secret_file: none}",
        "2: identity.secret_file: ",
    ),
    # As for another user, who may not look into the folder of a service's state.
    (
        GOOD + f"state: {{path: {'a' * 300}/state.db}}",
        f"2: state.path: {{folder}}/{'a' * 300}/key-hash.secret can't be read: ",
    ),
    (GOOD + "pricing: {bill: both}", "2: pricing.bill: unknown bill 'both' (allowed: requested, served)"),
    (GOOD + "pricing: {model: x}", "2: pricing.model: unknown field 'model'; did you mean 'models'? "),
    (
        GOOD + "pricing: {models: none.yaml}",
        "2: pricing.models: {folder}/none.yaml can't be read: No such file or directory",
    ),
    (
        GOOD + "pricing:\n  models:\n  - none.json",
        "4: pricing.models[0]: {folder}/none.json can't be read: No such file or directory",
    ),
    (GOOD + "pricing: {multipliers: {a: -1}}", "2: pricing.multipliers.a: must be 0 or more, not -1"),
    (GOOD + "pricing:\n  credits: 20", "3: pricing.credits: must be a mapping: methods (with * and ?), default, "),
    (
        GOOD + "pricing:\n  credits:\n    eth_call: many",
        "4: pricing.credits.eth_call: credits are a number, 0 or more, not 'many'",
    ),
    (
        GOOD + "pricing:\n  credits:\n    statuses: {40x: 1}",
        "4: pricing.credits.statuses.40x: '40x' is not a valid status; use one such as 429, or a class such as 4xx",
    ),
    (
        GOOD + "pricing:\n  credits:\n    chains:\n      base: {x: -1}",
        "5: pricing.credits.chains.base.x: credits are a number, 0 or more, not -1",
    ),
    (GOOD + "keys: {url: here}", "2: keys.url: must be like https://server.example:8080/path"),
    (
        GOOD + "keys: {url: 'http://u:p@h/'}",
        "2: keys.url: contains a password; put it into a headers_file, password_file",
    ),
    (GOOD + "keys: {url: 'http://h/'}", "2: keys.fields: map id, hash or key: a key is identified by one of "),
    (
        GOOD + "keys: {url: 'http://h/', preset: litelm}",
        "2: keys.preset: unknown preset 'litelm'; did you mean 'litellm'? (allowed: litellm)",
    ),
    (
        GOOD + "keys: {url: 'http://h/', fields: {id: a, nam: b}}",
        "2: keys.fields.nam: unknown field 'nam'; did you mean 'name'? (allowed: class, created, enabled, ",
    ),
    (GOOD + "keys: {url: 'http://h/', fields: {id: a...b}}", "2: keys.fields.id: bad path 'a...b' at '...b': write "),
    (
        GOOD + "keys: {url: 'http://h/', preset: litellm, every: soon}",
        "2: keys.every: must be a duration, as in 15s, 5m, 24h or 1h30m, not 'soon'",
    ),
    (
        GOOD + "keys: {url: 'http://h/', preset: litellm, timeout: 100ms}",
        "2: keys.timeout: must be at least 1s",
    ),
    (GOOD + "keys:\n  urll: x", "3: keys.urll: unknown field 'urll'; did you mean 'url'? "),
    (GOOD + "chains:\n  base: /base\n  eth: []", "4: chains.eth: give a path or a host name, or a list of them"),
    (GOOD + "chains: {eth: ['']}", "2: chains.eth: give a path or a host name, or a list of them"),
    (
        "inputs:\n- path: a.log\n  format:\n    regex: '(?P<staus>[0-9]+) (?P<status>[0-9]+)'",
        "4: inputs[0].format.regex: unknown field 'staus'; did you mean 'status'? ",
    ),
    # A mistake among good lines is reported at its own line.
    (GOOD + "web:\n  listen: :0\nstart_at: begining", "4: start_at: unknown start_at 'begining'; did you mean "),
    (GOOD + "routes:\n- /a\n- /b\n- bad", "5: routes[2]: 'bad' must start with /"),
    (
        GOOD + "metrics:\n  max_series: 9\n  scrape_interval: bogus",
        "4: metrics.scrape_interval: must be a duration, as in 15s, 5m, 24h or 1h30m, not 'bogus'",
    ),
    (GOOD + "alerts:\n  anomalies:\n    weeks: 0", "4: alerts.anomalies.weeks: must be at least 1"),
    (
        GOOD + "plans:\n  pro:\n    limits:\n    - {window: 1w, cost: 1}",
        "5: plans.pro.limits[0].window: unknown window",
    ),
    (GOOD + "\nstart_at: 2027-02-30", "3: '2027-02-30' is not a valid date: day is out of range for month"),
    (GOOD + "metrics:\n  max_series: !!int many", "3: 'many' is not a valid int: "),
    (GOOD + "metrics: {}\nweb: {}\nmetrics: {}", "4: duplicate 'metrics': already used on line 2"),
    (GOOD + "web: {listen: ':0', listen: ':1'}", "2: duplicate 'listen': already used on line 2"),
    (GOOD + "chains:\n  1: /one", "3: chains.1: a name must be text: write it in quotes"),
    (GOOD + "web:\n  listen: :0\n  listen: :1", "4: duplicate 'listen': already used on line 3"),
    # A name with a dot is one name.
    (GOOD + "pricing:\n  multipliers:\n    a: 1\n    b.c: -1", "5: pricing.multipliers.b.c: must be 0 or more, not -1"),
    (GOOD + "metrics:\n  own_families:\n    x: {}", "4: metrics.custom_families.x: the field 'type' is missing"),
    (
        GOOD + "alerts:\n  overrides: {}\n  changes: {}",
        "4: alerts.changes: is the old name of overrides, which is there, too; write overrides only",
    ),
    (
        GOOD + "metrics: {scrape_interval: 15}",
        "2: metrics.scrape_interval: must be a duration, as in 15s, 5m, 24h or 1h30m, not 15",
    ),
    (GOOD + "web: {listen: 10114}", "2: web.listen: must be text, not a whole number: write it in quotes"),
    (GOOD + "alerts: {scope_labels: [no]}", "2: alerts.scope_labels[0]: must be text, not true or false: write it in "),
    (GOOD + "web: {listen: []}", "2: web.listen: must be text, not a list"),
    (GOOD + "identity: {secret_file: /dev/zero}", "2: identity.secret_file: /dev/zero is a device; write the secret "),
    (GOOD + 'state: {path: "a\\0b"}', "2: a text has a NUL character, which is not allowed"),
    (GOOD + "a: \0", "1: is not YAML: special characters are not allowed"),
    ("[" * 5_000, "1: is nested too deep"),
    ("inputs: &a [*a]", "1: inputs[0]: "),
    ("inputs: [", "1: is not YAML: "),
    ("a: b: c", "1: is not YAML: mapping values are not allowed here"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_mistake_is_told_with_file_line_field_and_what_is_allowed(tmp_path: Path, text: str, message: str) -> None:
    """One line, and nobody has to guess where and what."""
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{path}:{message.replace('{folder}', str(tmp_path))}")


def test_an_unknown_preset_gets_the_near_miss_and_the_list(tmp_path: Path) -> None:
    """The message of the README."""
    path = tmp_path / "config.yaml"
    path.write_text("inputs:\n  - path: a.log\n    format: ngnix-json\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    start = f"{path}:3: inputs[0].format: unknown preset 'ngnix-json'; did you mean 'nginx-json'? (allowed: "
    assert str(caught.value).startswith(start)
    assert ", nginx-combined, nginx-json" in str(caught.value)


def test_old_names_are_read_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As if the new ones stood there; nothing is said of a config that has the new ones."""
    family = "gateway_x_total: {type: counter, help: x, adds: requests}"
    path = tmp_path / "config.yaml"
    sections = "metrics:\n  {}: {{{}}}\nalerts:\n  {}: {{GatewayWatchdog: {{enabled: false}}}}\n"
    path.write_text(GOOD + sections.format("custom_families", family, "overrides"), encoding="utf-8")
    expected = load(path).config
    assert caplog.messages == []
    path.write_text(GOOD + sections.format("own_families", family, "changes"), encoding="utf-8")
    assert load(path).config == expected
    assert caplog.messages == [
        f"{path}:3: own_families is called custom_families now; the old name is still read",
        f"{path}:5: changes is called overrides now; the old name is still read",
    ]


def test_a_url_that_may_hold_a_secret_is_not_repeated(tmp_path: Path) -> None:
    """A webhook's path is often all that it takes to post there."""
    path = tmp_path / "config.yaml"
    receivers = "{team: {webhook: {url: 'hooks.example/T0/s3cret'}}}"
    path.write_text(
        GOOD + f"alerts: {{notify: {{routes: {{warning: team}}, receivers: {receivers}}}}}\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    field = "alerts.notify.receivers.team.webhook.url"
    assert str(caught.value) == f"{path}:2: {field}: must be a URL that begins with http:// or https://"


BAD_KEYS = [
    ("- {name: x}", "1: [0]: a key needs an id, a hash (from `gateway-exporter hash`), or both"),
    ("- {hash: sk-live-raw-key}", "1: [0].hash: must be as `gateway-exporter hash` prints it: "),
    ("- {id: a}\n- {id: a}", "2: [1].id: duplicate: already used by entry 1; each key may appear only once"),
    ("- {id: a, expires: soon}", "1: [0].expires: '…' is not a valid date; use 2026-12-31 or 2026-12-31T18:00:00Z"),
    ("- {id: a, class: b}", "1: [0].class: must be business or internal"),
    ("- {id: a, enabled: 'yes'}", "1: [0].enabled: must be true or false, not text"),
    ("- {id: a}\n- id: b\n  expires: 2027-02-30", "3: '…' is not a valid date: day is out of range for month"),
    ("- {id: a}\n- id: b\n  name: x\n  name: y", "4: duplicate 'name': already used on line 3"),
    ("id: a", "1: must be a list, not a mapping"),
]


@pytest.mark.parametrize(("text", "message"), BAD_KEYS, ids=[message[:40] for _, message in BAD_KEYS])
def test_a_mistake_in_the_key_registry_is_told_in_its_own_file(tmp_path: Path, text: str, message: str) -> None:
    """… and never repeats what may be a raw key."""
    path = tmp_path / "keys.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_keys(path)
    assert str(caught.value).startswith(f"{path}:{message}")
    assert "sk-live-raw-key" not in str(caught.value)


def test_parts_that_are_shared_are_no_keys_that_stand_twice(tmp_path: Path) -> None:
    """Anchors and merge keys work as YAML has them; a mistake in what overrides them is reported at its line."""
    path = tmp_path / "config.yaml"
    shared = (
        "- &one\n  path: a.log\n  format: caddy\n  class: internal\n"
        "- <<: *one\n  path: b.log\n- {<<: *one, path: c.log}\n"
    )
    path.write_text(f"inputs:\n{shared}", encoding="utf-8")
    assert [(input_.name, input_.class_) for input_ in load(path).config.inputs] == [
        ("a.log", "internal"),
        ("b.log", "internal"),
        ("c.log", "internal"),
    ]
    path.write_text(f"inputs:\n{shared}- <<: *one\n  name: d\n  class: own\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:11: inputs[3].class: unknown class 'own'")


def test_a_whole_config_is_read_with_its_registry_and_secret(tmp_path: Path) -> None:
    """Paths are relative to the config's folder; days are their beginning in UTC."""
    (tmp_path / "secret").write_text("0123456789abcdef\n", encoding="utf-8")
    (tmp_path / "keys.yaml").write_text(
        "- {id: acme, hash: k_0123456789abcdef, name: Acme, expires: 2027-01-01, class: internal}\n", encoding="utf-8"
    )
    (tmp_path / "config.yaml").write_text(
        "inputs: [{path: logs/*.json, format: nginx-json, labels: {gateway: eu-1}}, {path: '-', format: caddy}]\n"
        "identity: {secret_file: secret}\nkeys: keys.yaml\nchains: {ethereum: /eth/*}\n",
        encoding="utf-8",
    )
    loaded = load(tmp_path / "config.yaml")
    assert [(input_.name, input_.path) for input_ in loaded.config.inputs] == [
        ("json", str(tmp_path / "logs/*.json")),
        ("stdin", "-"),
    ]
    assert loaded.secret == b"0123456789abcdef"
    (key,) = loaded.keys
    assert (key.public, key.name, key.class_) == ("acme", "Acme", "internal")
    assert key.expires is not None
    assert key.expires.isoformat() == "2027-01-01T00:00:00+00:00"


@pytest.mark.parametrize(("copy", "expected"), [("", "state/keys.copy.json"), (", copy: own.json", "own.json")])
def test_a_polled_registrys_copy_stands_beside_the_state(tmp_path: Path, copy: str, expected: str) -> None:
    """Unless the config says where."""
    text = f"state: {{path: state/state.db}}\nkeys: {{url: 'http://127.0.0.1', preset: litellm{copy}}}\n"
    (tmp_path / "config.yaml").write_text(GOOD + text, encoding="utf-8")
    keys = load(tmp_path / "config.yaml").config.keys
    assert not isinstance(keys, str)
    assert keys.copy == str(tmp_path / expected)


def test_an_inputs_own_label_may_have_any_value(tmp_path: Path) -> None:
    """It is escaped as others are, and read back as it was written."""
    inputs = "inputs: [{path: a.log, format: nginx-json, labels: {site: 'a \"b\" \\c'}}]\n"
    counted = Counting(tmp_path, inputs)
    counted.meter.count(counted.decoded([{"status": 200, "rpc_method": "m"}]))
    counted.meter.fold()
    text = b"".join(render(counted.assembly.store)[0]).decode()
    (sites,) = {
        sample.labels["site"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "site" in sample.labels
    }
    assert sites == 'a "b" \\c'


@pytest.mark.parametrize(
    ("address", "parsed"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:0", ("::1", 0)), (":9100", ("", 9100))],
)
def test_addresses_are_host_and_port(address: str, parsed: tuple[str, int]) -> None:
    """As Prometheus' own exporters take them."""
    assert parse_address(address) == parsed
