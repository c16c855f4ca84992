"""Imports run one way, down the rooms that a line passes, so that each can be read and tested without those above."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Downwards: a module imports those of its own folder and of the lines below. `leaves` are the files beside the folders.
RANKS = (
    ("__main__", "reference"),
    ("cli",),
    ("command_line",),
    ("commands",),
    ("demo", "service"),
    ("state",),
    ("counting", "config"),
    ("request_log",),
    ("keys", "limits", "pricing", "usage"),
    ("requests",),
    ("inputs", "formats", "metrics"),
    ("model",),
    ("leaves",),
)
RANK = {folder: rank for rank, folders in enumerate(RANKS) for folder in folders}
# Who may know the config: everybody else is handed plain values.
KNOW_CONFIG = {"cli", "commands", "service", "config", "reference"}


@cache
def imported(path: Path) -> list[str]:
    """The modules of the exporter, and of what stands beside it, that a file imports."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports = [f"{node.module}.{alias.name}" for alias in node.names]
            names += [name if is_module(name) else node.module for name in imports]
    return names


@cache
def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def folder_of(module: str) -> str:
    """The folder of `exporter/` that a module is in, or the part of the product beside it."""
    top, _, rest = module.partition(".")
    first = rest.split(".")[0]
    if top != "exporter":
        return top
    return first if first in RANK or (ROOT / "exporter" / first).is_dir() else "leaves"


def imports() -> dict[str, set[str]]:
    """What each module imports of the product."""
    found = {}
    for path in sorted((ROOT / "exporter").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        ours = {name for name in imported(path) if name.split(".")[0] in ("exporter", "alerts", "dashboards")}
        found[module] = ours - {"exporter", "exporter.__version__"}
    return found


IMPORTS = imports()


def test_there_is_no_circle() -> None:
    """Whatever the names: an order exists in which each module comes after all that it imports."""
    TopologicalSorter(IMPORTS).prepare()
    assert len(IMPORTS) > 80


def test_every_folder_has_its_place_in_the_order() -> None:
    """A new one has to be put there."""
    folders = {path.name for path in (ROOT / "exporter").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders | {"__main__", "cli", "command_line", "leaves"} == set(RANK)


def test_every_folder_lists_its_files() -> None:
    """In the docstring of its `__init__.py`, each with a few words: a new file needs a line there."""
    for folder in (path.parent for path in (ROOT / "exporter").rglob("*/__init__.py")):
        lines = (folder / "__init__.py").read_text("utf-8").partition('"""\n')[0].splitlines()
        listed = [line.split(" ")[0] for line in lines if ".py " in line]
        assert sorted(listed) == sorted(path.name for path in folder.glob("*.py") if path.name != "__init__.py"), folder


def test_nothing_imports_what_stands_above_it() -> None:
    """Nor what stands beside it in another folder."""
    wrong = [
        (module, name)
        for module, names in IMPORTS.items()
        for name in names
        if (mine := folder_of(module)) != (other := folder_of(name)) and other in RANK and RANK[mine] >= RANK[other]
    ]
    assert wrong == []


def test_folders_in_a_folder_import_one_way_too() -> None:
    """As `inputs/logs` imports `inputs/rotations`, which does not import it."""
    inner = [
        tuple(path.relative_to(ROOT).parts)
        for path in (ROOT / "exporter").glob("*/*")
        if (path / "__init__.py").exists()
    ]
    graph: dict[tuple[str, ...], set[tuple[str, ...]]] = {folder: set() for folder in inner}
    for module, names in IMPORTS.items():
        mine, others = tuple(module.split(".")[:3]), {tuple(name.split(".")[:3]) for name in names}
        if mine in graph:
            graph[mine] |= (others & graph.keys()) - {mine}
    TopologicalSorter(graph).prepare()
    assert len(graph) > 7


def test_no_stage_imports_the_config() -> None:
    """Only what puts the parts together does."""
    assert {folder_of(module) for module, names in IMPORTS.items() if "config" in map(folder_of, names)} <= KNOW_CONFIG


def test_only_the_command_line_knows_the_rules_and_dashboards() -> None:
    """They are made of the catalogue and the config, and nothing of the exporter knows them."""
    wrong = [
        module
        for module, names in IMPORTS.items()
        if {"alerts", "dashboards"} & set(map(folder_of, names)) and folder_of(module) not in ("cli", "commands")
    ]
    assert wrong == []
