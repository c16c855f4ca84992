"""Imports run one way, so that a stage can be read, tested and changed without those above it."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Downwards; a module may import those of the lines below its own. Stages are all that stand in none of these.
ABOVE_STAGES = (("cli",), ("choose", "reload", "server"), ("assembly", "scrapes", "status"), ("pipeline",))
FOUNDATION = ("record", "catalog", "errors")
# What only the command line runs.
COMMANDS = {"alerts", "dashboards", "demo", "explain", "init", "replay"}
RANK = {name: rank for rank, names in enumerate(ABOVE_STAGES) for name in names}


def imports() -> dict[str, set[str]]:
    """What each module of the exporter imports of it, and of what stands beside it; without `exporter.` in front."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "exporter").rglob("*.py")):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        ours = {name for name in names if name.split(".")[0] in ("exporter", "alerts", "dashboards")} - {"exporter"}
        found[module.removeprefix("exporter.")] = {name.removeprefix("exporter.") for name in ours}
    return found


IMPORTS = imports()


def test_there_is_no_circle() -> None:
    """Whatever the names: an order exists in which each module comes after all that it imports."""
    TopologicalSorter(IMPORTS).prepare()
    assert len(IMPORTS) > 50


def test_nothing_imports_what_stands_above_it() -> None:
    """cli → assembly → pipeline → stages."""
    wrong = [
        (module, name)
        for module, names in IMPORTS.items()
        for name in names
        if RANK.get(module, len(RANK)) >= RANK.get(name, len(RANK)) and name in RANK
    ]
    assert wrong == []


def test_the_foundation_stands_on_nothing() -> None:
    """The record, the catalogue and the errors import nothing of the exporter."""
    assert not any(IMPORTS[name] for name in FOUNDATION)


def test_no_stage_imports_the_config() -> None:
    """Only what puts the parts together does, and the config itself."""
    importers = {module for module, names in IMPORTS.items() if any(name.startswith("config") for name in names)}
    assert {module for module in importers if not module.startswith("config")} - {"plans"} == {
        "cli",
        "choose",
        "reload",
        "assembly",
    }


def test_only_the_command_line_imports_the_commands() -> None:
    """Nor does anything of the exporter know the rules and dashboards that are made of its catalogue."""
    wrong = [
        (module, name)
        for module, names in IMPORTS.items()
        for name in names
        if name.split(".")[0] in COMMANDS
        and module not in ("cli", "choose")
        and module.split(".")[0] != name.split(".")[0]
    ]
    assert wrong == []
