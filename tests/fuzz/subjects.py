"""What is fuzzed: every preset, and custom formats of each kind, each with good lines to begin with."""

from typing import Any, NamedTuple

from exporter.formats.decoders.container import CONTAINERS
from exporter.formats.spec import presets
from tests.golden import counting, log_of

_JSON = [
    b'{"ts":1772546709.3,"ms":12.5,"code":200,"req":{"method":"POST","uri":"/v1/chat","bytes":12},'
    b'"llm":"{\\"in\\":5,\\"cached\\":1,\\"cost\\":0.25}","tries":[{"name":"a","code":502},{"name":"b","code":200}],"hit":true}',
    b'{"ts":"2026-03-03T14:05:09Z","ms":"7","code":"499","req":{"headers":{"X-Api-Key":["k1"]}},"llm":null,"tries":[]}',
]
_JSON_FIELDS: dict[str, Any] = {
    "time": "ts",
    "duration": {"path": "ms", "unit": "ms"},
    "status": "code",
    "http_method": "req.method",
    "path": "req.uri",
    "key": 'req.headers."X-Api-Key"[0]',
    "request_bytes": "req.bytes",
    "attempts": "tries[].name",
    "upstream_status": "tries[].code",
    "retries": "tries | length",
    "cache_read_tokens": "llm | fromjson | cached",
    "input_tokens": {"path": "llm | fromjson | in", "includes": ["cache_read_tokens"]},
    "cost": {"path": "llm | fromjson | cost", "if": "hit"},
}
_NGINX = [
    b'192.0.2.1 198.51.100.7, 10.0.0.1 1.0.1.1:80, 10.0.1.2:80 0.1, 0.2 200 "GET /v1/chat HTTP/1.1" 1772546709.3 0.3 5',
    b'192.0.2.1 - - - 499 "POST /rpc/k1 HTTP/1.1" 1772546710.1 0.001 0',
]
_TEMPLATE = (
    "$remote_addr $http_x_forwarded_for $upstream_addr $upstream_response_time $status "
    '"$request" $msec $request_time $bytes_sent'
)
_PLAIN = [b"192.0.2.1 200 /v1/chat 0.5 512 0.25", b"192.0.2.2 499 / - 0 -"]
_PAIR = [b'{"id":"a","kind":"bill","in":7}', b'{"id":"a","kind":"access","code":200,"ms":5}']


class Subject(NamedTuple):
    """A format, as the config writes it, and good lines of it."""

    format: Any
    lines: list[bytes]

    def is_piece(self, line: bytes) -> bool:
        """Whether it is the beginning of a line that goes on in the next: such count with its end."""
        kind = self.format.get("container") if isinstance(self.format, dict) else None
        piece = CONTAINERS[kind](line.rstrip(b"\r")) if kind else None
        return piece is not None and not piece[2]

    def counts(self, log: list[bytes]) -> int:
        """As how many lines a log counts: each record of a line with many, and no line that goes on in the next."""
        lines = [line for line in log if not self.is_piece(line)]
        return len(counting(self.format, lines) if isinstance(self.format, str) else lines)


def _preset(name: str) -> Subject:
    return Subject(name, log_of(name).splitlines())


def _wrapped(name: str, kind: str, front: bytes, back: bytes) -> Subject:
    inside = (line.replace(b"\\", b"\\\\").replace(b'"', b'\\"') if back else line for line in _preset(name).lines)
    return Subject({"preset": name, "container": kind}, [front + line + back for line in inside])


SUBJECTS: dict[str, Subject] = {name: _preset(name) for name in presets()} | {
    "own json": Subject({"json": _JSON_FIELDS}, _JSON),
    "own template": Subject({"template": _TEMPLATE}, _NGINX),
    "own regex": Subject(
        {
            "regex": r"(?P<client>\S+) (?P<status>\d+) (?P<path>\S+) (?P<duration>\S+) (?P<response_bytes>\S+)"
            r" (?P<cost>\S+)"
        },
        _PLAIN,
    ),
    "own regex in RE2": Subject(
        {"regex": r"(?P<client>.*) (?P<status>\d+) (?P<path>.*) (?P<duration>.*) (?P<response_bytes>.*) (?P<cost>.*)"},
        _PLAIN,
    ),
    "own csv": Subject(
        {"csv": {"status": "Status", "duration": "Took", "path": "Path", "key": "Key", "cost": "Cost"}},
        [b"Status,Took,Path,Key,Cost", b'200,0.5,/v1/chat,"k, 1",0.25', b"499,,/,,"],
    ),
    "own logfmt": Subject(
        {"logfmt": {"status": "status", "duration": {"path": "took", "unit": "ms"}, "path": "path", "model": "model"}},
        [b'level=info msg="a \\"b\\" c" status=200 took=12.5 path=/v1/chat model="gpt"', b"status=499 took= path=/"],
    ),
    "own joined": Subject(
        {
            "json": {"status": "code", "duration": {"path": "ms", "unit": "ms"}, "input_tokens": "in"},
            "join": {"by": "id", "until": "code", "within": 20},
        },
        _PAIR,
    ),
    "cri": _wrapped("nginx-combined", "cri", b"2026-03-03T14:05:09.331Z stdout F ", b""),
    "docker": _wrapped("nginx-json", "docker", b'{"log":"', b'\\n","stream":"stdout","time":"2026-03-03T14:05:09Z"}'),
}
