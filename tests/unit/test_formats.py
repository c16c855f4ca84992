"""The field language, nginx templates, regular expressions, and what is refused with which words."""

import json
import re
from datetime import UTC
from typing import Any

import msgspec
import pytest

from exporter.formats.decoders.text_lines import TextLines, template_regex
from exporter.formats.format import build
from exporter.formats.join import JoinSpec
from exporter.formats.row_reader import RowReader
from exporter.formats.source import Each, FromJson, Length, Where, Within, parse_path, parse_sources
from exporter.formats.spec import FormatSpec
from tests.unit.reading import Reading


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("status", ("status",)),
        ("a.b.c", ("a", "b", "c")),
        (":authority", (":authority",)),
        ("request.headers.X-Api-Key[0]", ("request", "headers", "X-Api-Key", 0)),
        ("tries[-1].state", ("tries", -1, "state")),
        ('"gen_ai.request.model"', ("gen_ai.request.model",)),
        (r'a."b\"c"', ("a", 'b"c')),
        ("tries | length", ("tries", Length)),
        ("log | fromjson | inner.x", ("log", FromJson, "inner", "x")),
        ("tries[].target.name", ("tries", Each, "target", "name")),
        ("tries[state=won|ok].name", ("tries", Where("state", ("won", "ok")), "name")),
        ("channels[]", ("channels", Each)),
        ("error..code", ("error", Within("code"))),
    ],
)
def test_paths(path: str, steps: tuple[Any, ...]) -> None:
    """A path is names, places in lists, each entry of one, the length of a list, and JSON inside a string."""
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        ('{"code":"A","cause":[{"code":"B","cause":{"code":-32000}}]}', "A, B, -32000"),
        ('[{"code":"A"},"code",{"code" : "B C"}]', "A, B C"),
        (r'{"message":"says \"code\":\"A\"","x\"code":"A","code":"B\u0041"}', "BA"),
        ('{"a":[[{"code":"A"}]],"code":{"code":null}}', "A"),
        ('{"message":"m"}', ""),
        ('"code"', ""),
        ("null", ""),
        ("-7", ""),
    ],
)
def test_values_at_any_depth(error: str, codes: str) -> None:
    """`a..b` is every text or number of a name inside, the outermost first; what stands in a text is none."""
    spec = FormatSpec(json={"status": "status", "model": {"path": "error..code", "match": "(.*)"}})
    (record,) = Reading(spec, b'{"status":200,"error":%s}\n' % error.encode()).records
    assert record.model == codes


@pytest.mark.parametrize(
    ("line", "model", "tokens"),
    [
        (r'{"p":{"body":"{\"model\":\"m\",\"usage\":{\"n\":5}}"}}', "m", 5),
        (r'{"p":"{\"body\":\"{\\\"model\\\":\\\"m\\\"}\"}"}', "m", None),
        (r'{"p":{"body":{"usage":{"n":5}}}}', "", 5),
        (r'{"p":{"body":"{\"model\":\"m"}}', "", None),
        (r'{"p":{"body":[7]}}', "", None),
        (r'{"p":7}', "", None),
    ],
)
def test_json_in_a_text_in_json_in_a_text(line: str, model: str, tokens: int | None) -> None:
    """`fromjson` reads a text at any depth, and several fields of it; what is no JSON, or was cut, is absent."""
    body = "p | fromjson | body | fromjson"
    fields = {
        "status": [{"path": "s"}, {"value": 200}],
        "model": f"{body} | model",
        "input_tokens": f"{body} | usage.n",
    }
    (record,) = Reading(FormatSpec(json=fields), line.encode() + b"\n").records
    assert (record.model, record.input_tokens) == (model, tokens)


@pytest.mark.parametrize("other", ["error.code", "error", "error[0]", "error | fromjson | code", "error | length"])
@pytest.mark.parametrize("first", [True, False])
def test_what_is_searched_at_any_depth_is_read_in_no_other_way(other: str, first: bool) -> None:
    """`a..b` beside `a.c` is refused when the config is read, in whatever order they stand."""
    fields = {"status": "error..code", "model": other} if first else {"status": other, "model": "error..code"}
    with pytest.raises(ValueError, match="can't also be read by another kind of path"):
        build(FormatSpec(json=fields))


@pytest.mark.parametrize("path", ["", "[0]", "a[", "a[x]", "a | unknown | ", "a..", "a...b", '"unclosed'])
def test_bad_paths(path: str) -> None:
    """What is no path is refused."""
    with pytest.raises(ValueError, match="bad path"):
        parse_path(path)


@pytest.mark.parametrize(
    ("spec", "word", "expected"),
    [
        ({"path": "a"}, "x", "x"),
        ({"path": "a", "match": "^(grpc)-"}, "grpc-go/1.68", "grpc"),
        ({"path": "a", "match": "^(grpc)-"}, "curl", ""),
        ({"path": "a", "match": "x(y)?"}, "x", ""),
        ({"path": "a", "map": {"UT": "timeout"}}, "UT", "timeout"),
        ({"path": "a", "map": {"UT": "timeout"}}, "DC", "DC"),
        ({"path": "a", "map": {"UT": "timeout", "*": ""}}, "DC", ""),
        ({"path": "a", "map": {"UF": "upstream_error"}}, "URX,UF", "upstream_error"),
        ({"path": "a", "map": {"UF": 1, "URX": 2}}, "URX, UF", "2"),
        ({"path": "a", "map": {"*": "https"}}, "", ""),
        ({"path": "a", "map": {"": "http", "~": "https"}}, "", "http"),
        ({"path": "a", "map": {"": "http"}}, "a,,b", "a,,b"),
        ({"path": "a", "map": {True: 200, False: 500}}, "true", "200"),
        ({"path": "a", "map": {404: "gone"}}, "404", "gone"),
        ({"path": "a[].b", "map": {"x": "1", "*": ""}}, "x, y, , x", "1, , , 1"),
        ({"path": "a[].b", "match": "^(\\d)"}, "12, x", "1, "),
        ({"path": "a[]"}, "", ""),
    ],
)
def test_translations(spec: dict[str, Any], word: str, expected: str) -> None:
    """`match` takes a part of a word, `map` gives it another; a list means its first listed entry."""
    (source,) = parse_sources("error", spec)
    assert source.translated(word) == expected


@pytest.mark.parametrize(
    ("field", "spec", "message"),
    [
        ("statu", "a", "unknown field 'statu'; did you mean 'status'?"),
        ("status", 7, "must be a path, a mapping or a list of these, not 7"),
        ("status", [], "must be a path, a mapping or a list"),
        (
            "status",
            {"pth": "a"},
            "pth: unknown field 'pth'; did you mean 'path'? (allowed: below, divide, from, if, includes, ",
        ),
        ("status", {"path": "a", "value": 1}, "give exactly one of path, value, from and to"),
        ("duration", {"from": "a"}, "give exactly one of path, value, from and to"),
        ("duration", {"path": "a", "unit": "sec"}, "unknown unit 'sec'"),
        ("status", {"path": "a", "pick": "lst"}, "unknown pick 'lst'; did you mean 'last'?"),
        ("status", {"path": "a", "match": "("}, "match: is not a valid regular expression"),
        ("status", {"path": "a", "match": "a"}, "match: must have exactly one group, the value; it has 0"),
        ("input_tokens", {"path": "a", "includes": ["cachd"]}, "unknown field 'cachd'"),
        (
            "status",
            {"path": "a", "unit": "ms"},
            "a field of kind text can't have 'unit'; it goes with seconds and time",
        ),
        ("key", {"from": "a", "to": "b"}, "a field of kind text can't have 'from'"),
        ("time", {"path": "a", "pick": "last"}, "a field of kind time can't have 'pick'"),
        ("status", {"path": "a", "if": "b"}, "a field of kind text can't have 'if'"),
        ("status", {"path": "a", "divide": 2}, "a field of kind text can't have 'divide'"),
        ("cost", {"path": "a", "divide": 0}, "divide: must be at least 1, not 0"),
        ("cost", {"value": 1, "plus": "b"}, "plus: goes with path"),
        ("time", {"path": "a", "plus": ["b", "c"]}, "plus: a time has two parts, a date and a time of day"),
        ("status", {"path": "a", "plus": "b"}, "a field of kind text can't have 'plus'"),
        ("time", {"path": "a", "zone": "Mars"}, "zone: unknown time zone 'Mars'; write UTC or Europe/Berlin"),
        ("duration", {"path": "a", "zone": "UTC"}, "a field of kind seconds can't have 'zone'"),
    ],
)
def test_refused_sources(field: str, spec: Any, message: str) -> None:
    """The message names the field, what is wrong with it and what is allowed."""
    with pytest.raises(ValueError) as refused:
        parse_sources(field, spec)
    assert message in str(refused.value)


COMBINED = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
LINE = b'203.0.113.24 - acme [03/Mar/2026:14:05:09 +0000] "GET /v1/chat HTTP/1.1" 200 114'


@pytest.mark.parametrize(
    "template",
    [
        COMBINED,
        f"log_format main '{COMBINED}';",
        """log_format main escape=default '$remote_addr - $remote_user [$time_local] '
                             '"$request" $status $body_bytes_sent';""",
        """'$remote_addr - $remote_user [$time_local] '
           '"$request" $status $body_bytes_sent';""",
        'log_format main "$remote_addr - $remote_user [$time_local] \\"$request\\" $status $body_bytes_sent";',
        '$remote_addr - $remote_user [$time_local]\n  "$request" $status\n  $body_bytes_sent',
        COMBINED.replace("$remote_user", "${remote_user}"),
    ],
)
def test_templates_as_users_write_them(template: str) -> None:
    """A log_format may be pasted as it stands in nginx.conf: quoted, over several lines, with its name or without."""
    (record,) = Reading(FormatSpec(template=template), LINE + b"\n").records
    assert (record.method, record.status, record.origin) == ("GET /v1/chat", "200", "203.0.113.0/24")
    assert (record.time, record.response_bytes) == (1772546709.0, 114)


@pytest.mark.parametrize(
    ("template", "line", "expected"),
    [
        ("$status $upstream_response_time $pipe", b"200 0.101, 0.045 .", {"upstream_response_time": b"0.101, 0.045"}),
        ("$status $upstream_addr $pipe", b"200 a:1, b:2 : c:3 .", {"upstream_addr": b"a:1, b:2 : c:3", "pipe": b"."}),
        (
            "$http_x_forwarded_for $upstream_addr $upstream_response_time $status",
            b"a, b,c , d,  e b:1, c:2 : d:3 0.1, - : 0.2 200",
            {
                "http_x_forwarded_for": b"a, b,c , d,  e",
                "upstream_addr": b"b:1, c:2 : d:3",
                "upstream_response_time": b"0.1, - : 0.2",
                "status": b"200",
            },
        ),
        ("$upstream_addr : $status", b"a:1, b:2 : 200", {"upstream_addr": b"a:1, b:2", "status": b"200"}),
        ('$http_x_forwarded_for "$status"', b'1.1.1.1, 2.2.2.2 "200"', {"http_x_forwarded_for": b"1.1.1.1, 2.2.2.2"}),
        ("- $remote_user [$status]", b"- John Smith [200]", {"remote_user": b"John Smith"}),
        (
            "$scheme://$host$request_uri $status",
            b"https://h.example/a?b 200",
            {"host": b"h.example", "request_uri": b"/a?b"},
        ),
        ("$uri$is_args$args $status", b"/a?b=1 200", {"uri": b"/a", "is_args": b"?", "args": b"b=1"}),
        ("$uri$is_args$args $status", b"/a 200", {"uri": b"/a", "is_args": b"", "args": b""}),
        ('"$request" $status', rb'"GET \"x\" \\" 200', {"request": rb"GET \"x\" \\", "status": b"200"}),
        ("$status|$request_time|$http_x", b"200|0.1|a|b c", {"request_time": b"0.1", "http_x": b"a|b c"}),
    ],
)
def test_template_values(template: str, line: bytes, expected: dict[str, bytes]) -> None:
    """A variable's value ends where the template says, lists and odd names included."""
    lines = TextLines(template_regex(template))
    (row,) = lines.decode(line + b"\n").rows
    assert {name: row[lines.captures.index(name)] for name in expected} == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("no variables", "a template needs variables"),
        ("$status $status", "variable $status occurs twice"),
        ("$status$request_time", "nothing between $status and $request_time: their values can't be told apart"),
        ("$a${b} $status", "nothing between $a and ${b}"),
        ('log_format x escape=json \'{"a":"$status"}\';', "this log_format writes JSON"),
        ("log_format x '$status' $request_time;", "a quote is missing or too many"),
        ("log_format x '$status", "a quote is missing or too many"),
    ],
)
def test_refused_templates(template: str, message: str) -> None:
    """A template whose values can't be told apart is refused with the place."""
    with pytest.raises(ValueError) as refused:
        template_regex(template)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            FormatSpec(regex=r"(?P<cleint>\S+) (?P<status>\d+)"),
            "regex: unknown field 'cleint'; did you mean 'client'? (allowed: attempt_",
        ),
        (
            FormatSpec(template="$status $request_tmie"),
            "template: unknown variable $request_tmie; did you mean $request_time?",
        ),
        (FormatSpec(template="$stauts $status"), "template: unknown variable $stauts; did you mean $status?"),
    ],
)
def test_a_misspelt_capture_is_told(spec: FormatSpec, message: str) -> None:
    """It would be read, and used for nothing."""
    with pytest.raises(ValueError, match=re.escape(message)):
        build(spec)


@pytest.mark.parametrize(
    "spec",
    [
        FormatSpec(regex=r"(?P<q>\S)(?P<status>\d+)(?P=q)"),
        FormatSpec(regex=r"(?P<cleint>\S+) (?P<status>\d+)", fields={"client": "cleint"}),
        FormatSpec(regex=r"(?P<cleint>\S+) (?P<status>\d+)", fields={"key": "cleint | fromjson | id"}),
        FormatSpec(regex=r"(?P<kind>\S+) (?P<status>\d+)", only={"kind": "access"}),
        FormatSpec(regex=r"(?P<id>\S+) (?P<status>\d+)", join=JoinSpec(by="id", until="status")),
        FormatSpec(template="$request_tmie $status", fields={"duration": "request_tmie"}),
        FormatSpec(template="$request_id $status $ssl_server_name $http_x_forwarded_port $upstream_cache_status $own"),
    ],
)
def test_captures_of_other_names_are_for_what_uses_them(spec: FormatSpec) -> None:
    """`fields`, `only`, `join`, the pattern itself; nginx has many variables that are no field."""
    build(spec)


def test_nginx_variables_are_fields() -> None:
    """A template needs no `fields`: nginx's variables say what they are, the best one first."""
    template = "$remote_addr|$http_x_forwarded_for|$msec|$request_method|$request_uri|"
    template += "$status|$request_time|$upstream_status|$chain"
    line = b"10.0.0.1|203.0.113.24|1772546709.331|POST|/v1/chat?apikey=k1|502|0.5|502, 502|ethereum\n"
    (record,) = Reading(FormatSpec(template=template), line).records
    assert (record.origin, record.key, record.method) == ("203.0.113.0/24", "k1", "POST /v1/chat")
    assert (record.time, record.duration, record.chain) == (1772546709.331, 0.5, "ethereum")


def test_regex_groups_are_fields_and_fields_go_on_top() -> None:
    """A regex needs `fields` only for what its groups' names do not say."""
    spec = FormatSpec(
        regex=r"(?P<status>\d+) (?P<ms>\d+) (?P<path>\S+)",
        fields={"duration": {"path": "ms", "unit": "ms"}, "http_method": {"value": "GET"}},
    )
    (record,) = Reading(spec, b"200 13 /v1/chat\n").records
    assert (record.status, record.duration, record.method) == ("200", 0.013, "GET /v1/chat")


@pytest.mark.parametrize("order", [("input_tokens", "cache_read_tokens"), ("cache_read_tokens", "input_tokens")])
def test_what_is_included_is_subtracted_in_any_order(order: tuple[str, str]) -> None:
    """A field that includes others is what is left, whatever the order in which they are written."""
    fields: dict[str, Any] = {
        "input_tokens": {"path": "prompt", "includes": ["cache_read_tokens"]},
        "cache_read_tokens": "cached",
    }
    spec = FormatSpec(json={"status": "status", **{field: fields[field] for field in order}})
    log = b'{"status":200,"prompt":100,"cached":80}\n{"status":200,"prompt":100}\n{"status":200,"cached":5}\n'
    records = Reading(spec, log).records
    assert [(record.input_tokens, record.cache_read_tokens) for record in records] == [(20, 80), (100, None), (None, 5)]


@pytest.mark.parametrize(
    ("fields", "values", "expected"),
    [
        ({"cost": {"path": "quota", "divide": 500000}}, {"quota": 410}, 0.00082),
        ({"cost": {"path": "quota", "divide": 500000}}, {"quota": "-"}, None),
        ({"cost": {"path": "a", "plus": "b"}}, {"a": 3, "b": "4"}, 7),
        ({"cost": {"path": "a", "plus": "b"}}, {"b": 4}, 4),
        ({"cost": {"path": "a", "plus": "b"}}, {}, None),
        ({"cost": {"path": "a", "plus": ["b", "c"]}}, {"a": 1, "b": "4", "c": 0.5}, 5.5),
        ({"cost": {"path": "a", "plus": ["b", "c"]}}, {"c": 2, "b": -1}, 2),
        ({"cost": {"path": "a", "if": "b"}}, {"a": 3, "b": "false"}, None),
        ({"cost": {"path": "a", "if": "b"}}, {"a": 3, "b": "0"}, None),
        ({"cost": {"path": "a", "if": "b"}}, {"a": 3, "b": "true"}, 3),
        (
            {"cost": [{"path": "a", "if": "b"}, {"path": "a", "includes": ["input_tokens"]}], "input_tokens": "i"},
            {"a": 9, "i": 5},
            4,
        ),
        (
            {"cost": [{"path": "a", "if": "b"}, {"path": "a", "includes": ["input_tokens"]}], "input_tokens": "i"},
            {"a": 9, "i": 5, "b": True},
            9,
        ),
    ],
)
def test_numbers_are_made_of_what_is_there(fields: dict[str, Any], values: dict[str, Any], expected: Any) -> None:
    """Units of the gateway's own, sums of two values, and conditions; absence stays absence."""
    log = msgspec.json.encode({"status": 200} | values) + b"\n"
    (record,) = Reading(FormatSpec(json={"status": "status"} | fields), log).records
    assert record.cost == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("0.001", "0.02", "0.3"), 0.321),
        ((0, 0, 0), 0),
        ((0.001, -1, -1), None),
        (("0.001", "-1", "0.3"), None),
        ((0.5, None, 0.5), None),
        ((0.5, "-", 0.5), None),
        ((0.5, -7, 0.5), None),
    ],
)
@pytest.mark.parametrize("unit", ["s", "ms"])
def test_a_duration_is_the_sum_of_its_parts_if_all_of_them_are_there(unit: str, parts: Any, expected: Any) -> None:
    """A part alone would be a duration that is too short: where one is -1 or absent, there is none."""
    duration = {"path": "a", "plus": ["b", "c"], "unit": unit}
    log = msgspec.json.encode({"status": 200, **dict(zip("abc", parts, strict=True))}) + b"\n"
    (record,) = Reading(FormatSpec(json={"status": "status", "duration": duration}), log).records
    assert record.duration == (expected if expected is None or unit == "s" else round(expected / 1000, 9))


@pytest.mark.parametrize(
    ("date", "clock", "expected"),
    [
        ("2026-03-03", "14:05:09", 1772546709.0),
        ("2026/03/03", "14:05:09.5", 1772546709.5),
        ("03/Mar/2026", "14:05:09 +0100", 1772543109.0),
        ("2026-03-03", "14:05:09Z", 1772546709.0),
        ("2026-03-03", "-", None),
        ("-", "14:05:09", None),
    ],
)
def test_a_time_may_stand_in_two_places(date: str, clock: str, expected: float | None) -> None:
    """A date and its clock, in two values of JSON, two captures or two columns, are one time."""
    time = {"path": "date", "plus": "clock"}
    json_log = msgspec.json.encode({"status": 200, "date": date, "clock": clock}) + b"\n"
    text_log = f"{date}|{clock}|200\n".encode()
    for spec, log in (
        (FormatSpec(json={"status": "status", "time": time}), json_log),
        (FormatSpec(regex=r"(?P<date>[^|]*+)\|(?P<clock>[^|]*+)\|(?P<status>\d+)", fields={"time": time}), text_log),
        (
            FormatSpec(csv={"status": "status", "time": time}, delimiter="|"),
            b"date|clock|status\n" + text_log,
        ),
    ):
        assert [record.time for record in Reading(spec, log).records] == [expected]


def test_a_date_without_a_zone_is_in_the_zone_that_its_format_names() -> None:
    """Where the input does not name another."""
    spec = FormatSpec(json={"status": "s", "time": {"path": "t", "zone": "Asia/Tokyo"}})
    for zone, expected in ((None, 1772514309.0), (UTC, 1772546709.0)):
        reader = RowReader(build(spec), {}, zone)
        assert reader.seconds_since_epoch("2026-03-03 14:05:09") == expected
        assert reader.seconds_since_epoch("2026-03-03 14:05:09Z") == 1772546709.0


@pytest.mark.parametrize(
    "spec",
    [
        FormatSpec(preset="nginx-json", fields={"status": {"map": {0: 200}}}),
        FormatSpec(json={"status": {"path": "status", "map": {0: 200}}}),
        FormatSpec(regex=r'\{"status":(?P<status>\d+)\}', fields={"status": {"map": {0: 200}}}),
    ],
)
def test_a_status_can_mean_another(spec: FormatSpec) -> None:
    """`map` alone keeps the place that the preset, or the capture's name, gives the field."""
    records = Reading(spec, b'{"status":0}\n{"status":404}\n').records
    assert [(record.status, record.error_type) for record in records] == [("200", ""), ("404", "client_error")]


def test_durations_of_different_units() -> None:
    """Each source has the unit it says."""
    spec = FormatSpec(json={"status": "s", "duration": ["seconds", {"path": "ms", "unit": "ms"}]})
    records = Reading(spec, b'{"s":200,"ms":1500}\n{"s":200,"seconds":2,"ms":1500}\n').records
    assert [record.duration for record in records] == [1.5, 2]


def test_a_list_of_objects_is_a_text() -> None:
    """What each entry says, in order, `-` where one says nothing; commas in names do not make more of them."""
    spec = FormatSpec(json={"status": "s", "attempts": "chain[].name", "upstream_status": "chain[].end.code"})
    log = b'{"s":200,"chain":[{"name":"a, b","end":{"code":502}},{"name":"c"},{}]}\n'
    log += b'{"s":200,"chain":[]}\n{"s":200,"chain":"x"}\n'
    records = Reading(spec, log).records
    assert [[(attempt.provider, attempt.outcome) for attempt in record.attempts] for record in records] == [
        [("a b", "server_error"), ("c", "other"), ("", "success")],
        [],
        [],
    ]


@pytest.mark.parametrize(
    ("tries", "provider"),
    [
        ([{"state": "won", "name": "a"}, {"state": "lost", "name": "b"}], "a"),
        ([{"state": "ok", "name": "a"}, {"state": "won", "name": "b"}, {"name": "c"}], "b"),
        ([{"state": "wonder", "name": "a"}, {"state": 5, "name": "b"}, 5, None], "none"),
        ([], "none"),
        ("won", "none"),
        (None, "none"),
    ],
)
def test_an_entry_of_a_list_is_named_by_a_word_in_it(tries: Any, provider: str) -> None:
    """The last entry that has one of the words; whatever else stands there is none."""
    spec = FormatSpec(json={"status": "s", "provider": ["tries[state=won|ok].name", {"value": "none"}]})
    (record,) = Reading(spec, json.dumps({"s": 200, "tries": tries}).encode() + b"\n").records
    assert record.provider == provider


@pytest.mark.parametrize("empty", ["{}", "[]", "null", '""', "0"])
def test_an_empty_list_or_object_may_be_written_as_the_other(empty: str) -> None:
    """Lua and PHP can't tell `{}` from `[]`: no line is lost to that."""
    spec = FormatSpec(json={"status": "s", "key": "a[0]", "cost": "a[0].b", "attempts": "c[].d", "model": "e.f"})
    (record,) = Reading(spec, b'{"s":200,"a":%b,"c":%b,"e":%b}\n' % ((empty.encode(),) * 3)).records
    assert (record.status, record.cost, record.attempts, record.model) == ("200", None, (), "")


def test_json_in_a_text_line() -> None:
    """A capture that holds JSON is read like JSON; one that does not says nothing."""
    spec = FormatSpec(
        regex=r"(?P<status>\d+) (?P<more>.*)",
        fields={
            "key": "more | fromjson | who.name",
            "cost": "more | fromjson | cost",
            "attempts": "more | fromjson | l[]",
        },
    )
    records = Reading(spec, b'200 {"who":{"name":"a"},"cost":"0.5","l":[1,2]}\n404 {cut\n500 \xff\n').records
    assert [
        (record.status, record.key, record.cost, [two.provider for two in record.attempts]) for record in records
    ] == [
        ("200", "a", 0.5, ["1", "2"]),
        ("404", "", None, []),
        ("500", "", None, []),
    ]


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [({"in": 5}, 5), ('{"in": 5}', 5), ("", None), (None, None), ([], None), ({}, None), (7, None), ("[5]", None)],
)
def test_json_in_a_text_may_stand_there_itself(usage: Any, tokens: int | None) -> None:
    """Gateways write an object as such or as a text with JSON in it, by version; what is neither is absent."""
    spec = FormatSpec(json={"status": "s", "input_tokens": "usage | fromjson | in"})
    found = Reading(spec, json.dumps({"s": 200, "usage": usage}).encode() + b"\n")
    assert [(record.status, record.input_tokens) for record in found.records] == [("200", tokens)]


def test_quotes_that_nobody_escaped() -> None:
    """With `escape: none` a quote inside of a value is mended; without, the line is no JSON."""
    line = b'{"status":"200","ua":"agent "x" 1.0","path":"/a"}\n'
    spec = FormatSpec(json={"status": "status", "path": "path"}, escape="none")
    (record,) = Reading(spec, line).records
    assert (record.status, record.method) == ("200", "/a")
    assert Reading(FormatSpec(json={"status": "status"}), line).rejected == [("not_json", line[:-1])]


def test_only_leaves_out_what_an_exclamation_mark_names() -> None:
    """`!inbound|*` counts every line but those, absent values too."""
    spec = FormatSpec(json={"status": "status"}, only={"cluster": "!inbound|*"})
    log = b'{"status":200,"cluster":"inbound|80||"}\n{"status":200,"cluster":"outbound|80||"}\n{"status":200}\n'
    assert [record.ignored for record in Reading(spec, log).records] == [True, False, False]


def test_only_leaves_lines_out() -> None:
    """`only` counts the lines whose value has one of the shapes, and leaves out all others, absent values too."""
    spec = FormatSpec(json={"status": "status"}, only={"logger": ["http.log.access*", "audit"]})
    log = b'{"status":200,"logger":"http.log.access.a"}\n{"status":200,"logger":"x"}\n'
    log += b'{"status":200}\n{"status":200,"logger":"audit"}\n'
    assert [record.ignored for record in Reading(spec, log).records] == [False, True, True, False]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "give exactly one of preset, json, template, regex"),
        ({"preset": "nginx-json", "regex": "x"}, "give exactly one of"),
        ({"preset": "nginx-jsn"}, "unknown preset 'nginx-jsn'; did you mean 'nginx-json'?"),
        ({"template": "$status", "escape": "nginxx"}, "unknown escape 'nginxx'"),
        ({"json": {"status": "s"}, "fields": {"key": "k"}}, "with json, name the fields there"),
        ({"csv": {"status": "s"}, "fields": {"key": "k"}}, "with csv, name the fields there"),
        ({"regex": "(?P<status>.*)", "fields": {"key": "status | length"}}, "of a capture, write status | fromjson"),
        ({"json": {"key": "k"}}, "no source for the field 'status'"),
        ({"regex": "(?P<status>"}, "regex: is not a valid regular expression"),
        ({"regex": r"(?:(/\w+)+)+ (?P<status>\d+)(?=x)"}, "regex: may take forever, as a text such as '/a/'"),
        ({"regex": r"(?P<a>\S+)(?P<status>\d+)(?P=a)"}, "and RE2 can't run it (invalid perl operator"),
        ({"regex": "([0-9]+)"}, "a regex needs named groups"),
        ({"regex": "(?P<staus>[0-9]+)"}, "no source for the field 'status'"),
    ],
)
def test_refused_formats(spec: dict[str, Any], message: str) -> None:
    """A format that can't work is refused with what is missing."""
    with pytest.raises(ValueError) as refused:
        build(FormatSpec(**spec))
    assert message in str(refused.value)


def test_refused_captures() -> None:
    """A field of a text format whose capture does not exist is refused with those that do."""
    spec = FormatSpec(regex=r"(?P<status>\d+) (?P<agent>.*)", fields={"key": "agnt"})
    with pytest.raises(ValueError, match=r"unknown capture 'agnt'; did you mean 'agent'\?"):
        Reading(spec, b"200 x\n")
