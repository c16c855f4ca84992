"""The use of limits by the minute, which cells keep beside their counts: the same wherever folds fall."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.counted import Counting, of

HOUR = 1_772_535_600.0
FIELDS = "time: t, status: s, key: key, model: model, input_tokens: in, output_tokens: out"
CONFIG = """
inputs: [{path: access.json, name: llm, format: {json: {%s}}}]
identity: {secret_file: secret}
keys: keys.yaml
plans: {plan: {limits: [%s]}}
pricing: {models: prices.yaml, credits: {default: 0.5}}
"""
PRICES = "[{model: m, per_million_tokens: {input: 2, output: 10}}, {model: n, per_request: 0.25}]"
LIMITS = {
    "no minute": "{window: 1mo, tokens: 9000}",
    "requests": "{window: 1m, requests: 9}, {window: 1mo, tokens: 9000, cost: 9}",
    "all": "{window: 1m, requests: 9, tokens: 900, credits: 9, cost: 1}, {window: 1h, tokens: 9, cost: 9}",
}


def counting(folder: Path, limits: str, fields: str = FIELDS) -> Counting:
    (folder / "secret").write_text("a secret of the tests", encoding="utf-8")
    (folder / "keys.yaml").write_text("[{id: a, plan: plan}, {id: b, plan: plan}]", encoding="utf-8")
    (folder / "prices.yaml").write_text(PRICES, encoding="utf-8")
    return Counting(folder, CONFIG % (fields, LIMITS[limits]))


def line(at: float, key: str = "a", **more: Any) -> dict[str, Any]:
    return {"t": at, "s": 200, "key": key, "model": "m", "in": 100, "out": 10, **more}


def used(counted: Counting) -> Any:
    """All use that is kept: by key, whether refused, window, start and unit."""
    _, rows, *_ = counted.assembly.context.limits.snapshot()
    return {
        (key, refused, window, start, unit): amount
        for key, refused, windows in rows
        for window, starts in windows.items()
        for start, amounts in starts.items()
        for unit, amount in amounts.items()
        if amount
    }


def test_each_minute_has_its_own_use_without_a_fold(tmp_path: Path) -> None:
    counted = counting(tmp_path, "all")
    counted.meter.count(counted.decoded([line(HOUR), line(HOUR + 59), line(HOUR + 60), line(HOUR + 61, out=30)]))
    assert of(counted.samples(), "gateway_requests_total") == {}
    counted.meter.fold()
    assert [*of(counted.samples(), "gateway_requests_total").values()] == [4]
    found = used(counted)
    minutes = {"requests": (2, 2), "tokens": (220, 240), "credits": (1, 1), "cost": (600e-6, 800e-6)}
    for unit, amounts in minutes.items():
        for start, amount in zip((HOUR, HOUR + 60), amounts, strict=True):
            assert found["a", False, "1m", start, unit] == pytest.approx(amount)
        assert found["a", False, "1h", HOUR, unit] == pytest.approx(sum(amounts))


def test_tokens_and_cost_are_kept_by_the_minute_only_where_a_plan_limits_them(tmp_path: Path) -> None:
    """They count in longer windows all the same."""
    counted = counting(tmp_path, "requests")
    counted.count(line(HOUR), line(HOUR + 60))
    by_window = {(window, unit) for _, _, window, _, unit in used(counted)}
    units = ("requests", "tokens", "credits", "cost")
    longer = {(window, unit) for window in ("1h", "1d", "1mo") for unit in units}
    assert by_window == longer | {("1m", "requests"), ("1m", "credits")}


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("logged", [False, True])
def test_folds_may_fall_anywhere(tmp_path: Path, limits: str, logged: bool) -> None:
    """A fold after each line finds what no fold finds until the end, in whatever order the lines are."""
    fields = FIELDS + (", cost: cost" if logged else "")
    seldom, always = (counting(tmp_path, limits, fields) for _ in range(2))
    chance = random.Random(7)
    at = HOUR
    for _ in range(60):
        at += chance.choice((1, 20, 70, 1500))
        lines = [
            line(
                at + chance.randrange(-70, 30),
                chance.choice("ab"),
                model=chance.choice("mnx"),
                s=chance.choice((200, 200, 429)),
                out=chance.randrange(50),
                **({"cost": 0.125} if chance.random() < 0.5 else {}),
            )
            for _ in range(chance.randrange(1, 12))
        ]
        lines.sort(key=lambda line: int(line["t"]) // 60)  # as they are divided
        for each in lines:
            always.count(each)
        seldom.meter.count(seldom.decoded(lines))
        if chance.random() < 0.1:
            seldom.meter.fold()
    seldom.meter.fold()
    assert used(seldom) == pytest.approx(used(always))
    names = ("gateway_requests_total", "gateway_tokens_total", "gateway_cost_total")
    for name in names:
        assert of(seldom.samples(), name) == pytest.approx(of(always.samples(), name)), name
