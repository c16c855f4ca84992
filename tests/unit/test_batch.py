"""Lines that hold many records: each entry counts as a line."""

import json

import pytest

from exporter.formats.detection.detect import detect
from exporter.formats.format import build
from exporter.formats.join import JoinSpec
from exporter.formats.spec import FormatSpec
from tests.golden import log_of
from tests.unit.reading import Reading

FIELDS = {"status": "s", "model": "m"}


def read(each: str, *lines: str) -> Reading:
    return Reading(FormatSpec(json=FIELDS, each=each), "".join(line + "\n" for line in lines).encode())


@pytest.mark.parametrize(
    ("each", "line", "statuses"),
    [
        ("records[]", '{"records":[{"s":200},{"s":404}]}', ["200", "404"]),
        ("a[].b.c[]", '{"x":1,"a":[{"b":{"c":[{"s":200}]}},{"b":{"c":[{"s":404},{"s":500}]}}]}', ["200", "404", "500"]),
        ("a[][]", '{"a":[[{"s":200}],[],[{"s":404}]]}', ["200", "404"]),
        ("records[]", '\ufeff{"records":[{"s":200},{"s":404}]}\r', ["200", "404"]),
        ("records[]", '{"s":200}', ["200"]),
        ("records[]", '{"s":200,"m":"\\"records\\""}', ["200"]),
        ("records[]", '{"s":200,"records":null}', ["200"]),
        ("records[]", '{"s":200,"records":7}', ["200"]),
        ("a[].b[]", '{"s":200,"a":[{"b":[{"s":404}]},{}]}', ["200"]),
    ],
)
def test_each_entry_is_a_record(each: str, line: str, statuses: list[str]) -> None:
    """The entries of a list at any depth are records; a line in which it is missing is a record itself."""
    assert [record.status for record in read(each, line).records] == statuses


def test_entries_count_as_lines() -> None:
    """An entry is a record or rejected, as a line is; a list without any is a blank line."""
    found = read(
        "r[]", '{"r":[{"s":200},{"m":"x"},7]}', '{"r":[]}', '{"s":404}', '{"r":[{"s":500}', '{"r":[{"s":201}]}'
    )
    assert [record.status for record in found.records if not record.rejected] == ["200", "404", "201"]
    assert [record.rejected for record in found.records if record.rejected] == ["no_status"]
    assert ([reason for reason, _ in found.rejected], found.blank) == (["wrong_type", "not_json"], 1)


def test_lines_of_one_request_may_be_entries() -> None:
    """What waits for another line does so over lines, and over a restart."""
    fmt = FormatSpec(json=FIELDS, each="r[]", join=JoinSpec(by="id", until="s"))
    before, after = build(fmt).decoder, build(fmt).decoder
    assert before.decode(b'{"r":[{"id":"a","m":"x"},{"id":"b","s":200}]}\n').rows
    after.restore(before.snapshot())
    assert len(after.decode(b'{"r":[{"id":"a","s":404}]}\n').rows) == 1
    assert after.flush().rows == []


@pytest.mark.parametrize("path", ["records", "records[0]", "records | fromjson", "a[b=c].d[]"])
def test_what_is_no_list_of_records(path: str) -> None:
    """`each` is names and lists, and ends with a list."""
    with pytest.raises(ValueError, match="each: must be names and lists"):
        build(FormatSpec(json=FIELDS, each=path))


def test_only_json_holds_records() -> None:
    """A line of text is one record."""
    with pytest.raises(ValueError, match="each: goes with json"):
        build(FormatSpec(regex="(?P<status>.*)", each="r[]"))


def test_a_batch_of_spans_is_recognised() -> None:
    """What the Collector writes, many spans a line, is the format of single spans, with the same records."""
    spans = [json.loads(line) for line in log_of("otel-genai").splitlines()[:6]]
    batch = {"resourceSpans": [{"scopeSpans": [{"spans": spans[:4]}]}, {"scopeSpans": [{"spans": spans[4:]}]}]}
    line = json.dumps(batch).encode() + b"\n"
    candidate = detect(line)[0]
    assert (candidate.preset, candidate.share) == ("otel-genai", 1.0)
    single = b"".join(json.dumps(span).encode() + b"\n" for span in spans)
    assert Reading(candidate.spec, line).records == Reading(candidate.spec, single).records
