"""What a line costs when there are more and more combinations of values, and while keys come and go.

    python -m benchmarks.growth --cells 90000 300000

Growth: so many cells, each counted twice; the second time they are known. Churn: a new key every 40 lines. Microseconds
of CPU time, with the folds; the ratio is to the first.
"""

import argparse
from collections.abc import Iterator

from benchmarks.births import CHUNK, cpu, meter_of
from benchmarks.compare import CONFIG

LINES_OF_A_KEY = 40
_LINE = (
    '{"msec":1772546709.331,"remote_addr":"192.0.2.1","scheme":"https","method":"POST","uri":"/","status":200,'
    '"api_key":"key-%06d","origin":"","referer":"","request_length":300,"bytes_sent":900,"request_time":0.1,'
    '"rpc_method":"eth_method%d","chain":"ethereum"}\n'
)


def chunks(rows: Iterator[tuple[int, int]]) -> Iterator[bytes]:
    """Chunks of lines of these keys and methods."""
    lines: list[str] = []
    for row in rows:
        lines.append(_LINE % row)
        if len(lines) == CHUNK:
            yield "".join(lines).encode()
            lines.clear()


def growth(cells: int) -> float:
    """Microseconds for a line whose cell is known, among so many."""
    meter, decoder = meter_of(CONFIG)
    spent = 0.0
    for _ in range(2):
        decoded = [decoder.decode(chunk) for chunk in chunks((n // 100, n % 100) for n in range(cells))]
        spent = cpu(meter.count, decoded) + cpu(meter.fold)
    return 1e6 * spent / cells


def churn(lines: int) -> float:
    """Microseconds for a line when every key is seen on 40 lines, and never again."""
    meter, decoder = meter_of(CONFIG)
    spent = 0.0
    for chunk in chunks((n // LINES_OF_A_KEY, n % 10) for n in range(lines)):
        spent += cpu(meter.count, [decoder.decode(chunk)])
    return 1e6 * (spent + cpu(meter.fold)) / lines


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description="Times known lines among many, and churn.")
    parser.add_argument("--cells", type=int, nargs="+", default=[10_000, 90_000, 300_000])
    parser.add_argument("--lines", type=int, default=1_000_000)
    args = parser.parse_args()
    first = 0.0
    for cells in args.cells:
        spent = growth(cells)
        first = first or spent
        print(f"{cells:,} cells: {spent:.2f} µs a known line, {spent / first:.2f} times the first", flush=True)
    spent = churn(args.lines)
    print(f"a new key every {LINES_OF_A_KEY} lines: {spent:.2f} µs a line, {spent / first:.2f} times the first")


if __name__ == "__main__":
    main()
