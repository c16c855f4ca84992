"""A declared label more on the families of callers: the rules are the same, and say the same."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.build import files
from exporter.config.families import OF_CALLERS
from tests.alerts.built import GENERATED, RULE_TESTS, config
from tests.alerts.test_promtool import promtool

# Those that ask for requests, errors, tokens and cost; the slowest ask no more.
ASKING = [path for path in RULE_TESTS if path.stem in ("cost", "errors", "keys", "many_keys", "models", "quota")]
_NUMBERS = re.compile(r"-?[\d.]+(?:e[+-]?\d+)?(?:[+-][\d.]+(?:e[+-]?\d+)?)?(x\d+)?")


def with_label(series: dict[str, str]) -> list[dict[str, str]]:
    """A series with a team, and one of another team that never counts anything; others as they are."""
    name, brace, labels = series["series"].partition("{")
    if re.sub(r"_(bucket|sum|count)$", "", name) not in OF_CALLERS or not brace:
        return [series]
    idle = " ".join(_NUMBERS.sub(lambda found: "0" + (found[1] or ""), value) for value in series["values"].split())
    return [
        {"series": f'{name}{{team="red",{labels}', "values": series["values"]},
        {"series": f'{name}{{team="idle",{labels}', "values": idle},
    ]


def test_rules_do_not_depend_on_declared_labels(tmp_path: Path) -> None:
    """They sum over whatever labels they do not ask for."""
    families = ", ".join(f"{name}: {{add: [team]}}" for name in OF_CALLERS)
    declared = f"metrics: {{labels: {{team: {{}}}}, families: {{{families}}}}}\n"
    assert files(config(tmp_path, "{}", declared)) == files(config(tmp_path, "{}"))


@pytest.mark.parametrize("path", ASKING, ids=lambda path: path.stem)
def test_alerts_say_the_same_of_series_with_one_label_more(path: Path, tmp_path: Path) -> None:
    """No sum counts twice, and no join finds two series where it wants one."""
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["rule_files"] = [str(GENERATED / Path(file).name) for file in content["rule_files"]]
    for test in content["tests"]:
        test["input_series"] = [more for series in test["input_series"] for more in with_label(series)]
    changed = tmp_path / "test.yml"
    changed.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    assert 'team="idle"' in changed.read_text(encoding="utf-8")
    promtool("test", "rules", str(changed))
