"""A log's first lines decide its format."""

import json
import random

import pytest

from exporter.formats.detection.detect import detect
from exporter.formats.spec import FormatSpec
from tests.golden import GOLDEN, NAMES, log_of, preset_of
from tests.unit.reading import Reading

CSV_HEADERS = (b"\xef\xbb\xbfTime (", b"generation_id,", b"usage_date_utc,", b"start_time,")


def best(sample: bytes) -> str:
    found = detect(sample)
    return found[0].preset if found else ""


@pytest.mark.parametrize("name", NAMES)
def test_every_gateway_is_recognised(name: str) -> None:
    """Each gateway's log is recognised, also by its first record alone, and when the sample ends inside a line."""
    log, preset = log_of(name), preset_of(GOLDEN / name)
    assert best(log) == preset
    assert best(log + log[: len(log) // 2]) == preset
    first = next(n for n, line in enumerate(log.splitlines()) if not line.startswith((b"#", *CSV_HEADERS)))
    assert best(b"".join(log.splitlines(True)[: first + 1])) == preset


COMBINED = '192.0.2.1 - bob [03/Mar/2026:14:05:09 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"'
HAPROXY = '192.0.2.1:5 [03/Mar/2026:14:05:09.331] f b/s 0/0/1/2/3 200 9 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1"'


@pytest.mark.parametrize(
    ("line", "preset"),
    [
        (COMBINED, "nginx-combined"),
        (COMBINED + ' "10.0.0.1" 0.013 "-" rt=1', "nginx-combined"),
        ('{"status":"200","request_time":"0.013","ip":"192.0.2.1","request":"GET / HTTP/1.1","x":{}}', "nginx-json"),
        ('{"start_time":"2026-03-03T14:05:09Z","response_code":"200","duration":"5","method":"GET"}', "envoy-json"),
        ("<134>Mar  3 14:05:09 haproxy[1]: " + HAPROXY, "haproxy"),
        ("192.0.2.1, 10.0.0.1" + COMBINED[9:], "nginx-combined"),
        ("192.0.2.1, 10.0.0.1" + COMBINED[9:] + ' "-"', "nginx-main"),
        (COMBINED + ' "198.51.100.4"', "nginx-main"),
        (COMBINED + ' rt=0.1 urt="0.1"', "nginx-main"),
        (COMBINED + " request_time=0.1 upstream_response_time=0.1", "nginx-main"),
        (COMBINED.partition(' "-"')[0], "apache-common"),
        ("2001:db8::1" + COMBINED[9:].partition(' "-"')[0], "apache-common"),
        ("api.example.com:443 " + COMBINED, "vhost-combined"),
        ("api.example.com " + COMBINED.partition(' "-"')[0], "vhost-combined"),
        ("api.example.com " + COMBINED + " 0.013", "vhost-combined"),
        ('INFO:     192.0.2.1:5 - "GET / HTTP/1.1" 200 OK', "uvicorn"),
        ('(APIServer pid=7) INFO:     192.0.2.1:5 - "GET / HTTP/1.1" 200 OK', "uvicorn"),
        ("1769000002.123      5 192.0.2.1 TCP_MISS/200 12 GET http://a.example/ - HIER_DIRECT/192.0.2.2 -", "squid"),
    ],
)
def test_small_differences_do_not_matter(line: str, preset: str) -> None:
    """Fields more or fewer, numbers as text, a prefix: the format is the same."""
    assert best((line + "\n").encode() * 3) == preset


@pytest.mark.parametrize(
    ("words", "preset"),
    [
        ("record log: &{Id:1 UserId:7", "one-api"),
        ("record consume log: userId=7, channelId=5", "one-api"),
        ("record consume log: userId=3, 用户调用前余额=480000, channelId=5", "new-api"),
        ("record consume log: userId=1, params=", "new-api"),
        ('"mcp.provider.name": "context7"', "envoy-ai-gateway"),
        ('"success_rate_outcome": "success"', "claude-code-hub"),
        ('"object_type": "chat.completion"', "bifrost"),
        ('"endpoint":"/v1/responses","status":200,"duration":900', "portkey"),
        ('"category":"RequestResponse"', "azure-openai"),
        ('"Gateway":"gw"', "cloudflare-ai-gateway"),
        ('"gen_ai.system"', "otel-genai"),
        ('"api_method":"RawPredict"', "vertex-ai"),
    ],
)
def test_every_version_is_recognised(words: str, preset: str) -> None:
    """A line of any version that a preset reads is enough to tell it."""
    line = next(line for line in log_of(preset).splitlines() if words.encode() in line)
    assert best(line + b"\n") == preset


def test_a_log_with_foreign_lines_is_recognised() -> None:
    """A gateway that writes its errors between its requests is recognised as well; the share is lower."""
    log = log_of("nginx-combined")
    mixed = b"".join(line + b"\n2026/03/03 14:05:09 [error] 7#7: *1 upstream timed out\n" for line in log.splitlines())
    candidate = detect(mixed)[0]
    assert (candidate.preset, candidate.share) == ("nginx-combined", 0.5)


def test_lines_left_out_on_purpose_do_not_count_against_a_format() -> None:
    """Caddy's other loggers write to the same file: of the access lines, all are read."""
    other = b'{"level":"info","ts":1772546709.3,"logger":"tls","msg":"storage cleaned"}\n'
    candidate = detect(other * 20 + log_of("caddy"))[0]
    assert (candidate.preset, candidate.share) == ("caddy", 1.0)


@pytest.mark.parametrize(
    ("preset", "name", "values", "unit", "seconds"),
    [
        ("caddy", "duration", [17667, 1224339, 1241217881], "ns", [0.000017667, 0.001224339, 1.241217881]),
        ("caddy", "duration", [0, 12, 30000], "ms", [0.0, 0.012, 30.0]),
        ("nginx-json", "request_time", ["5", "803"], "ms", [0.005, 0.803]),
        ("nginx-json", "rt", [5, 803], "ms", [0.005, 0.803]),
        ("caddy", "duration", [0, 0], "", [0.0, 0.0]),
        ("caddy", "duration", [1, 0.25], "", [1.0, 0.25]),
        ("nginx-json", "request_time", ["0.000", "2.000"], "", [0.0, 2.0]),
    ],
)
def test_whole_durations_are_no_seconds(
    preset: str, name: str, values: list[int | str], unit: str, seconds: list[float]
) -> None:
    """Caddy writes other units if told to, and others write JSON with nginx's names: the config then says the unit."""
    first = log_of(preset).splitlines()[0 if preset == "caddy" else 1]
    line = {key: value for key, value in json.loads(first).items() if key not in ("request_time", "rt", "duration")}
    log = b"".join(json.dumps(line | {name: value}).encode() + b"\n" for value in values)
    found = detect(log)[0]
    assert found.spec == FormatSpec(preset=preset, fields={"duration": {"path": name, "unit": unit}} if unit else {})
    assert [record.duration for record in Reading(found.spec, log).records] == seconds


FOREIGN = {
    "helicone": '{"authorization":"Bearer x","log":{"request":{"id":"1","provider":"openai","path":"/v1/x",'
    '"requestCreatedAt":"2026-03-03T14:05:09Z"},"response":{"status":200.0,"bodySize":1432.0,"delayMs":1443.0}}}',
    "proxyd": '{"time":"2026-03-03T14:05:11Z","level":"WARN","msg":"backend request failed, trying again","name":"x",'
    '"req_id":"c1","method":"eth_getLogs","attempt_count":1}',
    "dshackle": '{"version":"requestlog/v1alpha","id":"1","upstream":{"id":"n","channel":"JSONRPC"},'
    '"request":{"source":"REQUEST","id":"2"},"jsonrpc":{"method":"eth_call","id":0},"responseSize":114}',
    "uvicorn": '{"message":"203.0.113.25:41850 - \\"POST /v1/chat/completions HTTP/1.1\\" 200","level":"INFO",'
    '"timestamp":"2026-03-03T14:05:09.615798","component":"uvicorn.access"}',
    "pino": '{"level":"info","time":"2026-03-03T14:05:09Z","msg":"request done","status":200,"ms":12}',
    "csv": "date,user,status,cost\n2026-03-03,a,200,0.5",
    "logfmt": 'time="2026-03-03T14:05:09Z" level=info msg="API loaded" prefix=main status=200 method=GET path=/a',
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_logs_are_not_mistaken(name: str) -> None:
    """A log that no preset reads is taken for none, however much of it looks like another's."""
    assert detect(f"{FOREIGN[name]}\n{FOREIGN[name]}\n".encode()) == []


def nonsense() -> list[bytes]:
    chance = random.Random(7)
    return [
        b"",
        b"\n\n\n",
        b"hello\nworld\n",
        b"[]\n1\nnull\n" * 5,
        b'{"a":1}\n' * 5,
        b'{"level":"info","status":"ok","msg":"started","time":"2026-03-03T14:05:09Z"}\n' * 5,
        (json.dumps({"status": 200}) + "\n").encode() * 5,
        b"time,key,status\n2026-03-03,k,200\n",
        chance.randbytes(5000),
        b'{"status":' * 500,
        b"\x00" * 5000 + b"\n",
    ]


@pytest.mark.parametrize("sample", nonsense())
def test_nonsense_is_nothing(sample: bytes) -> None:
    """What is no access log is not taken for one."""
    assert detect(sample) == []


def istio(cluster: str | None, status: int = 200) -> str:
    line = {
        "authority": "reviews:9080",
        "bytes_received": 0,
        "bytes_sent": 358,
        "downstream_remote_address": "10.124.0.13:43612",
        "duration": 15,
        "method": "GET",
        "path": "/reviews/0",
        "protocol": "HTTP/1.1",
        "response_code": status,
        "response_flags": "-",
        "start_time": "2022-09-08T12:51:05.656Z",
        "upstream_cluster": cluster,
        "upstream_host": "10.124.1.5:9080",
        "x_forwarded_for": None,
    }
    return json.dumps(line) + "\n"


CALLER, SERVER, NOWHERE = istio("outbound|9080||reviews"), istio("inbound|9080||"), istio(None, 400)


@pytest.mark.parametrize(
    ("log", "requests"),
    [
        (SERVER * 5 + NOWHERE, 6),
        (SERVER * 5, 5),
        (CALLER * 5 + NOWHERE, 6),
        (CALLER + SERVER * 5 + NOWHERE, 2),
        (CALLER * 3 + SERVER * 3, 3),
        (istio("InboundPassthroughClusterIpv4"), 1),
    ],
)
def test_one_sidecar_counts_where_both_log_and_all_lines_where_one_does(log: str, requests: int) -> None:
    """A mesh that logs at its servers only has no other line of a request: the config counts those."""
    found = detect(log.encode())[0]
    assert found.preset == "envoy-json"
    assert sum(not record.ignored for record in Reading(found.spec, log.encode()).records) == requests


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("caddy", "ts"),
        ("traefik", "time"),
        ("traefik", "StartUTC"),
        ("kong", "started_at"),
    ],
)
def test_at_timestamp_is_a_time(name: str, time: str) -> None:
    """Shippers call the time so: the config that is written then says it. A log with its own time keeps that."""
    lines = [json.loads(line) for line in log_of(name).splitlines() if line.startswith(b"{")]
    lines = [line for line in lines if time in line]
    assert lines
    kept = b"".join(json.dumps(line | {"@timestamp": "2020-01-01T00:00:00Z"}).encode() + b"\n" for line in lines)
    assert detect(kept)[0].spec == FormatSpec(preset=name)
    times = ("ts", "time", "StartUTC", "StartLocal", "started_at")
    bare = [{key: value for key, value in line.items() if key not in times} for line in lines]
    sent = b"".join(json.dumps(line | {"@timestamp": "2026-03-03T14:05:09Z"}).encode() + b"\n" for line in bare)
    found = detect(sent)[0]
    assert found.spec == FormatSpec(preset=name, fields={"time": "@timestamp"})
    assert {record.time for record in Reading(found.spec, sent).records if not record.ignored} == {1772546709.0}
