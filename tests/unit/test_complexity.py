"""No function has more paths than a reader can hold in mind, unless a comment beside it says why it is long."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# As McCabe counts, but strictly: each operand of `and` and `or` is a path too, and each part of a comprehension.
MOST = 12
REASON = "# Long, as "

Function = ast.FunctionDef | ast.AsyncFunctionDef


def paths(node: ast.AST) -> int:
    """How many more paths lead through a node than one; functions and classes in it count on their own."""
    found = 0
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                continue
            case ast.If() | ast.IfExp() | ast.For() | ast.AsyncFor() | ast.While() | ast.ExceptHandler():
                found += 1
            case ast.BoolOp():
                found += len(child.values) - 1
            case ast.comprehension():
                found += 1 + len(child.ifs)
            case ast.match_case():
                found += 1
        found += paths(child)
    return found


def too_complex(source: str) -> Iterator[str]:
    """The functions of a file with too many paths and no reason before their first statement."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function) and (count := 1 + paths(node)) > MOST:
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            if not any(line.strip().startswith(REASON) for line in lines[node.lineno : first.lineno]):
                yield f"{node.name}: {count}"


@pytest.mark.parametrize("folder", ["alerts", "dashboards", "exporter"])
def test_no_function_is_too_complex(folder: str) -> None:
    """Divide it, or write `# Long, as …` with the reason below its docstring."""
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in too_complex(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_path_counts() -> None:
    """Each kind of branch; a function in another one counts on its own, and a reason exempts one function."""
    branches = "[x for x in a if x if not x]; a and b or c; d if e else f"
    inner = f"  for _ in a:\n    while b:\n      {branches}\n  def g(): {branches}\n"
    source = f"def f():\n  '''It.'''\n{{}}  {branches}\n{inner}"
    assert list(too_complex(source.format(""))) == ["f: 15"]
    assert list(too_complex(source.format("  # Long, as it is a table.\n"))) == []
