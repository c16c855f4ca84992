"""The outbox: each row that the state knows is sent, once unless something breaks; none is given up without need."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess

from exporter.errors import ConfigError
from exporter.http_client import Server
from exporter.model import catalog
from exporter.reference.attributes import page
from exporter.request_log.day_file import Batch, DayFile
from exporter.request_log.fields import FIELDS, NUMBERS, SHARED, WORDS
from exporter.request_log.file_names import files_in
from exporter.request_log.outbox import sender
from exporter.request_log.outbox.endpoint import Endpoint
from exporter.request_log.outbox.outbox import Counted, Outbox
from exporter.request_log.outbox.place import NAME
from tests.certificates import Authority
from tests.counted import of
from tests.keeping import Keeping
from tests.otlp_receiver import GOOD, UID, Answer, Attributes, Receiver, receiver
from tests.unit.test_request_log import FORMAT, NOW, line
from tests.waiting import DEADLINE_SECONDS, eventually

SECRET = "Bearer s3cret-of-the-receiver"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again at once; a stop has as much time as a busy machine needs."""
    monkeypatch.setattr(sender, "_FIRST_SECONDS", 0.001)
    monkeypatch.setattr(sender, "_LONGEST_SECONDS", 0.01)
    monkeypatch.setattr(sender, "LAST_SECONDS", DEADLINE_SECONDS)


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


class Sending(Keeping):
    """Keeps requests, and sends them to a receiver. `more` is in the section `otlp`; `mark` and `counted` are what the
    state has.
    """

    def __init__(
        self, folder: Path, url: str, more: str = "", mark: int | None = None, counted: Counted | None = None
    ) -> None:
        super().__init__(folder, FORMAT, f"otlp: {{endpoint: '{url}'{more}}}", mark=mark)
        self.assembly.forwarder.restored = counted and {"sent": counted.sent, "refused": counted.refused}
        self.assembly.send_requests()

    @property
    def outbox(self) -> Outbox:
        assert self.assembly.forwarder.outbox
        return self.assembly.forwarder.outbox

    def end(self) -> Counted:
        """End in order; what is committed about it."""
        self.assembly.forwarder.finish()
        self.log.close()
        assert self.outbox.counted
        return self.outbox.counted

    def commit(self, *lines: dict[str, Any]) -> None:
        """Keep requests, and let the state know them."""
        self.keep(*lines)
        self.log.committed()

    def counts(self) -> dict[str, float]:
        """Rows by what became of them."""
        self.log.write()
        return {labels[0]: value for labels, value in of(self.samples(), catalog.OTLP_ROWS.name).items()}

    def failures(self) -> dict[str, float]:
        self.log.write()
        return {labels[0]: value for labels, value in of(self.samples(), catalog.OTLP_FAILURES.name).items()}

    def wait(self, **counts: float) -> None:
        """Until so many rows were sent, refused or lost."""
        eventually(lambda: self.counts() == counts, f"{counts}")


Start = Callable[..., Sending]


@pytest.fixture
def start(tmp_path: Path, collector: Receiver) -> Iterator[Start]:
    """Starts exporters in one folder; they are ended after the test."""
    with ExitStack() as started:

        def begin(*arguments: Any, url: str = collector.url, **more: Any) -> Sending:
            sending = Sending(tmp_path, url, *arguments, **more)
            started.callback(sending.log.close)
            return sending

        yield begin


@pytest.fixture
def sending(start: Start) -> Sending:
    return start()


def answering(collector: Receiver, *answers: Answer) -> None:
    """Answer so in turn, and then well."""
    left = [*answers]
    collector.answer = lambda _: left.pop(0) if left else GOOD


# --- what is sent


def test_a_row_has_the_names_of_the_conventions(sending: Sending, collector: Receiver) -> None:
    """A number in the standard's count includes what ours keep apart; what is not known has no attribute."""
    sending.commit(
        line(
            0,
            {"ip": "192.0.2.7", "from": "https://app.test", "took": 0.25, "bytes": 120, "model": "m-2", "asked": "m-1"}
            | {"by": "b", "tried": "a, b", "statuses": "503, 200", "times": "0.2, 0.05", "circuits": "open, closed"}
            | {"in": 10, "out": 5, "cost": 0.0123456789},
        )
    )
    sending.wait(sent=1)
    [record] = collector.records.values()
    [resource] = collector.resources
    instance = resource["service.instance.id"]
    assert resource == {"service.name": "gateway-exporter", "service.instance.id": instance}
    key = record.pop("gateway.key")
    assert key.startswith("k_")
    assert record == {
        **{"time": NOW * 10**9, "severity": "INFO", "body": "GET /v1/things 200 #1", UID: f"{instance}-1"},
        **{"http.request.method": "GET", "http.route": "/v1/things", "http.response.status_code": 200},
        **{"client.address": "192.0.2.0/24", "http.response.size": 120, "gateway.input": "in"},
        **{"gateway.method": "GET /v1/things", "gateway.status": "200", "gateway.class": "business"},
        **{"gateway.origin": "app.test", "gateway.request_id": "r0", "gateway.duration": 0.25},
        **{"gen_ai.request.model": "m-1", "gen_ai.response.model": "m-2", "gen_ai.provider.name": "b"},
        **{"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5},
        **{"gateway.provider": "b", "gateway.cost": 0.0123456789, "gateway.currency": "USD"},
        "gateway.attempts": [
            {"provider": "a", "outcome": "server_error", "status": "503", "circuit": "open"}
            | {"seconds": 0.2, "delay": 0.0},
            {"provider": "b", "outcome": "success", "status": "200", "circuit": "closed"}
            | {"seconds": 0.05, "delay": 0.2},
        ],
    }


@pytest.mark.parametrize(
    ("more", "severity", "expected"),
    [
        ({"s": 404}, "WARN", {"error.type": "client_error", "http.response.status_code": 404}),
        ({"s": 503}, "ERROR", {"error.type": "server_error"}),
        ({"m": "eth_call"}, "INFO", {"rpc.method": "eth_call", "gateway.method": "eth_call"}),
        ({"cached": "true"}, "INFO", {"gateway.cached": True}),
    ],
)
def test_how_a_request_went_is_its_severity(
    sending: Sending, collector: Receiver, more: dict[str, Any], severity: str, expected: Attributes
) -> None:
    sending.commit(line(0, more))
    sending.wait(sent=1)
    [record] = collector.records.values()
    assert record["severity"] == severity
    assert {name: record.get(name) for name in expected} == expected


def test_rows_that_the_state_does_not_know_are_not_sent(start: Start, collector: Receiver) -> None:
    """Their numbers come again, for other requests, if the exporter dies now."""
    sending = start()
    sending.commit(line(0))
    sending.keep(line(1), line(2))
    sending.wait(sent=1)
    again = start(mark=1, counted=sending.end())
    again.commit(line(3))
    again.wait(sent=1)
    assert collector.ids() == ["r0", "r3"]


def test_rows_go_on_where_the_last_run_ended(start: Start, collector: Receiver) -> None:
    """Those that were sent after the last commit are counted now."""
    sending = start()
    sending.commit(*map(line, range(5)))
    sending.end()
    again = start(mark=5, counted=Counted(2, 0))
    again.commit(*map(line, range(5, 9)))
    again.wait(sent=7)
    assert (collector.ids(), collector.repeats) == ([f"r{n}" for n in range(9)], 0)


def test_an_older_state_gives_no_id_to_two_requests(start: Start, collector: Receiver) -> None:
    """Rows are deleted that were sent, and their numbers come again, in the first commit already."""
    sending = start()
    sending.commit(*map(line, range(5)))
    again = start(mark=2, counted=sending.end())
    again.commit(line(7), line(8), line(9))
    again.wait(sent=3)
    assert collector.ids() == [*(f"r{n}" for n in range(5)), "r7", "r8", "r9"]


def test_a_lost_place_sends_all_again_with_new_ids(start: Start, collector: Receiver) -> None:
    """Better twice than not at all."""
    sending = start()
    sending.commit(line(0), line(1))
    counted = sending.end()
    (sending.folder / NAME).write_text("{", encoding="utf-8")
    again = start(mark=2, counted=counted)
    again.log.committed()
    again.wait(sent=2)
    assert collector.ids() == ["r0", "r1", "r0", "r1"]


def test_many_rows_of_several_days_go_in_their_order(sending: Sending, collector: Receiver) -> None:
    """In batches, each row once. What comes together is numbered by day."""
    lines = [line(n, t=float(NOW - n % 3 * 86_400)) for n in range(2_500)]
    sending.commit(*lines)
    sending.wait(sent=2_500)
    numbers = [int(record[UID].rpartition("-")[2]) for record in collector.records.values()]
    assert (numbers, collector.repeats) == ([*range(1, 2_501)], 0)
    assert sorted(collector.ids()) == sorted(f"r{n}" for n in range(2_500))
    assert [len(records) for records in collector.requests] == [1_000, 1_000, 500]


def test_a_batch_is_no_larger_than_a_mebibyte(
    sending: Sending, collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.request_log.outbox.delivery.MOST_BYTES", 20_000)
    sending.commit(*map(line, range(100)))
    sending.wait(sent=100)
    assert collector.ids() == [f"r{n}" for n in range(100)]
    sending.commit(*map(line, range(100, 150)))
    sending.wait(sent=150)
    assert {len(records) for records in collector.requests} == {25}


# --- what breaks


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((429, {"Retry-After": "0"}), "throttled"),
        ((503, {}), "unavailable"),
        ((500, {}), "unavailable"),
        ((504, {"Retry-After": "Thu, 01 Jan 2015 00:00:00 GMT"}), "unavailable"),
        ((401, {}), "unauthorized"),
        ((404, {}), "wrong_endpoint"),
        ((307, {"Location": "http://127.0.0.1:1/v1/logs"}), "wrong_endpoint"),
        ((415, {}), "wrong_endpoint"),
        (None, "unreachable"),
    ],
)
def test_what_is_not_the_rows_fault_is_tried_again(
    sending: Sending, collector: Receiver, answer: Answer, reason: str
) -> None:
    answering(collector, answer, answer)
    sending.commit(line(0), line(1))
    sending.wait(sent=2)
    assert sending.failures() == {reason: 2}
    assert len(collector.requests) == 3


def test_a_receiver_that_asks_for_time_gets_it(
    sending: Sending, collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = []
    monkeypatch.setattr(sending.outbox._sender, "_pause", lambda _, least=0.0: waits.append(least))
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    answering(collector, (429, {"Retry-After": "30"}), (503, {"Retry-After": "1e999"}), (503, {"Retry-After": later}))
    sending.commit(line(0))
    sending.wait(sent=1)
    assert waits[:2] == [30.0, 0.0]
    assert 80 < waits[2] < 101


def test_bad_rows_are_found_and_given_up_alone(sending: Sending, collector: Receiver) -> None:
    """As Loki refuses rows that are too old: the others arrive."""
    bad = {"r7", "r100", "r101"}
    collector.answer = lambda records: (400, {}) if bad & {record["gateway.request_id"] for record in records} else GOOD
    sending.commit(*map(line, range(200)))
    sending.wait(sent=197, refused=3)
    assert set(collector.ids()) == {f"r{n}" for n in range(200)} - bad
    assert len(collector.requests) < 60


def test_the_search_for_bad_rows_ends(sending: Sending, collector: Receiver) -> None:
    """A receiver that refuses everything costs no request for each row."""
    collector.answer = lambda records: (400, {}) if records else GOOD
    sending.commit(*map(line, range(500)))
    sending.wait(refused=500)
    assert len(collector.requests) < 200


def test_a_receiver_that_refuses_even_nothing_is_the_wrong_one(sending: Sending, collector: Receiver) -> None:
    """A port of HTTPS answers 400 to HTTP: no row is given up."""
    answering(collector, *[(400, {})] * 4)
    sending.commit(line(0), line(1))
    sending.wait(sent=2)
    assert sending.failures() == {"wrong_endpoint": 2}


def test_a_receiver_that_takes_no_request_without_rows_is_understood(sending: Sending, collector: Receiver) -> None:
    """Loki says 422 then."""
    collector.answer = lambda records: (400 if records else 422, {})
    sending.commit(line(0))
    sending.wait(refused=1)


def test_what_is_too_large_is_halved(sending: Sending, collector: Receiver) -> None:
    collector.answer = lambda records: (413, {}) if len(records) > 30 else GOOD
    sending.commit(*map(line, range(100)))
    sending.wait(sent=100)
    assert collector.ids() == [f"r{n}" for n in range(100)]
    before = len(collector.requests)
    sending.commit(*map(line, range(100, 120)))
    sending.wait(sent=120)
    assert len(collector.requests) == before + 1


def test_partial_success_is_counted(sending: Sending, collector: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    answering(collector, ExportLogsPartialSuccess(rejected_log_records=2, error_message="too\nold"))
    sending.commit(*map(line, range(5)))
    sending.wait(sent=3, refused=2)
    eventually(lambda: "2 rows were refused and are not sent again: too old" in caplog.text)


def test_no_secret_is_logged_and_a_new_one_is_used_at_once(
    tmp_path: Path, collector: Receiver, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even if the receiver repeats it."""
    headers = tmp_path / "headers"
    headers.write_text(f"Authorization: {SECRET}-old\n", encoding="utf-8")
    sending = start(f", headers_file: '{headers}'")
    good = f"{SECRET}-new"
    said: list[str] = []

    def answer(_: list[Attributes]) -> Answer:
        said.append(collector.headers[-1]["Authorization"])
        return GOOD if said[-1] == good else (401, {})

    collector.answer = answer
    sending.commit(line(0))
    eventually(lambda: "unauthorized" in sending.failures())
    assert "answered 401 (this is the receiver's reason); set headers_file" in caplog.text
    headers.write_text(f"Authorization: {good}\n", encoding="utf-8")
    sending.wait(sent=1)
    assert "s3cret" not in caplog.text


def test_a_receiver_that_repeats_a_secret_does_not_get_it_logged(tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    headers.write_text(f"Authorization: {SECRET}\nX-Scope-OrgID: acme\n", encoding="utf-8")
    found = Endpoint(Server(url="http://h/v1/logs", headers_file=str(headers)))
    assert found._text("no s3cret-of-the-receiver\x1b[31m for acme") == "no … [31m for acme"


def test_the_receiver_and_the_exporter_prove_who_they_are(authority: Authority, start: Start) -> None:
    certificate, key = authority.sign("exporter")
    with receiver(authority.sign("collector"), authority.path) as collector:
        more = f", ca_file: '{authority.path}', cert_file: '{certificate}', key_file: '{key}'"
        sending = start(more, url=collector.url)
        sending.commit(line(0))
        sending.wait(sent=1)
        assert collector.ids() == ["r0"]


# --- what waits


def test_rows_wait_while_the_receiver_is_away_and_those_that_are_deleted_are_counted(
    sending: Sending, collector: Receiver
) -> None:
    """What is in hand already still arrives."""
    collector.answer = lambda _: (503, {})
    sending.commit(line(0, t=float(NOW - 5 * 86_400)), line(1))
    eventually(sending.failures)
    sending.commit(line(2, t=float(NOW - 4 * 86_400)), line(3, t=float(NOW - 4 * 86_400)), line(4))
    sending.log.update_gauges(sending.assembly.store)
    samples = sending.samples()
    assert samples[catalog.OTLP_LAG_ROWS.name] == 5
    assert 5 * 86_400 < samples[catalog.OTLP_LAG_SECONDS.name] < 5 * 86_400 + 10_000
    sending.log._tidy(time.time())
    for name in [*files_in(sending.folder)][:2]:
        sending.log._remove(name)
    collector.answer = lambda _: GOOD
    sending.wait(sent=3, lost=2)
    assert collector.ids() == ["r0", "r1", "r4"]
    sending.log.update_gauges(sending.assembly.store)
    samples = sending.samples()
    assert (samples[catalog.OTLP_LAG_ROWS.name], samples[catalog.OTLP_LAG_SECONDS.name]) == (0, 0)
    assert samples[catalog.OTLP_LAST_SUCCESS_TIMESTAMP_SECONDS.name] > NOW


def test_another_endpoint_goes_on_at_the_same_place(sending: Sending, collector: Receiver) -> None:
    """At once, whatever the wait was."""
    sending.commit(line(0))
    sending.wait(sent=1)
    collector.answer = lambda _: (429, {"Retry-After": "3600"})
    sending.commit(line(1))
    eventually(sending.failures)
    with receiver() as other:
        otlp = sending.assembly.config.requests.otlp  # type: ignore[union-attr]
        assert otlp
        otlp.url, otlp.resource = other.url, {"service.name": "gateway", "deployment.environment.name": "test"}
        sending.assembly.send_requests()
        sending.wait(sent=2)
        sending.commit(line(2))
        sending.wait(sent=3)
        assert other.ids() == ["r1", "r2"]
        assert other.resources[-1]["service.name"] == "gateway"


def test_a_stop_sends_what_is_left_and_waits_for_nobody(start: Start, collector: Receiver) -> None:
    sending = start()
    sending.commit(*map(line, range(1_500)))
    counted = sending.end()
    assert len(collector.ids()) == 1_500
    collector.answer = lambda _: (503, {"Retry-After": "3600"})
    again = start(mark=1_500, counted=counted)
    again.commit(line(1_500))
    again.end()
    assert not again.outbox._sender._thread.is_alive()


@pytest.mark.parametrize(
    ("otlp", "problem"),
    [
        ("endpoint: 'http://h:4318'", "has no path; give the whole URL, as in http://collector.example:4318/v1/logs"),
        ("endpoint: 'h:4318/v1/logs'", "must be like https://server.example:8080/path"),
        ("endpoint: 'http://h/v1/logs', headers_file: none", "can't be read: No such file or directory"),
        ("endpoint: 'http://h/v1/logs', cert_file: none", "goes with a key_file, and only with one"),
        ("endpoint: 'http://h/v1/logs', resource: {service.instance.id: a}", "can't be set: ids of requests are made"),
    ],
)
def test_a_mistake_in_the_config_is_named(tmp_path: Path, otlp: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Keeping(tmp_path, FORMAT, f"otlp: {{{otlp}}}")


def test_the_page_of_attributes_has_all_that_are_sent(sending: Sending, collector: Receiver) -> None:
    """With their types; each field that operators are shown is sent, and no other."""
    db = DayFile(sending.folder / "2026-01-01.db")
    values: dict[str, Any] = {"text": "w", "number": 7, "amount": 0.5, "seconds": 2_000_000, "flag": 1}
    values |= {"labels": '{"NAME": "w"}', "attempts": '[["a", "b", "", "", 0]]', "steps": '[["a", "", 1]]'}
    own = {name: values[FIELDS[name].type] for name in ("request_id", *NUMBERS)}
    own |= {name: db.word("w, w") for name in WORDS}
    requests = ({"method": "GET /x", "status": "200"}, {"method": "m", "status": "5", "protocol": "grpc"})
    for n, request in enumerate(requests, 1):
        shared = [request.get(name) or values.get(name) or values[FIELDS[name].type] for name in SHARED]
        kind = db.kind((*shared, 1))
        row = own | {"time": NOW * 1000, "kind": kind}
        db.batches.append(Batch(tuple(row), [*row.values()], n))
    db.write()
    db.close()
    sending.outbox.committed(2)
    sending.wait(sent=2)
    types = {str: "string", int: "int", float: "double", bool: "bool", list: "list of maps"}
    sent = {name: types[type(value)] for record in collector.records.values() for name, value in record.items()}
    rows = [row.split(" | ") for row in page().splitlines() if row.startswith("| `")]
    assert {name.strip("| `"): type_ for name, type_, _ in rows} == {
        name: type_ for name, type_ in sent.items() if name not in ("time", "severity", "body")
    }
