"""The exporter as benchmarks run it: the command, the config of nine families, and a process of `run`."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

COMMAND = str(Path(sys.executable).with_name("gateway-exporter"))
# Nine families over two kinds of logs.
CONFIG = Path(__file__).with_name("exporter.yaml")
_SERVED = re.compile(r"metrics: (\S+)/metrics ")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Exporter(NamedTuple):
    """A running exporter: its process, its address, and the file with what it has written."""

    child: "subprocess.Popen[bytes]"
    url: str
    said: Path

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self.child.pid


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Exporter]:
    """`run` with these arguments on a free port, until the block ends. RuntimeError if it ends before it serves."""
    said = folder / "said"
    command = [COMMAND, "run", *arguments, "--web.listen-address", "127.0.0.1:0"]
    with said.open("wb") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        while not (served := _SERVED.search(said.read_text(encoding="utf-8"))):
            if child.poll() is not None:
                raise RuntimeError(said.read_text(encoding="utf-8"))
            time.sleep(0.05)
        yield Exporter(child, served[1], said)
    finally:
        child.terminate()
        child.wait()
