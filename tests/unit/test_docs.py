"""Whoever follows a link or opens a file that the documents name finds it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
_LINK = re.compile(r"\]\(([^)]+)\)")
_CODE = re.compile(r"(?<![\w./-])(?:alerts|benchmarks|dashboards|deploy|docs|exporter|tests)/[\w./*-]*\w/?")
_MODULE = re.compile(r"python -m ((?:alerts|benchmarks|dashboards|exporter|tests)[\w.]*)")


def missing(document: Path) -> Iterator[str]:
    """The links, paths and modules in a document that lead nowhere."""
    text = document.read_text(encoding="utf-8")
    for link in _LINK.findall(text):
        path, _, heading = link.partition("#")
        target = document.parent / path if path else document
        if path.startswith(("http:", "https:")):
            continue
        if not target.exists() or (heading and heading not in headings(target)):
            yield link
    modules = (module.replace(".", "/") for module in _MODULE.findall(text))
    named = {*_CODE.findall(text), *(f"{path}.py" if (ROOT / f"{path}.py").exists() else path for path in modules)}
    yield from (path for path in sorted(named) if not any(ROOT.glob(path)))


def headings(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(document: Path) -> None:
    """Relative links with their headings, files of the product, modules to run."""
    assert list(missing(document)) == []


def test_what_is_missing_is_found(tmp_path: Path) -> None:
    """One of each kind; the others are there."""
    document = tmp_path / "a.md"
    document.write_text(
        "# A b\n[1](a.md#a-b) [2](a.md#c) [3](b.md) [4](#a-b) exporter/cli.py exporter/gone.py python -m tests.gone\n"
    )
    assert list(missing(document)) == ["a.md#c", "b.md", "exporter/gone.py", "tests/gone"]
