"""Lines → samples, in this process: what a test of counting needs when it needs no command."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from exporter.config.load import load
from exporter.counting.meter import Meter
from exporter.formats.decoders.decoder import Decoded
from exporter.metrics.exposition import render
from exporter.service.assembly import Assembly
from tests.exporter import Samples, samples


class Counting:
    """A config's first input. `config` is YAML; other files that it names must be there."""

    def __init__(self, folder: Path, config: str, row_mark: int | None = None) -> None:
        path = folder / "config.yaml"
        path.write_text(config, encoding="utf-8")
        self.assembly = Assembly(load(path))
        self.assembly.open_request_log(row_mark)
        input_ = self.assembly.config.inputs[0]
        format_ = self.assembly.format_of(input_)
        self.decoder = format_.decoder
        self.meter: Meter = self.assembly.meter_of(input_, format_)

    def decoded(self, lines: Iterable[dict[str, Any]]) -> Decoded:
        """Lines, decoded."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        return self.decoder.decode(text.encode()) if text else Decoded([], [])

    def count(self, *lines: dict[str, Any]) -> Samples:
        """Count lines, and fold; the samples then."""
        self.meter.count(self.decoded(lines))
        self.meter.fold()
        return self.samples()

    def samples(self) -> Samples:
        """All samples now."""
        return samples(b"".join(render(self.assembly.store)[0]).decode())


def of(found: Samples, name: str) -> dict[tuple[str, ...], float]:
    """A family's values by its labels' values, in the order of the labels' names. Absent labels are left out,
    and series that only they tell apart are added up.
    """
    chosen: dict[tuple[str, ...], float] = {}
    for series, value in found.items():
        family, _, labels = series.partition("{")
        if family == name:
            pairs = labels.removesuffix("}").split('",') if labels else []
            values = tuple(pair.partition('="')[2].rstrip('"') for pair in pairs)
            chosen[values] = chosen.get(values, 0) + value
    return chosen
