"""Environment variables: of flags, and in a config. What is in one is in no message."""

from pathlib import Path

import pytest

from exporter.command_line import command_line
from exporter.config.load import load
from exporter.environment import variable
from exporter.errors import ConfigError

SECRET = "s3cret/words here"


def config(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistake(path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        load(path)
    return str(error.value)


def test_the_names_of_flags() -> None:
    """Upper case, with `_` for each dot and hyphen."""
    assert variable("--web.listen-address") == "GATEWAY_EXPORTER_WEB_LISTEN_ADDRESS"
    assert variable("--config.file") == "GATEWAY_EXPORTER_CONFIG_FILE"


def test_a_variable_is_a_flag_that_the_flag_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a flag that is required, and one with choices; an empty variable is none; flags without a dot have none."""
    monkeypatch.setenv("GATEWAY_EXPORTER_CONFIG_FILE", "of-variable.yaml")
    monkeypatch.setenv("GATEWAY_EXPORTER_LOG_LEVEL", "debug")
    monkeypatch.setenv("GATEWAY_EXPORTER_LOG_FORMAT", "")
    monkeypatch.setenv("GATEWAY_EXPORTER_CSV", "1")
    run = command_line().parse_args(["run"])
    assert (run.config, run.log_level, run.log_format) == ("of-variable.yaml", "debug", "text")
    assert command_line().parse_args(["run", "--config.file", "a"]).config == "a"
    replay = command_line().parse_args(["replay", "a.log"])
    assert (replay.config, replay.csv) == ("of-variable.yaml", False)


def test_a_wrong_variable_is_named_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It matters only to the commands that have the flag."""
    monkeypatch.setenv("GATEWAY_EXPORTER_LOG_LEVEL", SECRET)
    assert command_line().parse_args(["check", "a"]).config == "a"
    with pytest.raises(SystemExit, match="2"):
        command_line().parse_args(["run"])
    said = capsys.readouterr().err
    assert "GATEWAY_EXPORTER_LOG_LEVEL: invalid value (choose from debug, info, warn, error)" in said
    assert SECRET not in said


def test_variables_fill_scalars_of_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In text and as numbers, with a default; what is escaped and nginx's own stay; a value is never YAML."""
    monkeypatch.setenv("LOGS", "/logs: [x]")
    monkeypatch.setenv("SERIES", "500")
    monkeypatch.setenv("EMPTY", "")
    text = """
inputs:
  - {path: "${LOGS}/a.log", name: "$${LOGS}", format: {template: '${remote_addr} "$request" $status'}}
  - {path: "${EMPTY:-b}.log", format: nginx-json, labels: {gateway: "${UNSET_NAME:-eu-1}"}}
metrics:
  max_series: ${SERIES}
"""
    found = load(config(tmp_path, text)).config
    assert (found.inputs[0].path, found.inputs[0].name) == ("/logs: [x]/a.log", "${LOGS}")
    assert found.inputs[1].path == str(tmp_path / "b.log")
    assert found.inputs[1].labels == {"gateway": "eu-1"}
    assert found.metrics.max_series == 500


def test_a_variable_that_is_not_set_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    """Not an empty text, which could mean something else."""
    path = config(tmp_path, "inputs:\n  - path: ${NO_SUCH_NAME}\n")
    assert mistake(path) == f"{path}:2: environment variable NO_SUCH_NAME is not set (a default: ${{NO_SUCH_NAME:-…}})"


@pytest.mark.parametrize(
    "text",
    [
        "inputs: [{path: a, format: '${SECRET}'}]",
        "inputs: [{path: a, format: {regex: '${SECRET}('}}]",
        "inputs: [{path: a, format: nginx-json}]\nweb: {listen: '${SECRET}'}",
        "inputs: [{path: a, format: nginx-json}]\nkeys: '${SECRET}'",
        "inputs: [{path: '${SECRET}', format: nginx-json}, {path: './${SECRET}', format: nginx-json}]",
        "inputs: [{path: '${SECRET}', format: nginx-json}, {path: 'b/${SECRET}', format: nginx-json}]",
        "inputs: [{path: a, format: nginx-json}]\n${SECRET}: 1",
        "inputs: [{path: a, format: nginx-json}]\nplans: {'${SECRET}': {limits: [{window: 2h}]}}",
        "inputs: [{path: a, format: nginx-json}]\nmetrics: {scrape_interval: '${SECRET}'}",
        "inputs: [{path: a, format: nginx-json}]\npricing: {models: '${SECRET}'}",
    ],
)
def test_no_message_about_a_config_has_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Nor a part of it: the name of a log is the last part of its path."""
    monkeypatch.setenv("SECRET", SECRET)
    said = mistake(config(tmp_path, text))
    assert said.startswith(f"{tmp_path}/config.yaml:")
    assert "words here" not in said
    assert "s3cret" not in said


def test_messages_about_other_fields_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the near miss."""
    monkeypatch.setenv("SECRET", SECRET)
    said = mistake(config(tmp_path, "inputs: [{path: '${SECRET}', format: ngnix-json}]"))
    assert "unknown preset 'ngnix-json'; did you mean 'nginx-json'?" in said
