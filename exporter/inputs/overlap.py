"""Files that more than one input of a config names; see `names` for who reads them."""

from exporter.inputs.disk.names import covers, is_pattern, matching
from exporter.inputs.elsewhere import identity, read_twice


def shared_logs(logs: dict[str, str]) -> list[str]:
    """The files that more than one input names, and which of them reads each."""
    readers: dict[object, str] = {}
    found: dict[tuple[str, str], str] = {}
    for name, pattern in sorted(logs.items(), key=lambda item: is_pattern(item[1])):
        named = {path for path in logs.values() if is_pattern(pattern) and covers(pattern, path)}
        for path in sorted({*matching(pattern), *named} if is_pattern(pattern) else [pattern]):
            reader = readers.setdefault(identity(path) or path, name)
            if reader != name:
                found.setdefault((name, reader), path)
    return [f"input {name}: {read_twice(path, reader)}" for (name, reader), path in found.items()]
