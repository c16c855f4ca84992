"""Lists that are read quickly: whatever is read so, PyYAML reads as the same; whatever is not, is left to it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.errors import ConfigError
from exporter.keys import flat_list
from exporter.keys.file import load_keys


def same(fields: dict[str, Any]) -> dict[str, Any]:
    return fields


@pytest.mark.parametrize(
    "text",
    [
        "- id: a\n- id: b\n  name: B b\n",
        "# keys\n\n- id: a\n  # of b\n  name: b\n\n",
        "- {id: a, name: A, created: 2026-01-31, enabled: false}\n- id: b",
        '- id: "a: #b"\n  name: "yes"\n- {id: "c, d", name: "{e}"}\n',
        "- id: 12\n  plan: 1.5\n  owner: 0x1f\n  name: 1_000\n  hash: 012\n  created: 2026-01-02T03:04:05Z\n",
        "- id: true\n  name: No\n  owner: null\n  plan: on\n  hash: truely\n",
        "- id: a   \n  name: it is (so) +1 a@b.c/d-e   \n",
        "- id: käse\n  name: \u4e2d\u6587\n",
        '[{"id": "a", "name": "\\u00e4 \\" x"}, {"id": "b", "enabled": false, "created": null}]',
        "[]",
    ],
)
def test_what_is_read_quickly_is_what_pyyaml_reads(text: str) -> None:
    """Words, quotes, numbers, dates, comments."""
    assert flat_list.read(text, same) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "id: a\n",
        "- a\n",
        "-\n",
        "- id: a\n   name: b\n",
        "- id: a\n name: b\n",
        "  name: b\n- id: a\n",
        "- id: a # comment\n",
        "- id: a: b\n",
        "- id: 'a'\n",
        "- id: >\n  b\n",
        "- id: &a b\n- id: *a\n",
        "- id: !!str 1\n",
        "- id: a\n  id: b\n",
        "- {id: a, id: b}\n",
        "- {id: a,}\n",
        "- {id: a, }\n",
        "- {id: a} \n  name: b\n",
        '- id: "a\\n"\n',
        '- id: "a\n  b"\n',
        "- id: a\n  b\n",
        "- id: 2026-02-30\n",
        "- id: a\r\n",
        "- id: a\tb\n",
        "---\n- id: a\n",
        '[{"id": "a", "id": "b"}]',
        '[{"id": {"id": "a"}}]',
        '[["a"]]',
        '[{"id": NaN}]',
        "[" * 100_000,
        "[{id: a}]",
        '{"id": "a"}',
        "- id: a\x00\n",
        '- id: "a\x07"\n',
        "# \x07\n- id: a\n",
        "- id: a\ufeff\n",
    ],
)
def test_what_is_not_plain_is_not_read_quickly(text: str) -> None:
    """Nothing is guessed."""
    found = flat_list.read(text, same)
    assert found is None


def test_any_text_of_yamls_signs_is_read_as_pyyaml_reads_it_or_not_at_all() -> None:
    """Random lines, from what could be confused."""
    words = ["a", "true", "1", "1e5", "1.5", "2026-01-01", "~", "", "null", "b c", "a:b", "a #b", '"x"', '"x: y"', "-1"]
    words += [
        "0o7",
        "1:30",
        ".5",
        ".inf",
        "+",
        "=",
        "<<",
        "a,b",
        "{a}",
        "'q'",
        "/v1",
        "x-",
        "@a",
        "%",
        "1_0",
        "0x",
        "y",
    ]
    starts = ["- id: ", "  name: ", "  plan: ", "- {id: ", "# ", "", "   owner: ", "- ", "-  id: "]
    read = 0
    for seed in range(4000):
        chance = random.Random(seed)
        lines = []
        for _ in range(chance.randrange(1, 5)):
            start = chance.choice(starts if chance.random() < 0.5 else starts[:4])
            end = "}" if start == "- {id: " else ""
            if end and chance.random() < 0.5:
                end = f", name: {chance.choice(words)}{end}"
            lines.append(start + chance.choice(words) + end)
        text = "\n".join(lines) + chance.choice(["", "\n", " \n"])
        found = flat_list.read(text, same)
        if found is not None:
            read += 1
            assert repr(found) == repr(yaml.safe_load(text) or []), (seed, text)
    assert read > 300


def test_any_json_is_read_as_it_is() -> None:
    """Any text in it, as the exporter's own copies have it."""
    chance = random.Random(7)
    letters = ['"', "\\", "\n", "é", "\U0001f600", " ", "a", ":", "{", "]"]
    for _ in range(300):
        entries = [
            {name: "".join(chance.choices(letters, k=5)) for name in ("id", "name")} for _ in range(chance.randrange(4))
        ]
        assert flat_list.read(json.dumps(entries), same) == entries


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- id: a\n- idd: b\n", ":2: [1]: unknown field '…'; did you mean 'id'?"),
        ("- id: a\n- name: b\n", ":2: [1]: a key needs an id"),
        (
            "- id: a\n- id: b\n- id: a\n",
            ":3: [2].id: duplicate: already used by entry 1; each key may appear only once",
        ),
        ("- id: a\n  id: b\n", ":2: duplicate 'id': already used on line 1"),
        ("- id: a\n  enabled: maybe\n", ":2: [0].enabled: must be true or false, not text"),
        ("- id: a\n- id: b\n  created: soon\n", ":3: [1].created: '…' is not a valid date"),
        ('[{"id": "a"}, {"id": "b", "hash": "x"}]', ":1: [1].hash: must be as"),
    ],
)
def test_mistakes_are_told_with_their_line_as_ever(tmp_path: Path, text: str, message: str) -> None:
    """Also in what could be read quickly."""
    path = tmp_path / "keys.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_keys(path)
    assert str(raised.value).startswith(f"{path}{message}")
