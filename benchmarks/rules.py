"""What the rules cost Prometheus where a gateway is large: 500 keys, 20 methods, 5 chains.

    python -m benchmarks.rules --keys 50

A tenth of the keys has its two days, a sample each minute, in a real Prometheus. For each rule the samples that it
reads at its time (`stats=all` of the query API), for each group the CPU time of the process while it evaluates that
group alone, are scaled up by the number of keys, though not all of a group grows by it. Series are counted: those that
have a key are scaled up, the others are not. Recorded series are evaluated once, and have had that value for two days.

Bars: a group takes less than 5 % of its interval, a rule reads less than 5 million samples, and recorded series are
less than 20 % of the raw ones. The exit code says whether they hold.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from alerts.build import files
from benchmarks.prometheus import Prometheus
from benchmarks.series import Series, Size, series
from exporter.durations import seconds

_OF_KEYS = 500
_MOST_SHARE, _MOST_SAMPLES, _MOST_RECORDED = 0.05, 5_000_000, 0.2
_HOUR, _DAY = 3600, 86400
# So long the data goes on into the future, so that rules can be evaluated as time passes.
_AHEAD_SECONDS = 3000
_EVERY_SECONDS, _EVALUATIONS = 3, 5
_COUNTED = "prometheus_rule_evaluations_total"


class Cost(Struct, frozen=True):
    """A group's: CPU seconds an evaluation, and the samples that its rules read."""

    name: str
    interval: float
    cpu_seconds: float
    samples: dict[str, int]


def groups() -> list[dict[str, Any]]:
    """Those of the rules without a config: everything is served."""
    made = files(None)
    return [
        group for name in ("recording.rules.yml", "alerts.rules.yml") for group in yaml.safe_load(made[name])["groups"]
    ]


def recorded(raw: list[Series], end: float) -> list[Series]:
    """What the rules record of raw series: each evaluated once, in their order, with the last hours to look at."""
    made: list[Series] = []
    with tempfile.TemporaryDirectory() as folder, Prometheus(Path(folder)) as server:
        server.write(raw, end - 2 * _HOUR, end)
        rules = [(rule, int(seconds(group["interval"]))) for group in groups() for rule in group["rules"]]
        for rule, every in ((rule, every) for rule, every in rules if "record" in rule):
            new = [
                Series({**labels, "__name__": rule["record"]}, value, every=every)
                for labels, value in server.query(rule["expr"], end)
            ]
            server.write(new, end - _HOUR + 60, end)
            made += new
    return made


def costs(server: Prometheus, end: float) -> list[Cost]:
    """Of each group, one after the other."""
    samples = [{_name(rule): server.read_samples(rule["expr"], end) for rule in group["rules"]} for group in groups()]
    settled(server)
    # The least of some: Prometheus tidies up now and then.
    idle = min(_cpu_of(server, [], 0) for _ in range(3))
    return [
        Cost(group["name"], seconds(group["interval"]), _cpu_of(server, [group], idle), read)
        for group, read in zip(groups(), samples, strict=True)
    ]


def _name(rule: dict[str, Any]) -> str:
    return str(rule["record"] if "record" in rule else f"{rule['alert']} ({rule['labels']['severity']})")


def settled(server: Prometheus) -> None:
    """Wait until Prometheus has made blocks of what it was given."""
    spent, until = server.cpu_seconds, time.monotonic() + 300
    while time.monotonic() < until:
        time.sleep(5)
        before, spent = spent, server.cpu_seconds
        if spent - before < 0.1:
            return


def _cpu_of(server: Prometheus, evaluated: list[dict[str, Any]], idle: float) -> float:
    """CPU seconds of an evaluation of these groups, beyond `idle` a second; of no groups: of a second."""
    # What it records has another name, since the series that the rules read have their values already.
    quick = [
        group
        | {
            "interval": f"{_EVERY_SECONDS}s",
            "rules": [
                rule | ({"record": f"{rule['record']}:again"} if "record" in rule else {}) for rule in group["rules"]
            ],
        }
        for group in evaluated
    ]
    (server.folder / "measured.rules.yml").write_text(yaml.safe_dump({"groups": quick}), encoding="utf-8")
    server.reload()
    rules = sum(len(group["rules"]) for group in quick)
    # The first makes the new series.
    _evaluated(server, rules)
    begun, spent = time.monotonic(), server.cpu_seconds
    _evaluated(server, (1 + _EVALUATIONS) * rules)
    lasted, spent = time.monotonic() - begun, server.cpu_seconds - spent
    return (spent - idle * lasted) / _EVALUATIONS if quick else spent / lasted


def _evaluated(server: Prometheus, rules: int) -> None:
    """Wait until so many rules have been evaluated; without rules, for as long as that takes."""
    until = time.monotonic() + (600 if rules else 5)
    while time.monotonic() < until:
        time.sleep(0.1)
        if server.shown(_COUNTED) >= rules > 0:
            return


def report(found: list[Cost], raw: list[Series], made: list[Series], keys: int) -> bool:
    """Print a table; whether all bars hold."""
    scale = _OF_KEYS / keys
    held = True
    print(f"{keys} keys measured, scaled up to {_OF_KEYS} ({scale:g} times)")
    print(f"{'group':26} {'interval':>8} {'CPU':>8} {'share':>7}  worst rule, and samples it reads")
    for cost in found:
        cpu = max(0.0, cost.cpu_seconds) * scale
        worst = max(cost.samples, key=lambda name: cost.samples[name])
        read, share = cost.samples[worst] * scale, cpu / cost.interval
        held = held and share < _MOST_SHARE and read < _MOST_SAMPLES
        over = "".join(
            f"  over {most}"
            for most, is_over in (("5 %", share >= _MOST_SHARE), ("5 M", read >= _MOST_SAMPLES))
            if is_over
        )
        print(f"{cost.name:26} {cost.interval:>7.0f}s {cpu:>7.2f}s {share:>7.2%}  {worst}: {read / 1e6:.2f} M{over}")
        for name, samples in cost.samples.items():
            if name != worst and samples * scale >= _MOST_SAMPLES:
                print(f"{'':53} {name}: {samples * scale / 1e6:.2f} M  over 5 M")
    all_raw, all_made = (sum(scale if "key" in series.labels else 1 for series in some) for some in (raw, made))
    share = all_made / all_raw
    print(
        f"recorded series: {all_made:,.0f}, {share:.1%} of {all_raw:,.0f} raw ones"
        + ("" if share < _MOST_RECORDED else "  over 20 %")
    )
    sizes: dict[str, float] = {}
    for each in made:
        name = each.labels["__name__"]
        sizes[name] = sizes.get(name, 0) + (scale if "key" in each.labels else 1)
    for name in sorted(sizes, key=lambda name: -sizes[name])[:8]:
        print(f"  {name}: {sizes[name]:,.0f}")
    return held and share < _MOST_RECORDED


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.rules", description="Measures what the rules cost Prometheus.")
    parser.add_argument("--keys", type=int, default=50)
    args = parser.parse_args()
    raw = series(Size(keys=args.keys))
    end = time.time() // 60 * 60
    made = recorded(raw, end)
    with tempfile.TemporaryDirectory() as folder, Prometheus(Path(folder)) as server:
        server.write([*raw, *made], end - 2 * _DAY, end + _AHEAD_SECONDS)
        return 0 if report(costs(server, end), raw, made, args.keys) else 1


if __name__ == "__main__":
    sys.exit(main())
