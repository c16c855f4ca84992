"""Generated code: one file compiles it, and what it compiles can be read."""

import ast
from pathlib import Path

from exporter.formats.codegen import compile_function, function_source

ROOT = Path(__file__).parents[2]
PARTS = ("exporter", "alerts", "dashboards", "tests", "benchmarks")


def runs_text(path: Path) -> bool:
    """Whether a file calls `exec` or `eval`."""
    calls = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    return any(isinstance(call, ast.Name) and call.id in ("exec", "eval") for call in calls)


def test_one_file_turns_text_into_code() -> None:
    """So that one file shows what text that may be."""
    files = [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
    assert [str(path.relative_to(ROOT)) for path in files if runs_text(path)] == ["exporter/formats/codegen.py"]


def test_a_function_is_compiled_from_the_source_that_is_shown() -> None:
    """Its lines see the names that they are given, and leave them as they were."""
    names = {"factor": 3}
    lines = ["total = 0", "for n in numbers:", "  total += n * factor", "return total"]
    assert compile_function("weigh", "numbers", lines, names)([1, 2]) == 9
    assert names == {"factor": 3}
    assert function_source("weigh", "numbers", lines).splitlines() == [
        "def weigh(numbers):",
        "  total = 0",
        "  for n in numbers:",
        "    total += n * factor",
        "  return total",
    ]
