"""`check`: validate a config with its key registry and price tables, and note what is missing on this machine."""

import os
import sys
from pathlib import Path

from exporter.commands.describe import summary
from exporter.commands.generate import rules
from exporter.commands.notes import exposed, notes, paths_of, unused_labels
from exporter.commands.reachable import asked
from exporter.commands.suggest_config import SAMPLE_BYTES, survey_of
from exporter.config.inputs import InputConfig
from exporter.config.keys import KeyApiConfig
from exporter.config.load import Loaded, load
from exporter.config.server import SECRET_FILES, ServerPart
from exporter.config.web import load_web
from exporter.errors import StateError
from exporter.formats.format import slow_parts
from exporter.formats.spec import resolved
from exporter.inputs.archive import head, newest
from exporter.inputs.events import printable
from exporter.service.assembly import used_places


def run(path: str, offline: bool) -> None:
    """Print notes to standard error and a summary to standard output. ConfigError if the config is not valid. The admin
    API of the key registry, the Prometheus of usage reports and the receiver of requests are asked, unless `offline`.
    """
    loaded = load(Path(path))
    rules(path, loaded.config)
    inputs, state = loaded.config.inputs, loaded.config.state.path
    slow = [f"input {input_.name}: {part}" for input_ in inputs for part in slow_parts(input_.spec)]
    logs = {input_.name: input_.path for input_ in inputs}
    for note in slow + exposed(_secrets(loaded)) + notes(logs, state) + unused_labels(loaded.config):
        print(f"{path}: {note}", file=sys.stderr)
    for note in () if offline else asked(loaded):
        print(f"{path}: {note}", file=sys.stderr)
    if state and os.access(state, os.R_OK) and Path(state).is_file():
        print(f"{path}: {_places(loaded)}")
    for input_ in inputs:
        if found := _look_into(input_):
            print(f"{path}: input {input_.name}: {found}", file=sys.stderr)
    print(f"{path}: good: {_counts(loaded)}")


def _counts(loaded: Loaded) -> str:
    """How many of each thing the config has."""
    counts = {"input": len(loaded.config.inputs), "registered key": len(loaded.keys)}
    if loaded.pricing.priced:
        counts["price"] = loaded.pricing.size
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items())


def _secrets(loaded: Loaded) -> dict[str, str]:
    """The files that hold secrets, by the field that names them."""
    config = loaded.config
    found = {"identity.secret_file": str(loaded.secret_file or ""), "state.path": config.state.path}
    servers: dict[str, ServerPart] = {"usage.prometheus": config.usage.prometheus} if config.usage else {}
    if isinstance(config.keys, KeyApiConfig):
        servers["keys"] = config.keys
    if config.requests and config.requests.otlp:
        servers["requests.otlp"] = config.requests.otlp
        found["requests.otlp.key_file"] = config.requests.otlp.key_file
    found |= {f"{at}.{name}": getattr(server, name) for at, server in servers.items() for name in SECRET_FILES}
    if config.web.config:
        key = load_web(Path(config.web.config)).key_file
        found |= {"web.config": config.web.config, "tls_server_config.key_file": key}
    return found


def _look_into(input_: InputConfig) -> str:
    """What is found in the newest of an input's logs, at its start and its end; "" if none is there, or is empty."""
    logs = [path for path in paths_of(input_.path) if os.access(path, os.R_OK) and path.is_file()]
    if not logs:
        return ""
    log = max(logs, key=lambda path: path.stat().st_mtime)
    sample = head(str(log), SAMPLE_BYTES)
    if not sample.strip():
        return ""
    found = summary(survey_of(input_, sample))
    written_now = newest(str(log), SAMPLE_BYTES)
    if resolved(input_.spec).csv is not None:  # whose columns are named at the top
        top = next((n for n, line in enumerate(sample.splitlines()) if not line.startswith(b"#")), 0)
        written_now = b"".join(sample.splitlines(True)[: top + 1]) + written_now if written_now else b""
    now = summary(survey_of(input_, written_now)) if written_now.strip() else found
    return f"{printable(str(log))}: {found}" + (f"; of its newest lines: {now}" if now != found else "")


def _places(loaded: Loaded) -> str:
    """How many values each label's budget has admitted, and how many more it can."""
    try:
        used = used_places(loaded)
    except StateError as error:
        return f"state.path: {error}"
    parts = [f"{label} {count:,} used, {max(0, budget - count):,} left" for label, (count, budget) in used.items()]
    return f"label budgets: {'; '.join(parts)} (for the key with the most)"
