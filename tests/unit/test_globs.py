"""Globs: `*` and `?`, and nothing else; of paths each part by itself. Which input a log belongs to."""

from pathlib import Path

import pytest

from exporter.commands.select_input import input_for
from exporter.config.load import load
from exporter.errors import UsageError
from exporter.globs import is_glob, match
from tests.command import run


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("?", "", False),
        ("a*c", "abbc", True),
        ("a*c", "abbcd", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*.log", "x/y.log", True),
        ("a*b", "a\nb", True),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("[!a]*", "[!a]b", True),
        ("a.b", "axb", False),
        ("A", "a", False),
        ("a\\*", "a\\b", True),
    ],
)
def test_only_the_star_and_the_question_mark_are_special(pattern: str, text: str, fits: bool) -> None:
    """Brackets, dots and backslashes stand for themselves; the whole text has to fit."""
    assert match(pattern, text) is fits


def test_a_pattern_of_many_stars_ends_soon() -> None:
    """It does not try every way to divide the text."""
    assert not match("*a" * 30 + "b", "a" * 5000)


def test_a_glob_is_what_has_a_wildcard() -> None:
    """`[` is none."""
    assert [is_glob(pattern) for pattern in ("a*", "a?", "[a]", "")] == [True, True, False, False]


def test_a_log_belongs_to_the_input_that_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder may be reached by a link or by `..`."""
    (tmp_path / "logs" / "sub").mkdir(parents=True)
    (tmp_path / "conf").mkdir()
    (tmp_path / "link").symlink_to("logs")
    config = tmp_path / "conf" / "config.yaml"
    config.write_text(
        "inputs:\n- {path: ../logs/*.log, name: top, format: caddy}\n"
        "- {path: ../link/sub/*.log, name: sub, format: caddy}\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    for path, name in [("logs/a.log", "top"), ("link/b.log", "top"), ("logs/sub/a.log", "sub"), ("link/../c.log", "")]:
        loaded = load(config).config
        if name:
            assert input_for(path, loaded, None).name == name, path
        else:
            with pytest.raises(UsageError, match="no input's path matches it"):
                input_for(path, loaded, None)


def test_replay_finds_the_input_of_a_log_in_a_folder_below(tmp_path: Path) -> None:
    """`*.log` is not about `sub/a.log`."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.log").write_text("200\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(
        "inputs:\n- {path: '*.log', name: top, format: caddy}\n"
        "- {path: 'sub/*.log', name: sub, format: {regex: '(?P<status>[0-9]+)'}}\n",
        encoding="utf-8",
    )
    done = run("replay", "--config.file", "config.yaml", "sub/a.log", cwd=tmp_path)
    assert done.code == 0
    assert 'gateway_exporter_lines_total{input="sub",result="parsed"} 1\n' in done.stdout
