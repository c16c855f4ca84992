"""The corpus of presets: a folder for each log, with its config, what each line means, and what is counted.

`access.log` has lines composed after the gateway's own, with every trap they set. `records.jsonl` has the records
that the preset's reader makes of them, a line each, keys in clear; lines that wait for another in vain come last, and
rejected ones after all. `metrics.prom` is what `replay` prints. `chains.jsonl` has what is kept of requests with
several attempts, or with their times. UPDATE_GOLDEN=1 writes all again.
"""

import os
from functools import cache
from pathlib import Path

import msgspec
import yaml

from exporter.formats.decoders.batch import Batched
from exporter.formats.decoders.decoder import Decoder
from exporter.formats.format import build
from exporter.formats.spec import FormatSpec

GOLDEN = Path(__file__).parent / "golden"
FOLDERS = sorted(folder for folder in GOLDEN.iterdir() if folder.is_dir())
NAMES = [folder.name for folder in FOLDERS]


def spec_of(folder: Path) -> FormatSpec:
    """The format that a folder's log is read with."""
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    format_ = config["inputs"][0]["format"]
    return msgspec.convert({"preset": format_} if isinstance(format_, str) else format_, FormatSpec)


def preset_of(folder: Path) -> str:
    """The preset that a folder's log is read with."""
    return spec_of(folder).preset


def log_of(name: str) -> bytes:
    """The log in a folder."""
    return (GOLDEN / name / "access.log").read_bytes()


@cache
def _decoder(preset: str) -> Decoder:
    return build(FormatSpec(preset=preset)).decoder


def counting(preset: str, log: list[bytes]) -> list[bytes]:
    """What each counts as a line: a log's lines, or the records in those that hold many. One that holds none counts."""
    decoder = _decoder(preset)
    if not isinstance(decoder, Batched):
        return log
    return [record for line in log for record in decoder.entries(line) or [line]]


def expected(file: Path, found: str) -> str:
    """What a golden file holds; with UPDATE_GOLDEN it holds what was found."""
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(found, encoding="utf-8")
    return file.read_text(encoding="utf-8")
