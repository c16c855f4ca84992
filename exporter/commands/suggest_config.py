"""`init` and `run LOG`: look at a log, tell its format, and write a config that works for it."""

from pathlib import Path

from exporter.errors import InputError, UsageError
from exporter.formats.detect import Candidate, detect
from exporter.formats.spec import presets
from exporter.inputs.archive import head

# So much of a log is looked at.
_SAMPLE_BYTES = 1 << 18

_CONFIG = """\
# gateway-exporter's config, made by `gateway-exporter init`. Check it with `gateway-exporter check FILE`,
# see what it makes of a line with `gateway-exporter explain --config.file FILE LOG`.

inputs:
{inputs}
# Counters and positions, so that a restart goes on where it was. One exporter, one file.
state: {{path: state.db}}

# Keys are shown as k_ and 16 hex digits of a keyed hash. Its secret is made beside the state, unless one is given,
# to be shared by exporters that must agree:
#   head -c 32 /dev/urandom | base64 > key-hash.secret && chmod 600 key-hash.secret
# identity: {{secret_file: key-hash.secret}}

# Names, owners and plans of keys; `gateway-exporter hash` turns a raw key into an entry's `hash`:
#   - {{hash: k_0123456789abcdef, name: Acme production, owner: acme}}
# keys: keys.yaml

# Paths that belong together. Where none fits, ids, hashes and numbers in a path become :id.
# routes: ["/v1/scores/:identity"]

# Which chain a request is for, where the log does not say: by path, or by host name.
# chains: {{ethereum: "/eth/*", polygon: "polygon.rpc.example.net"}}

# With no state yet, of logs that are there: read what comes (end), or all of it (beginning).
start_at: end

web: {{listen: "127.0.0.1:10114"}}
"""


def distinct(paths: list[str]) -> list[str]:
    """The paths, if each is another file. UsageError where two are one: its lines would count twice."""
    seen: dict[str, str] = {}
    for path in paths:
        real = str(Path(path).resolve())
        if real in seen:
            raise UsageError(f"{path} and {seen[real]} are the same file; give each log once")
        seen[real] = path
    return paths


def recognise(path: str) -> Candidate:
    """The preset that fits a log best. InputError where none does."""
    sample = head(path, _SAMPLE_BYTES)
    if not sample.strip():
        raise InputError(f"{path}: is empty: nothing tells its format; name a preset in a config")
    found = detect(sample)
    if not found:
        raise InputError(
            f"{path}: its format is not recognised (known: {', '.join(presets())}); "
            "describe it in a config with json, template or regex"
        )
    return found[0]


def config_for(paths: list[str]) -> str:
    """A config, with comments, for logs. InputError where the format of one is not recognised, UsageError where two
    are one file.
    """
    inputs, names = "", set()
    for path in distinct(paths):
        best = recognise(path)
        written = f"{{preset: {best.preset}, container: {best.container}}}" if best.container else best.preset
        inputs += f"  - path: {Path(path).resolve()}\n"
        if (name := Path(path).name) in names:
            inputs += f"    name: {path}\n"
        names.add(name)
        inputs += f"    format: {written}  # reads {best.share:.0%} of the lines looked at\n"
    return _CONFIG.format(inputs=inputs)
