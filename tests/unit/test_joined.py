"""Lines that are one request count once, whatever comes between them, and over a restart."""

from typing import Any

import msgspec
import pytest

from exporter.formats.codegen import compile_function
from exporter.formats.decoders.decoder import Decoder
from exporter.formats.format import build
from exporter.formats.join import Joined, JoinSpec
from exporter.formats.row_reader import RowReader
from exporter.formats.spec import FormatSpec, presets
from tests.golden import log_of
from tests.unit.reading import Reading

JOINING = ["bifrost", "new-api", "one-api"]


def spec(**join: Any) -> FormatSpec:
    return FormatSpec(
        regex=["bill (?P<id>\\w+) (?P<cost>\\d+)", "end (?P<of>\\w*) (?P<status>\\d+)", "(?P<noise>#).*"],
        only={"noise": ""},
        fields={"status": ["status", {"path": "cost", "map": {"*": 200}}]},
        join=JoinSpec(**({"by": ["id", "of"], "until": "status"} | join)),
    )


def counted(lines: bytes, **join: Any) -> list[tuple[str, float | None]]:
    return [(record.status, record.cost) for record in Reading(spec(**join), lines).records if not record.ignored]


@pytest.mark.parametrize(
    ("lines", "records"),
    [
        (b"bill a 5\nend a 200\n", [("200", 5)]),
        (b"bill a 5\nbill b 7\nend b 200\n# noise\nend a 500\n", [("200", 7), ("500", 5)]),
        (b"end a 404\n", [("404", None)]),
        (b"end  404\nend  404\n", [("404", None), ("404", None)]),
        (b"bill a 5\n", [("200", 5)]),
        (b"bill a 5\nbill a 6\nend a 200\n", [("200", 6)]),
        (b"bill a 5\nend a 200\nbill a 6\nend a 200\n", [("200", 5), ("200", 6)]),
    ],
)
def test_lines_with_one_id_are_one_record(lines: bytes, records: list[tuple[str, float | None]]) -> None:
    """A record has what all its lines say; one whose other line never comes counts with what it has."""
    assert counted(lines) == records


def test_either_line_may_be_the_first() -> None:
    """Where a request needs both lines, their order does not matter."""
    assert counted(b"end a 200\nbill a 5\nbill b 7\nend b 200\n", until=["status", "cost"]) == [("200", 5), ("200", 7)]


def test_a_line_waits_for_so_many_lines() -> None:
    """What waited long enough becomes a row and is reported; memory holds no more than `within` requests."""
    decoder = build(spec(within=3)).decoder
    RowReader(build(spec(within=3)), {})
    first = decoder.decode(b"bill a 5\nbill b 6\n")
    assert (first.rows, first.alone) == ([], 0)
    then = decoder.decode(b"# noise\n# noise\n")
    assert [row[1] for row in then.rows if row[1]] == [b"5"]
    assert (then.alone, then.joined) == (1, 0)
    many = decoder.decode(b"".join(b"bill x%d 1\n" % n for n in range(500)))
    assert len(many.rows) == many.alone == 498
    assert len(decoder.snapshot()) == 3


def test_what_waits_has_a_ceiling_in_bytes() -> None:
    """Of more than 8 MiB the oldest are rows before their time; what goes away and what is remembered is counted."""
    decoder = build(spec(within=10**6)).decoder
    RowReader(build(spec(within=10**6)), {})
    bill = b"bill %d 1" + b"0" * 100_000 + b"\n"
    rows = [len(decoder.decode(bill % n).rows) for n in range(200)]
    waiting = decoder.snapshot()
    assert len(waiting) == 83
    assert rows == [0] * 83 + [1] * 117
    assert [id_ for id_, *_ in waiting] == [str(n) for n in range(117, 200)]
    after = build(spec(within=10**6)).decoder
    after.restore(waiting)
    assert len(after.decode(bill % 200).rows) == 1
    assert len(after.flush().rows) == 83
    assert after.decode(bill % 201).rows == []


def test_a_number_that_no_commit_can_hold_does_not_wait() -> None:
    """A line with a number of more than 64 bits is rejected, and those beside it wait."""
    fields = {"status": "s", "cost": "c"}
    decoder = build(FormatSpec(json=fields, join=JoinSpec(by="id", until="end"))).decoder
    for path in fields.values():
        decoder.expression(path)
    line = b'{"id":"%s","s":200,"c":%d}\n'
    decoded = decoder.decode(line % (b"a", 2**64 - 1) + line % (b"b", 2**64) + line % (b"c", 1))
    assert (decoded.rows, decoded.rejected) == ([], [("wrong_type", (line % (b"b", 2**64)).rstrip())])
    waiting = msgspec.msgpack.decode(msgspec.msgpack.encode(decoder.snapshot()))
    assert [id_ for id_, *_ in waiting] == ["a", "c"]
    again = decoder.decode(line % (b"a", 2**64) + line % (b"c", 2))
    assert (len(again.rejected), again.joined, len(decoder.flush().rows)) == (1, 1, 2)


def test_a_line_waits_no_longer_than_its_patience() -> None:
    """What waits at one call of `release` and at the next is a row; what came between has its time still to go."""
    decoder = build(spec(seconds=3)).decoder
    RowReader(build(spec(seconds=3)), {})
    decoder.decode(b"bill a 5\nbill b 6\n")
    assert (decoder.patience, decoder.release().rows) == (3, [])
    decoder.decode(b"end a 200\nbill c 7\n")
    released = decoder.release()
    assert ([row[1] for row in released.rows], released.alone) == ([b"6"], 1)
    assert len(decoder.snapshot()) == 1
    assert [row[1] for row in decoder.release().rows] == [b"7"]
    assert decoder.snapshot() is None


def test_after_a_restart_a_line_has_its_time_again() -> None:
    """The first `release` of a decoder gives nothing: what is remembered may go on in lines not read yet."""
    before, after = build(spec()).decoder, build(spec()).decoder
    before.decode(b"bill a 5\n")
    after.restore(before.snapshot())
    assert after.release().rows == []
    assert len(after.decode(b"end a 200\n").rows) == 1


def test_a_restart_between_two_lines_loses_neither() -> None:
    """What waits is remembered as plain values, and found again by the next decoder."""
    before, after = build(spec()).decoder, build(spec()).decoder
    assert before.decode(b"bill a 5\n").rows == []
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
    (row,) = after.decode(b"end a 200\n").rows
    assert {b"5", b"200"} < set(row)
    assert after.snapshot() is None


@pytest.mark.parametrize("preset", ["new-api", "one-api"])
def test_no_raw_key_waits(preset: str) -> None:
    """An access line that waits for what it consumed is kept without its query, where keys stand."""
    line = b"[GIN] 2026/04/07 - 09:30:00 | a1 | 200 | 1.5s | 192.0.2.44 | POST /v1/chat/completions?key=sk-secret\n"
    decoder = build(FormatSpec(preset=preset)).decoder
    assert decoder.decode(line).rows == []
    assert "sk-secret" not in repr(decoder.snapshot())
    assert "/v1/chat/completions" in repr(decoder.snapshot())


@pytest.mark.parametrize(
    "remembered", [5, ["Time", "Status"], [["a", 0, [b"5"]]], [["a", 0, {"x": 1}]], [["a", "b", []]], {"a": 1}]
)
@pytest.mark.parametrize("preset", ["new-api", "one-api", "kong"])
def test_what_another_format_remembered_is_refused(preset: str, remembered: Any) -> None:
    """A format may change while the exporter is down: what does not fit is reported and not used."""
    with pytest.raises(ValueError):
        build(FormatSpec(preset=preset)).decoder.restore(remembered)


def rows(decoder: Decoder, expressions: list[str], found: list[Any]) -> list[Any]:
    read = compile_function("read", "r", [f"return ({', '.join(expressions)},)"], decoder.names)
    return [read(row) for row in found]


@pytest.mark.parametrize("preset", JOINING)
def test_a_log_counts_the_same_however_it_is_cut_and_restarted(preset: str) -> None:
    """Line by line, each with a decoder of its own that knows what the last one remembered: the same rows."""
    lines = log_of(preset).splitlines(keepends=True)

    def fresh() -> tuple[Decoder, list[str]]:
        fmt = build(FormatSpec(preset=preset))
        paths = [path for sources in fmt.fields.values() for source in sources for path in source.paths]
        return fmt.decoder, [fmt.decoder.expression(path) for path in paths]

    decoder, expressions = fresh()
    whole = rows(decoder, expressions, decoder.decode(b"".join(lines)).rows + decoder.flush().rows)
    pieces, remembered = [], None
    for line in lines:
        decoder, expressions = fresh()
        decoder.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(remembered)))
        pieces += rows(decoder, expressions, decoder.decode(line).rows)
        remembered = decoder.snapshot()
    assert pieces + rows(decoder, expressions, decoder.flush().rows) == whole


def test_only_these_presets_remember_requests() -> None:
    """The other presets' decoders remember nothing, and pay nothing for it."""
    assert [name for name in presets() if isinstance(build(FormatSpec(preset=name)).decoder, Joined)] == JOINING


def test_fallbacks_are_one_request() -> None:
    """Of the rows of a fallback the last is the record; lists have an item of each, and durations add up."""
    fmt = FormatSpec(
        json={"status": "code", "duration": {"path": "s", "pick": "sum"}, "attempts": "who", "model": "m"},
        join=JoinSpec(by=["parent", "id"], until="done", collect=["who", "s"]),
    )
    log = b'{"id":"a","who":"x","s":1.5,"code":500,"m":"big"}\n'
    log += b'{"id":"c","parent":"a","who":"y","s":2,"code":200,"done":1}\n'
    (record,) = Reading(fmt, log).records
    assert (record.status, record.duration, record.model) == ("200", 3.5, "")
    assert [attempt.provider for attempt in record.attempts] == ["x", "y"]


def test_a_join_of_something_inside_is_refused() -> None:
    """`collect` takes what stands in the line itself."""
    with pytest.raises(ValueError, match=r"join\.collect: 'a\.b' is not a top-level name"):
        build(FormatSpec(json={"status": "s"}, join=JoinSpec(by="id", until="s", collect=["a.b"])))
