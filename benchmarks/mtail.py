"""Measures mtail over a `steady` log with the program `gateway.mtail`.

    python -m benchmarks.mtail steady.log --runs 3

mtail 3.0 reads the log once, prints every series and ends (`--one_shot`): a run
includes one rendering.
"""

import argparse
import tempfile
from pathlib import Path
from typing import IO

from benchmarks.measure import Run, measure

PROGRAM = Path(__file__).with_name("gateway.mtail")
LINES_FAMILY = b"gateway_exporter_lines_total"
REQUESTS_FAMILY = b"gateway_requests_total"
CHUNK_BYTES = 1 << 20


def run(log: Path, program: Path = PROGRAM) -> Run:
    """One run over the whole log; raises if mtail did not count each of its lines."""
    lines = count_lines(log)
    argv = [
        "mtail",
        "--one_shot",
        "--one_shot_format=prometheus",
        "--emit_prog_label=false",
        "--logtostderr",
        "--address=127.0.0.1",
        "--port=0",
        f"--progs={program}",
        f"--logs={log}",
    ]
    with tempfile.TemporaryFile() as exposition:
        result = measure(argv, lines, stdout=exposition)
        for family in (LINES_FAMILY, REQUESTS_FAMILY):
            counted = total(exposition, family)
            if counted != lines:
                name = family.decode()
                raise RuntimeError(f"mtail counted {counted} of {lines} lines in {name}")
    return result


def random_program(folder: Path) -> Path:
    """The program for a `random` log: its method is the one route, its origin the referer's host."""
    text = PROGRAM.read_text(encoding="utf-8")
    for steady, random in (
        (r'"uri":"[^"]*"', r'"uri":"\/v1\/scores\/[^"]*"'),
        (
            r'"origin":"https?:\/\/(?P<origin>[^"]*)","referer":"[^"]*"',
            r'"origin":"","referer":"https?:\/\/(?P<origin>[^"\/]*)[^"]*"',
        ),
        (r'"rpc_method":"(?P<method>[^"]*)",', ""),
        ("[$method]", '["GET /v1/scores/:identity"]'),
    ):
        if steady not in text:
            raise RuntimeError(f"{PROGRAM.name} has changed: {steady} is not in it")
        text = text.replace(steady, random)
    made = folder / "random.mtail"
    made.write_text(text, encoding="utf-8")
    return made


def count_lines(log: Path) -> int:
    """The newlines of a file."""
    with log.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK_BYTES), b""))


def total(exposition: IO[bytes], family: bytes) -> int:
    """The sum of a counter family over all its series; large values are written as 1e+06."""
    exposition.seek(0)
    samples = (line for line in exposition if line.startswith((family + b"{", family + b" ")))
    return round(sum(float(sample.rsplit(maxsplit=1)[1]) for sample in samples))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.mtail", description="Measures mtail.")
    parser.add_argument("log", type=Path, help="a log of the kind `steady`")
    parser.add_argument("--runs", type=int, default=1)
    args = parser.parse_args()
    for _ in range(args.runs):
        print(run(args.log), flush=True)


if __name__ == "__main__":
    main()
