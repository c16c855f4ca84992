"""What it costs to send single requests on: CPU seconds of the sender's thread, and of counting beside it.

    python -m benchmarks.otlp [ROWS]

Rows are counted and kept in this process; the receiver, in another one, answers at once, after a second, or not at all.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from exporter.config.load import load
from exporter.service.assembly import Assembly

CONFIG = """
inputs:
  - path: access.json
    name: log
    format: FORMAT
state: {path: state.db}
requests: {OTLP}
"""
FORMAT = (
    "{json: {time: t, status: s, http_method: verb, path: path, key: key, client: ip, duration: took, "
    "response_bytes: bytes, request_id: id, model: model, provider: by, input_tokens: in, output_tokens: out, cost: c}}"
)
# Answers POST as it is told on its command line: at once, or so many seconds later. Prints its port.
_RECEIVER = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(sys.argv[1]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""
BATCH = 1_000


def lines(first: int) -> bytes:
    """A batch of lines of 20 keys and 30 routes."""
    return b"".join(
        json.dumps(
            {"t": time.time(), "s": 200 if n % 9 else 502, "verb": "POST", "path": f"/v1/things{n % 30}"}
            | {"key": f"sk-{n % 20}", "ip": f"192.0.{n % 200}.7", "took": n % 997 / 1000, "bytes": n % 9973}
            | {"id": f"{n * 7919:032x}", "model": "m-1", "by": "p", "in": n % 991, "out": n % 97, "c": 0.001}
        ).encode()
        + b"\n"
        for n in range(first, first + BATCH)
    )


def run(rows: int, delay: str) -> None:
    """Count rows while they are sent, then wait for the sender; `delay` is "off", "away", or the receiver's seconds."""
    receiver = None
    otlp = ""
    if delay == "away":
        otlp = "otlp: {endpoint: 'http://127.0.0.1:9/v1/logs'}"
    elif delay != "off":
        receiver = subprocess.Popen([sys.executable, "-c", _RECEIVER, delay], stdout=subprocess.PIPE)
        assert receiver.stdout
        otlp = f"otlp: {{endpoint: 'http://127.0.0.1:{int(receiver.stdout.readline())}/v1/logs'}}"
    batches = [lines(first) for first in range(0, rows, BATCH)]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG.replace("FORMAT", FORMAT).replace("OTLP", otlp), encoding="utf-8")
        assembly = Assembly(load(config))
        assembly.open_request_log()
        log = assembly.request_log
        assert log
        format_ = assembly.format_of(assembly.config.inputs[0])
        meter = assembly.meter_of(assembly.config.inputs[0], format_)
        assembly.send_requests()
        outbox = assembly.forwarder.outbox
        begun, mine = time.process_time(), time.thread_time()
        for batch in batches:
            meter.count(format_.decoder.decode(batch))
            meter.record_captured()
            log.write()
            log.committed()
        counted = time.thread_time() - mine
        waited = time.thread_time()
        while outbox and delay == "0" and outbox.sending.rows:
            time.sleep(0.1)
        waited = time.thread_time() - waited
        sending = time.process_time() - begun - counted - waited
        if outbox:
            outbox.count()
        sent = outbox.counted.sent if outbox and outbox.counted else 0
        log.close()
    if receiver:
        receiver.kill()
        receiver.wait()
    rate = f", {sent / sending:,.0f} rows sent per CPU second of the rest" if sent else ""
    print(f"receiver {delay}: {rows / counted:,.0f} rows counted and kept per CPU second of that thread{rate}")


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for how in ("off", "0", "1", "away", "off", "0", "1", "away"):
        run(number, how)
