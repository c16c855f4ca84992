"""`init`: detect the format of logs and print a config for them. `run LOG…` detects formats here, too."""

import json
import os
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
import yaml

from exporter.commands.describe import comments
from exporter.commands.select_input import distinct
from exporter.commands.survey import Survey, lines_of, survey
from exporter.config.alerts import Latency
from exporter.config.config import Config
from exporter.config.inputs import InputConfig
from exporter.config.load import Loaded
from exporter.errors import InputError
from exporter.formats.decoders.decoder import is_utf16
from exporter.formats.detection.detect import Candidate, detect
from exporter.formats.detection.draft import draft
from exporter.formats.detection.usage import unread_usage
from exporter.formats.spec import FormatSpec, presets
from exporter.inputs.archive import head
from exporter.inputs.disk.content import no_file
from exporter.inputs.disk.names import exactly
from exporter.inputs.events import printable
from exporter.private_folder import service_state
from exporter.service.assembly import Assembly

# How much of a log is read to detect its format.
SAMPLE_BYTES = 1 << 18
# Of so many of its lines the usage is looked for.
_USAGE_LINES = 500

# By it an editor completes and checks the config while somebody writes.
_SCHEMA = Path(__file__).parents[1] / "config" / "schema.json"

_CONFIG = """\
# yaml-language-server: $schema={schema}
# Config for gateway-exporter, written by `gateway-exporter init`. Check it with `gateway-exporter check FILE`;
# `gateway-exporter explain --config.file FILE LOG` shows what is read from each line.

inputs:
{inputs}
# Counters and log positions, so that a restart continues where it stopped. Each exporter needs its own file, in a
# folder that its user can write to. A service's is /var/lib/gateway-exporter: `init --state.folder` says which.
state: {{path: {state}}}

# API keys are shown as k_ and 16 hex digits of a keyed hash. The secret for it is created next to the state file.
# If several exporters must show the same names, create one secret and give it to all of them:
#   head -c 32 /dev/urandom | base64 > key-hash.secret && chmod 600 key-hash.secret
# identity: {{secret_file: key-hash.secret}}

# Names, owners and plans of keys. `gateway-exporter hash` prints the `hash` of a raw key:
#   - {{hash: k_0123456789abcdef, name: Acme production, owner: acme}}
# keys: keys.yaml

# Paths to count as one route. In other paths, ids, hashes and numbers become :id.
# routes: ["/v1/scores/:identity"]

# Chains, if the log does not name them: by path or by host name.
# chains: {{ethereum: "/eth/*", polygon: "polygon.rpc.example.net"}}

# On the first start: read only new lines (end), or existing logs from their beginning (beginning).
start_at: end

web: {{listen: "127.0.0.1:10114"}}
{slow}"""
# Alerts would report methods that take longer on average without end. Fewer requests say little.
_SLOW_SECONDS = Latency().warning or 0.5
_ENOUGH = 10
_SLOW = """
# These took more than {seconds:g} s on average. Keep here what takes long by nature: alerts on latency leave it out.
alerts: {{slow_methods: {methods}}}
"""


def run(logs: list[str], state: str | None) -> None:
    """Print a config for logs. `state` is the folder of its state (default: that of a service if this user can write
    there, else the config's).
    """
    print(config_for(logs, service_state() if state is None else state), end="")


def sample_of(path: str) -> bytes:
    """A log's first lines. InputError if there are none, if they are UTF-16, or if it is a pipe, which would lose
    them.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise InputError(f"{path}: {no_file(path).strerror}")
    sample = head(path, SAMPLE_BYTES)
    if not sample.strip():
        raise InputError(f"{path}: the log is empty, so its format can't be detected; name a preset in a config")
    if is_utf16(sample[:4096]):
        raise InputError(f"{path}: the log is UTF-16, which is not read: have it written in UTF-8")
    return sample


def recognise(path: str) -> Candidate:
    """The preset that reads most of a log's first lines. InputError if none does."""
    found = detect(sample_of(path))
    if not found:
        raise InputError(f"{_unknown(path)}; `gateway-exporter init LOG` prints a draft of one")
    return found[0]


def _unknown(path: str) -> str:
    return (
        f"{path}: unknown log format (known: {', '.join(presets())}); "
        "describe it in a config with json, csv, logfmt, template or regex"
    )


def config_for(paths: list[str], state: str) -> str:
    """A config, with comments, for logs, whose state is in the folder `state`. InputError if a log can't be read,
    UsageError if two are the same file.
    """
    inputs, names, slow = "", set(), set()
    for path in distinct(paths):
        sample = sample_of(path)
        whole = str(Path(path).resolve())
        named = _named(whole)
        inputs += f"  - path: {_scalar(named)}\n"
        name = printable(Path(path).name)
        if name in names or named != whole or not whole.endswith(name):
            inputs += f"    name: {_scalar(printable(path) if name in names else name)}\n"
        names.add(name)
        written, found = _format(path, sample)
        inputs += written
        slow |= _slow(found)
    methods = json.dumps(sorted(slow), ensure_ascii=False)
    return _CONFIG.format(
        schema=_SCHEMA,
        inputs=inputs,
        state=_scalar(str(Path(state, "state.db"))),
        slow=_SLOW.format(seconds=_SLOW_SECONDS, methods=methods) if slow else "",
    )


def _named(path: str) -> str:
    """What names a log in a config. Bytes that are not UTF-8 can't be written there, and are a `?` each."""
    return "".join("?" if "\ud800" <= character <= "\udfff" else character for character in exactly(path))


def _scalar(text: str) -> str:
    """A text as YAML, between quotes where it needs them."""
    written = yaml.safe_dump([text], default_flow_style=True, width=sys.maxsize, allow_unicode=True)[1:-2]
    return written if written.isprintable() else yaml.safe_dump(text, default_style='"', width=sys.maxsize).strip()


def _slow(found: Survey) -> set[str]:
    """The methods that take long."""
    return {
        method
        for method, durations in found.durations.items()
        if len(durations) >= _ENOUGH and fmean(durations) > _SLOW_SECONDS
    }


def _format(path: str, sample: bytes) -> tuple[str, Survey]:
    """The format of a log with comments that say what it finds, and what that is. InputError if nobody can tell one."""
    found = detect(sample)
    if found:
        spec, about = found[0].spec, []
        written = f"    format: {_written(spec)}\n"
    else:
        drafted = draft(lines_of(sample))
        if not drafted:
            raise InputError(_unknown(path))
        spec, written = FormatSpec(**drafted), _below(drafted)
        about = ["No preset reads this log. This format is a guess by names and values: check each line."]
    looked = survey_of(InputConfig(path=path, format=spec), sample)
    about += comments(looked, spec)
    return written + "".join(f"    # {line}\n" for line in about) + _unread(spec, sample), looked


def survey_of(input_: InputConfig, sample: bytes = b"") -> Survey:
    """What is found in the first lines of an input's log. Hashed names of keys in it mean nothing outside."""
    assembly = Assembly(Loaded(config=Config(inputs=[input_]), secret=os.urandom(32)))
    return survey(assembly, input_, sample or sample_of(input_.path))


def _written(spec: FormatSpec) -> str:
    """A preset, with what goes with it, as a config has it."""
    if spec == FormatSpec(preset=spec.preset):
        return spec.preset
    return yaml.safe_dump(msgspec.to_builtins(spec), default_flow_style=True, sort_keys=False, width=1000).strip()


def _below(drafted: dict[str, Any]) -> str:
    """A format that is described, over several lines."""
    lines = yaml.safe_dump(drafted, sort_keys=False, width=1000, allow_unicode=True).splitlines()
    return "    format:\n" + "".join(f"      {line}\n" for line in lines)


def _unread(spec: FormatSpec, sample: bytes) -> str:
    """A comment that names the counts of tokens which the format does not read; "" if it reads them all."""
    names = sorted({usage.name for usage in unread_usage(spec, sample.split(b"\n")[:-1][:_USAGE_LINES])})
    return f"    # tokens in the log that this format does not read: {', '.join(names)}\n" if names else ""
