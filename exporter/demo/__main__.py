"""`python -m exporter.demo FOLDER` writes the sample gateway's files and logs into a folder until it is stopped."""

import signal
import sys
from pathlib import Path
from threading import Event

from exporter.demo.files import write_config
from exporter.demo.gateway import SampleGateway

folder = Path(sys.argv[1])
stopped = Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stopped.set())
gateway = SampleGateway(folder)
if not (folder / "secret").exists():  # names of keys stay the same over restarts
    write_config(folder)
gateway.start()
stopped.wait()
gateway.stop()
