"""Plans and limits in the config: each mistake with the whole message it gives."""

from pathlib import Path

import pytest

from exporter.config.load import load
from exporter.errors import ConfigError
from exporter.limits.use import Limit

INPUTS = "inputs: [{path: a.log, format: nginx-json}]\n"

# What follows INPUTS, and what is said of it: line, field, problem.
BAD = [
    ("plans: [free]", "2: plans: must be a mapping, not a list"),
    ("plans:\n  free: 20000", "3: plans.free: must be a mapping, not a whole number"),
    ("plans:\n  free: {}\n  pro:\n    limit: []", "5: plans.pro.limit: unknown field 'limit'; did you mean 'limits'? "),
    ("plans:\n  free:\n    limits: {window: 1m}", "4: plans.free.limits: must be a list, not a mapping"),
    (
        "plans:\n  free:\n    limits:\n    - {window: 1m, requests: 60}\n    - {requests: 60}",
        "6: plans.free.limits[1]: the field 'window' is missing",
    ),
    (
        "plans:\n  free:\n    limits:\n    - window: 1m\n      requets: 60",
        "6: plans.free.limits[0].requets: unknown field 'requets'; did you mean 'requests'? "
        "(allowed: cost, count_refused, credits, requests, scope, tokens, window)",
    ),
    (
        "plans:\n  free:\n    limits:\n    - {window: 1min, requests: 60}",
        "5: plans.free.limits[0].window: unknown window '1min'; did you mean '1m'? (allowed: 1d, 1h, 1m, 1mo)",
    ),
    (
        "plans: {free: {limits: [{window: 1m, requests: 60, scope: globl}]}}",
        "2: plans.free.limits[0].scope: unknown scope 'globl'; did you mean 'global'? (allowed: gateway, global)",
    ),
    (
        "plans: {free: {limits: [{window: 1m}]}}",
        "2: plans.free.limits[0]: give an amount of requests, tokens, credits or cost",
    ),
    (
        "plans: {free: {limits: [{window: 1m, requests: 0}]}}",
        "2: plans.free.limits[0].requests: must be more than 0 (leave out what has no limit), not 0",
    ),
    (
        "plans: {free: {limits: [{window: 1m, tokens: -5}]}}",
        "2: plans.free.limits[0].tokens: must be more than 0 (leave out what has no limit), not -5",
    ),
    (
        "plans: {free: {limits: [{window: 1m, cost: .inf}]}}",
        "2: plans.free.limits[0].cost: must be more than 0 (leave out what has no limit), not inf",
    ),
    (
        "plans: {free: {limits: [{window: 1m, requests: 1.5}]}}",
        "2: plans.free.limits[0].requests: must be a whole number, not a number",
    ),
    (
        "plans: {free: {limits: [{window: 1m, requests: 60, count_refused: 1}]}}",
        "2: plans.free.limits[0].count_refused: must be true or false, not a whole number",
    ),
    (
        "plans: {free: {limits: [{window: 1d, cost: 5}, {window: 1d, requests: 9, cost: 6, scope: gateway}]}}",
        "2: plans.free.limits: cost per 1d is given more than once",
    ),
    (
        "limits:\n  timezone: Europe/Berln",
        "3: limits.timezone: unknown timezone 'Europe/Berln': did you mean 'Europe/Berlin'?",
    ),
    ("limits: {timezone: ''}", "2: limits.timezone: unknown timezone '': names are like Europe/Berlin or UTC"),
    ("limits: {grace: 5}", "2: limits.grace: must be a duration, as in 15s, 5m, 24h or 1h30m, not 5"),
    ("limits: {grace: soon}", "2: limits.grace: must be a duration, as in 15s, 5m, 24h or 1h30m, not 'soon'"),
    (
        "limits: {zone: UTC}",
        "2: limits.zone: unknown field 'zone'; did you mean 'timezone'? (allowed: grace, timezone)",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_mistake_is_told_with_the_plan_and_the_limit_it_is_in(tmp_path: Path, text: str, message: str) -> None:
    """File, line, field, what is wrong, what is allowed."""
    path = tmp_path / "config.yaml"
    path.write_text(INPUTS + text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:{message}")


def test_a_key_of_a_plan_that_is_not_there_is_told_in_the_registry(tmp_path: Path) -> None:
    """Where there are plans; without any, a plan is but a word to show."""
    keys, config = tmp_path / "keys.yaml", tmp_path / "config.yaml"
    keys.write_text("- {id: a, plan: free}\n- {id: b}\n- id: c\n  plan: fre\n", encoding="utf-8")
    config.write_text(INPUTS + "keys: keys.yaml\n", encoding="utf-8")
    assert [key.plan for key in load(config).keys] == ["free", "", "fre"]
    config.write_text(INPUTS + "keys: keys.yaml\nplans: {free: {}, pro: {}}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(config)
    message = "4: [2].plan: is not a plan of the config (allowed: free, pro)"
    assert str(caught.value) == f"{keys}:{message}"


def test_a_plan_says_what_its_keys_may_use(tmp_path: Path) -> None:
    """An entry may have several units; the fleet shares a limit unless it says otherwise."""
    path = tmp_path / "config.yaml"
    path.write_text(
        INPUTS + "limits: {timezone: Europe/Berlin}\n"
        "plans:\n"
        "  free:\n"
        "    limits:\n"
        "    - {window: 1m, requests: 60}\n"
        "    - {window: 1mo, tokens: 1000000, cost: 2.5, scope: gateway, count_refused: true}\n",
        encoding="utf-8",
    )
    config = load(path).config
    assert (config.limits.zone.key, config.limits.grace) == ("Europe/Berlin", "5s")
    assert config.plans["free"].all_limits == (
        Limit(unit="requests", window="1m", amount=60),
        Limit(unit="tokens", window="1mo", amount=1_000_000, scope="gateway", count_refused=True),
        Limit(unit="cost", window="1mo", amount=2.5, scope="gateway", count_refused=True),
    )
