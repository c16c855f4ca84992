"""What the whole catalogue costs: the exporter over one log with the nine families of the comparison, and with all.

    python -m benchmarks.everything llm.log steady.log --runs 5

The log is `llm`. With all: models, tokens, money by a price table, credits, attempts and failovers, a registry of
all its keys, each with limits by the minute and the month. The nine families of `steady` are what it is compared with.
Runs are whole processes, in turn. Of each log the one counts that took least CPU time, as other programs on the machine
slow down one run more than another.
"""

import argparse
import tempfile
from pathlib import Path
from random import Random

import yaml

from benchmarks import mtail
from benchmarks.logs import PROVIDERS
from benchmarks.measure import Run, measure
from benchmarks.program import COMMAND, CONFIG
from benchmarks.traffic import STEADY, label_sets
from exporter.keys.identity import Identity

_SECRET = b"a secret of the benchmark"
_ADDED = {
    "model": "model",
    "provider": "provider",
    "attempts": "attempts",
    "upstream_status": "upstream_status",
    "time_to_first_token": "ttft",
    "input_tokens": {"path": "input_tokens", "includes": ["cache_read_tokens"]},
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cached_tokens",
}


def everything(folder: Path, kinds: tuple[int, int] = STEADY) -> Path:
    """A config with all that can be counted, and its files. `kinds` are those of the log."""
    keys = sorted({label_set.api_key for label_set in label_sets(Random(1), kinds)[0]})
    prices = [
        {"model": f"model-{n}", "type": "chat", "per_million_tokens": {"input": 1 + n, "output": 5, "cache_read": 0.1}}
        for n in range(len(PROVIDERS))
    ]
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    fields = config["inputs"][0]
    fields["format"]["json"] |= _ADDED
    limits = [{"window": "1m", "requests": 600}, {"window": "1mo", "requests": 10**6, "tokens": 10**9, "cost": 1000}]
    config |= {
        "inputs": [fields],
        "identity": {"secret_file": "secret"},
        "keys": "keys.yaml",
        "plans": {"all": {"limits": limits}},
        "pricing": {
            "models": "prices.yaml",
            "credits": {"default": 20, "eth_call": 26, "statuses": {429: 0}},
            "multipliers": dict.fromkeys(PROVIDERS[:1], 0.5),
        },
    }
    identity = Identity(_SECRET)
    entries = [{"id": f"customer-{n}", "hash": identity.hash(key), "plan": "all"} for n, key in enumerate(keys)]
    (folder / "secret").write_bytes(_SECRET)
    (folder / "secret").chmod(0o600)
    (folder / "keys.yaml").write_text(yaml.safe_dump(entries), encoding="utf-8")
    (folder / "prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder / "config.yaml"


def run(log: Path, config: Path) -> Run:
    """One run over the whole log."""
    replay = [COMMAND, "replay", "--config.file", str(config), "--input", "fields", str(log)]
    return measure(replay, mtail.count_lines(log))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.everything", description="Times the whole catalogue.")
    parser.add_argument("llm", type=Path)
    parser.add_argument("steady", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    spent: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        config = everything(Path(folder))
        for _ in range(args.runs):
            runs = run(args.steady, CONFIG), run(args.llm, CONFIG), run(args.llm, config)
            spent.append(tuple(each.cpu_per_line for each in runs))
            print(_row(*spent[-1]), flush=True)
    print(f"  the least of each:{_row(*map(min, zip(*spent, strict=True)))}")


def _row(steady: float, nine: float, all_: float) -> str:
    return (
        f"  µs of CPU a line: steady {steady:.2f}; llm, nine families {nine:.2f}; llm, everything {all_:.2f},"
        f" which is {all_ / steady:.2f} times steady"
    )


if __name__ == "__main__":
    main()
