"""What presets make of single lines: labels of closed sets, lines that were cut, words of gateways' own."""

import re
import time
from datetime import UTC, datetime

import msgspec
import pytest

from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.format import build
from exporter.formats.row_function import row_function
from exporter.formats.row_reader import RowReader
from exporter.formats.spec import FormatSpec
from exporter.keys.identity import bare_key
from exporter.model.fields import ERROR_TYPES
from exporter.requests.canonical import canonical_functions
from exporter.requests.routes import Routes
from tests import golden
from tests.golden import GOLDEN, NAMES, log_of
from tests.unit.reading import Reading


def spec_of(name: str) -> FormatSpec:
    return golden.spec_of(GOLDEN / name)


def read(name: str) -> Reading:
    return Reading(spec_of(name), log_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_of_closed_sets(name: str) -> None:
    """Whatever the log says: status, protocol and error type are of the documented sets."""
    for record in read(name).records:
        grpc = r"|\d|1[0-6]" if record.protocol == "grpc" else ""
        assert re.fullmatch(rf"[1-5]\d\d|other|{grpc}", record.status)
        assert record.protocol in ("", "http", "https", "ws", "wss", "grpc")
        assert record.error_type in ("", *ERROR_TYPES)


# Presets whose every line is a JSON object.
JSON = [name for name in NAMES if type(build(spec_of(name)).decoder) is JsonLines]


@pytest.mark.parametrize("name", ["haproxy", "envoy", "traefik-common", "nginx-combined"])
def test_a_text_line_that_was_cut_is_rejected(name: str) -> None:
    """Half a line of a text log counts as one line that does not match."""
    for line in log_of(name).splitlines():
        half = line[: line.index(b"HTTP") if b"HTTP" in line and name != "haproxy" else len(line) // 2]
        found = Reading(spec_of(name), half + b"\n")
        assert (found.records, found.rejected) == ([], [("no_match", half)])


@pytest.mark.parametrize("name", JSON)
def test_a_json_line_that_was_cut_is_rejected(name: str) -> None:
    """Half a JSON object counts as one line that was cut."""
    for line in log_of(name).splitlines():
        half = line[: len(line) // 2].rstrip(b"}")
        found = Reading(spec_of(name), half + b"\n")
        assert (found.records, found.rejected) == ([], [("cut", half)])


HAPROXY_END = '0/0/1/12/13 200 322 - - ---- 1/1/1/1/0 0/0{captures} "GET /v1/chat HTTP/1.1"'
HAPROXY = "192.0.2.1:5000 [03/Mar/2026:14:05:09.331] fe~ be/srv " + HAPROXY_END


@pytest.mark.parametrize(
    ("captures", "origin", "key", "method", "model"),
    [
        ("", "192.0.2.0/24", "", "GET /v1/chat", ""),
        (" {https://a.example|sk-1|curl}", "a.example", "sk-1", "GET /v1/chat", ""),
        (" {https://a.example|sk-1|curl/8.5.0}", "a.example", "sk-1", "GET /v1/chat", ""),
        (" {https://a.example|sk-1|eth_call}", "a.example", "sk-1", "eth_call", ""),
        (" {https://a.example|sk-1|getSlot|curl} {}", "a.example", "sk-1", "getSlot", ""),
        (" {https://a.example|sk-1|} {gpt-4o|x}", "a.example", "sk-1", "GET /v1/chat", "gpt-4o"),
        (" {https://a.example} {}", "a.example", "", "GET /v1/chat", ""),
        (" {|}", "192.0.2.0/24", "", "GET /v1/chat", ""),
        (" {|k#7Cey}", "192.0.2.0/24", "k|ey", "GET /v1/chat", ""),
    ],
)
def test_haproxy_captures_may_be_absent(captures: str, origin: str, key: str, method: str, model: str) -> None:
    """Captures that the config names are read where they are there; without names, nothing is guessed from them."""
    line = (HAPROXY.format(captures=captures) + "\n").encode()
    (record,) = Reading(spec_of("haproxy"), line).records
    assert (record.origin, record.key, record.method, record.model) == (origin, key, method, model)
    (record,) = Reading(FormatSpec(preset="haproxy"), line).records
    assert (record.origin, record.key, record.method, record.model) == ("192.0.2.0/24", "", "GET /v1/chat", "")


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "Mar  3 14:05:09 edge1 haproxy[2119]: ",
        "<134>Mar  3 14:05:09 haproxy[2119]: ",
        " ",
        "  Mar  3 14:05:09 edge1 haproxy[2119]: ",
        "<134>1 2026-03-03T14:05:09.331Z edge1 haproxy 2119 - - ",
        "2026-03-03T14:05:09.331+00:00 edge1 haproxy[2119]: ",
    ],
)
def test_haproxy_syslog_prefix(prefix: str) -> None:
    """What syslog writes before the line changes nothing."""
    (record,) = Reading(FormatSpec(preset="haproxy"), (prefix + HAPROXY.format(captures="") + "\n").encode()).records
    assert (record.origin, record.status, record.duration) == ("192.0.2.0/24", "200", 0.013)


@pytest.mark.parametrize("prefix", ["", "Mar  3 14:05:09 edge1 haproxy[2119]: "])
@pytest.mark.parametrize(
    "line",
    [
        "tcp~ be/a 1/0/803 0 sD 1/1/0/0/0 0/0",
        "tcp tcp/<NOSRV> -1/-1/+0 +0 SC 1/1/0/0/+2 0/0",
        "fe/1: SSL handshake failure",
        "fe/sock-1: Connection closed during SSL handshake",
        "fe/2: Received something which does not look like a PROXY protocol header",
    ],
)
def test_haproxy_connections_without_a_request_are_left_out(prefix: str, line: str) -> None:
    """Frontends of TCP log connections, those of HTTP what failed before a request: neither is a request."""
    found = Reading(FormatSpec(preset="haproxy"), f"{prefix}192.0.2.1:5 [03/Mar/2026:14:05:09.331] {line}\n".encode())
    assert ([record.ignored for record in found.records], found.rejected) == ([True], [])


def test_haproxy_line_cut_in_its_request() -> None:
    """Classic syslog cuts lines at 1024 bytes, which cuts a long request: it counts, but its path is not told."""
    line = HAPROXY.format(captures="").removesuffix('HTTP/1.1"') + "\n"
    (record,) = Reading(FormatSpec(preset="haproxy"), line.encode()).records
    assert (record.status, record.method) == ("200", "")


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        ("503", "SC--", "upstream_error"),
        ("502", "SH--", "upstream_error"),
        ("502", "PH--", "upstream_error"),
        ("503", "sQ--", "timeout"),
        ("504", "sH--", "timeout"),
        ("200", "SD--", "upstream_error"),
        ("200", "CD--", "client_abort"),
        ("408", "cR--", "client_abort"),
        ("429", "PR--", "rate_limit_exceeded"),
        ("403", "PR--", "auth"),
        ("500", "RC--", "server_error"),
        ("200", "----", ""),
        ("301", "LR--", ""),
    ],
)
def test_haproxy_termination_states(status: str, state: str, expected: str) -> None:
    """A termination state is an error type by who ended the session; the status decides where it says no more."""
    line = HAPROXY.format(captures="").replace(" 200 322 - - ----", f" {status} 322 - - {state}") + "\n"
    (record,) = Reading(FormatSpec(preset="haproxy"), line.encode()).records
    assert record.error_type == expected


ENVOY = (
    '[2026-03-03T14:05:09.331Z] "{request}" {status} {flags} 83 114 13 12 '
    '"{client}" "{agent}" "id" "h.example" "10.3.0.11:8545"\n'
)


@pytest.mark.parametrize(
    ("status", "flags", "expected"),
    [
        ("503", "URX,UF", "upstream_error"),
        ("503", "UH", "upstream_error"),
        ("504", "UT", "timeout"),
        ("408", "SI", "client_error"),
        ("504", "SI", "timeout"),
        ("429", "RL", "rate_limit_exceeded"),
        ("403", "UAEX", "auth"),
        ("0", "DC", "client_abort"),
        ("200", "DC", "client_abort"),
        ("404", "NR", "client_error"),
        ("503", "NC", "server_error"),
        ("503", "XX,UF", "upstream_error"),
        ("200", "-", ""),
    ],
)
def test_envoy_flags(status: str, flags: str, expected: str) -> None:
    """A response flag is an error type; of several the first that is listed counts, of none the status."""
    line = ENVOY.format(request="GET /a HTTP/1.1", status=status, flags=flags, client="192.0.2.1", agent="x")
    (record,) = Reading(FormatSpec(preset="envoy"), line.encode()).records
    assert record.error_type == expected


def test_envoy_fields_cannot_be_forged() -> None:
    """Envoy escapes nothing: a user agent that looks like the rest of a line changes no other field."""
    agent = 'x" "id" "h" "1.2.3.4:5" 500 UF 1 1 1 1 "'
    line = ENVOY.format(request='POST /v1/"x" HTTP/2', status=200, flags="-", client="192.0.2.1", agent=agent)
    (record,) = Reading(FormatSpec(preset="envoy"), line.encode()).records
    assert (record.status, record.error_type, record.origin) == ("200", "", "192.0.2.0/24")
    assert (record.method, record.duration) == ("POST /v1/:id", 0.013)


def test_a_preset_can_be_added_to() -> None:
    """`fields` and `only` on a preset replace what they name and leave the rest."""
    spec = FormatSpec(preset="nginx-combined", fields={"key": "remote_user"}, only={"status": "4*"})
    records = Reading(spec, log_of("nginx-combined")).records
    assert [(record.key, record.status) for record in records if not record.ignored] == [
        ("acme", "429"),
        ("", "400"),
        ("", "408"),
        ("9f2c41d07a", "499"),
    ]


@pytest.mark.parametrize(
    ("code", "error_class", "status", "error_type"),
    [
        ("429", "RateLimitError", "429", "rate_limit_exceeded"),
        ("insufficient_quota", "RateLimitError", "429", "rate_limit_exceeded"),
        ("invalid_value", "BadRequestError", "400", "client_error"),
        ("content_policy_violation", "BadRequestError", "400", "client_error"),
        ("server_error", "InternalServerError", "500", "upstream_error"),
        ("model_not_found", "NotFoundError", "404", "client_error"),
        ("invalid_api_key", "AuthenticationError", "401", "auth"),
        ("", "ServiceUnavailableError", "503", "upstream_error"),
        ("None", "Exception", "401", "auth"),
        ("odd", "OfNoList", "500", "server_error"),
    ],
)
def test_litellm_failures_have_a_status(code: str, error_class: str, status: str, error_type: str) -> None:
    """LiteLLM logs a provider's own word as the code of some failures: they count, with the status of their class."""
    line = msgspec.json.decode(log_of("litellm").splitlines()[0])
    line |= {"status": "failure", "error_information": {"error_code": code, "error_class": error_class}}
    found = Reading(FormatSpec(preset="litellm"), msgspec.json.encode(line) + b"\n")
    assert [(record.status, record.error_type) for record in found.records] == [(status, error_type)]


def test_tyk_before_it_wrote_years() -> None:
    """Tyk's own example line, whose time has no year, is read with its time."""
    line = (
        'time="Jan 29 08:27:09" level=info api_id=b1a4 api_key=00000000 api_name=httpbin client_ip="::1" '
        'host="localhost:8080" latency_total=62 method=GET path=/get prefix=access-log protocol=HTTP/1.1 status=200'
    )
    (record,) = Reading(FormatSpec(preset="tyk-text"), line.encode() + b"\n").records
    assert record.time is not None
    assert f"{datetime.fromtimestamp(record.time, UTC):%m-%d %H:%M:%S}" == "01-29 08:27:09"
    assert (record.method, record.status, record.duration) == ("GET /get", "200", 0.062)


@pytest.mark.parametrize("machine", ["Europe/Berlin", "America/New_York", "UTC"])
def test_times_without_a_zone_are_utc_where_a_preset_says_so(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    """Wherever the exporter runs, and while clocks there are set forward: times and the time between two are right."""
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        reader = RowReader(build(FormatSpec(preset="langfuse")), {})
        read = row_function(reader)
        line = b'{"type":"GENERATION","start_time":"2026-03-29 00:30:00","end_time":"2026-03-29 03:30:00"}\n'
        row = read(reader.decoder.decode(line).rows[0])
        assert reader.seconds_since_epoch(row.time) == datetime(2026, 3, 29, 3, 30, tzinfo=UTC).timestamp()
        assert row.numbers["duration"] == 10_800
        reader = RowReader(build(FormatSpec(preset="caddy")), canonical_functions(Routes(bare_key), bare_key))
        line = b'{"logger":"http.log.access","ts":"2026/03/29 03:30:00.250","status":200}\n'  # `time_format wall_milli`
        row = row_function(reader)(reader.decoder.decode(line).rows[0])
        assert reader.seconds_since_epoch(row.time) == datetime(2026, 3, 29, 3, 30, 0, 250_000, UTC).timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()
