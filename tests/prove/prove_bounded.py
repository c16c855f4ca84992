"""Random values in every label: `python -m tests.prove.prove_bounded` shows that series, sums and memory stay bounded.

Each line has a key, method, chain, origin, model and provider that no other line has. One in ten succeeds, so that
they earn places as long as there are any.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from exporter.model.labels import BUDGETS
from tests.command import COMMAND
from tests.exporter import Samples, samples

# What the process may take in memory with the default budgets, whatever it is fed.
CEILING_BYTES = 100_000_000
_BYTES = 7
# For each label: how to find its values in the metric that shows it best.
_SHOWN_BY = {
    "key": "gateway_requests_total",
    "method": "gateway_requests_total",
    "chain": "gateway_requests_total",
    "origin": "gateway_origin_requests_total",
    "model": "gateway_model_requests_total",
    "provider": "gateway_model_requests_total",
}
# Families of which each line adds one, or so many.
_SUMS = {
    "gateway_requests_total": 1,
    "gateway_calls_total": 1,
    "gateway_origin_requests_total": 1,
    "gateway_model_requests_total": 1,
    "gateway_request_duration_seconds_count": 1,
    "gateway_key_request_duration_seconds_count": 1,
    "gateway_model_request_duration_seconds_count": 1,
    "gateway_response_bytes_total": _BYTES,
}

# Runs a command, and tells its largest resident set in KiB. In a process of its own, because a child's is never
# less than its parent's.
_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


@dataclass
class Outcome:
    """What became of so many lines: series of each family, values of each label, sums, and the most memory."""

    lines: int
    series: Counter[str]
    values: dict[str, int]
    sums: dict[str, float]
    overflow: float
    rss_bytes: int
    max_series: int

    @property
    def failures(self) -> list[str]:
        """Where a ceiling was not kept, or a sum is not whole."""
        wrong = [
            f"{name} adds up to {found:g}, not {each * self.lines}"
            for name, each in _SUMS.items()
            if (found := self.sums[name]) != each * self.lines
        ]
        wrong += [
            f"{label} has {found} values, and a budget of {BUDGETS[label]}"
            for label, found in self.values.items()
            if label != "origin" and found > BUDGETS[label] + 1  # `other`, or `unknown`
        ]
        wrong += [
            f"{name} has {found} series, and a cap of {self.max_series}"
            for name, found in self.series.items()
            if found > self.max_series + 1
        ]
        if self.rss_bytes > CEILING_BYTES:
            wrong.append(f"it took {self.rss_bytes} bytes of memory, and {CEILING_BYTES} are the ceiling")
        return wrong


def prove_bounded(folder: Path, lines: int, seed: int = 1, max_series: int = 200_000) -> Outcome:
    """Count so many lines with the real command. The log is deleted."""
    rng = random.Random(seed)
    log = folder / "access.log"
    with log.open("wb") as out:
        for _ in range(lines):
            out.write(_line(rng))
    (folder / "secret").write_text("a secret of the proof only", encoding="utf-8")
    (folder / "config.yaml").write_text(
        f"inputs: [{{path: access.log, format: nginx-json}}]\nidentity: {{secret_file: secret}}\n"
        f"metrics: {{max_series: {max_series}}}\n",
        encoding="utf-8",
    )
    replay = [COMMAND, "replay", "--config.file", "config.yaml", "access.log"]
    with (folder / "exposition").open("wb") as out:
        told = subprocess.run(
            [sys.executable, "-c", _MEASURE, *replay], cwd=folder, stdout=out, stderr=subprocess.PIPE, check=True
        )
    log.unlink()
    found = samples((folder / "exposition").read_text(encoding="utf-8"))
    return _outcome(lines, found, int(told.stderr.split()[-1]) * 1024, max_series)


def _line(rng: random.Random) -> bytes:
    # Words that read like names: what could be a key would not be shown at all.
    word = "-".join("".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(3)) for _ in range(2))
    status = 200 if rng.random() < 0.1 else 404
    return (
        f'{{"status":{status},"scheme":"https","request_time":0.125,"bytes_sent":{_BYTES},"api_key":"sk-{word}",'
        f'"rpc_method":"m{word}","chain":"c{word}","origin":"https://o{word}.example","model":"l{word}",'
        f'"provider":"p{word}"}}\n'
    ).encode()


def _outcome(lines: int, found: Samples, rss_bytes: int, max_series: int) -> Outcome:
    series: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    values: dict[str, set[str]] = {label: set() for label in _SHOWN_BY}
    for text, value in found.items():
        name, _, labels = text.removesuffix("}").partition("{")
        series[name] += 'le="' not in labels
        sums[name] += value  # type: ignore[assignment]
        pairs = dict(pair.split("=", 1) for pair in labels.split(",") if pair)
        for label, shown_by in _SHOWN_BY.items():
            if name == shown_by:
                values[label].add(pairs[label])
    return Outcome(
        lines,
        series,
        {label: len(found) for label, found in values.items()},
        {name: sums[name] for name in _SUMS},
        sums["gateway_exporter_overflow_total"],
        rss_bytes,
        max_series,
    )


def main() -> int:
    """The command; 1 where something grew past its ceiling."""
    parser = argparse.ArgumentParser(description="Feed random values to every label.")
    parser.add_argument("--values", type=int, default=1_000_000, help="of each label")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prove-bounded-") as folder:
        outcome = prove_bounded(Path(folder), args.values, args.seed)
    print(f"{args.values} values of each label, seed {args.seed}: {outcome.rss_bytes / 1e6:.0f} MB at the most")
    print("; ".join(f"{label}: {count} values" for label, count in outcome.values.items()))
    for failure in outcome.failures:
        print(f"FAILED: {failure}")
    return int(bool(outcome.failures))


if __name__ == "__main__":
    sys.exit(main())
