"""Logs that name their columns: a line is read with the columns of its own log, wherever reading begins."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from exporter.formats.decoders.csv_lines import CsvLines
from exporter.inputs.lines import CHUNK
from exporter.inputs.logs.file_input import FileInput
from tests.unit.test_files import Told

W3C = b"#Version: 1.0\n#Fields: "


class Columns:
    """An input and its decoder: which values `status` and `path` had."""

    def __init__(self, pattern: Path, start_at: str = "beginning", delimiter: str = ",") -> None:
        self.rejected: Counter[str] = Counter()
        self._place = (str(pattern), Told(), start_at)
        self._delimiter = delimiter
        self._open()

    def _open(self) -> None:
        self.source = FileInput(*self._place)
        self.decoder = CsvLines(self._delimiter)
        self.decoder.asked = ["status", "path"]
        self.source.read_headers(self.decoder, is_new=False)

    def read(self) -> list[tuple[str, ...]]:
        """The rows since the last call, in order of their paths."""
        rows = []
        self.source.scan()
        while (chunk := self.source.read()) or self.source.pending:
            decoded = self.decoder.decode(chunk)
            rows += [tuple(row) for row in decoded.rows]
            self.rejected.update(reason for reason, _ in decoded.rejected)
        return sorted(rows, key=lambda row: row[1])

    def restart(self) -> None:
        """Go on in another process, which knows what was committed."""
        positions = self.source.positions()
        self.source.close()
        self._open()
        self.source.restore(positions)


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as out:
        out.write(text)


@pytest.mark.parametrize("restarts", [False, True])
def test_each_log_of_an_input_has_its_own_columns(tmp_path: Path, restarts: bool) -> None:
    """They grow by turns, and were there before the first start."""
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_bytes(b"status,path\n500,/old\n")
    other.write_bytes(b"path,more,status\n/old,,500\n")
    columns = Columns(tmp_path / "*.csv", "end")
    assert columns.read() == []
    for n in range(3):
        append(path, b"200,/a%d\n" % n)
        append(other, b"/b%d,,404\n" % n)
        if restarts:
            columns.restart()
        assert columns.read() == [("200", f"/a{n}"), ("404", f"/b{n}")]
    assert not columns.rejected


def test_a_later_header_holds_from_its_line_on(tmp_path: Path) -> None:
    """Also where reading begins behind it, far from the file's beginning, and after a restart."""
    log = tmp_path / "u_ex.log"
    log.write_bytes(W3C + b"path status\n" + b"/old 500\n" * CHUNK + W3C + b"status path\n" + b"500 /old\n" * 9)
    columns = Columns(log, "end", " ")
    assert columns.read() == []
    append(log, b"200 /a\n")
    assert columns.read() == [("200", "/a")]
    append(log, W3C + b"path more status\n/b - 404\n")
    assert columns.read() == [("404", "/b")]
    columns.restart()
    append(log, b"/c - 405\n")
    assert columns.read() == [("405", "/c")]
    assert not columns.rejected


@pytest.mark.parametrize("packed", [False, True])
def test_a_rotated_log_keeps_its_columns(tmp_path: Path, packed: bool) -> None:
    """Its last lines were written while the exporter was down; the new log names others, in another order."""
    log = tmp_path / "a.csv"
    log.write_bytes(b"status,path\n" + b"500,/old\n" * 200)
    columns = Columns(log, "end")
    assert columns.read() == []
    append(log, b"200,/a\n")
    assert columns.read() == [("200", "/a")]
    append(log, b"201,/b\n")
    if packed:
        (tmp_path / "a.csv.1.gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    else:
        log.rename(tmp_path / "a.csv.1")
    log.write_bytes(b"path,status\n/c,404\n")
    columns.restart()
    assert columns.read() == [("201", "/b"), ("404", "/c")]
    assert not columns.rejected


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("truncated", [False, True])
def test_a_log_without_a_header_has_that_of_the_log_before_it(tmp_path: Path, truncated: bool, restarts: bool) -> None:
    """A writer whose log is copied and emptied, or renamed, writes none again. Another log's is not taken."""
    log = tmp_path / "a.csv"
    log.write_bytes(b"status,path\n" + b"200,/a\n" * 200)
    (tmp_path / "b.csv").write_bytes(b"path,status\n/b,404\n")
    (tmp_path / "c.csv").write_bytes(b"/c,404\n")
    columns = Columns(tmp_path / "*.csv")
    assert len(columns.read()) == 201
    assert columns.rejected == {"no_header": 1}
    if truncated:
        (tmp_path / "a.csv.1").write_bytes(log.read_bytes())
        log.write_bytes(b"")
    else:
        log.rename(tmp_path / "a.csv.1")
    log.touch()
    if restarts:
        columns.restart()
    append(log, b"201,/d\n")
    assert columns.read() == [("201", "/d")]
    columns.restart()
    append(log, b"202,/e\n")
    assert columns.read() == [("202", "/e")]


def test_a_new_format_reads_the_headers_again(tmp_path: Path) -> None:
    """What another format took for columns says nothing to this one."""
    log = tmp_path / "a.csv"
    log.write_bytes(b"status;path\n500;/old\n")
    columns = Columns(log)
    assert columns.read() == []
    assert columns.rejected == {"no_header": 2}
    columns.decoder = CsvLines(";")
    columns.decoder.asked = ["status", "path"]
    columns.source.read_headers(columns.decoder, is_new=True)
    append(log, b"200;/a\n")
    assert columns.read() == [("200", "/a")]
