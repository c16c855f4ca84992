"""`check`: validate a config with its key registry and price tables, and note what is missing on this machine."""

import sys
from pathlib import Path

from exporter.commands.generate import rules
from exporter.commands.notes import notes
from exporter.config.load import Loaded, load
from exporter.errors import StateError
from exporter.formats.spec import slow_parts
from exporter.service.assembly import used_places


def run(path: str) -> None:
    """Print notes to standard error and a summary to standard output. ConfigError if the config is not valid."""
    loaded = load(Path(path))
    rules(path, loaded.config)
    inputs, state = loaded.config.inputs, loaded.config.state.path
    slow = [f"input {input_.name}: {part}" for input_ in inputs for part in slow_parts(input_.spec)]
    for note in slow + notes({input_.name: input_.path for input_ in inputs}, state):
        print(f"{path}: {note}", file=sys.stderr)
    if state and Path(state).is_file():
        print(f"{path}: {_places(loaded)}")
    counts = {"input": len(inputs), "registered key": len(loaded.keys)}
    if loaded.pricing.priced:
        counts["price"] = loaded.pricing.size
    summary = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items())
    print(f"{path}: good: {summary}")


def _places(loaded: Loaded) -> str:
    """How many values each label's budget has admitted, and how many more it can."""
    try:
        used = used_places(loaded)
    except StateError as error:
        return f"state.path: {error}"
    parts = [f"{label} {count:,} used, {max(0, budget - count):,} left" for label, (count, budget) in used.items()]
    return f"label budgets: {'; '.join(parts)} (for the key with the most)"
