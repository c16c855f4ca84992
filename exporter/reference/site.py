"""A hook of MkDocs: README.md becomes the site's first page, and the files that pages link to come along.

`mkdocs.yml` names it. Folders outside docs/ are not in the site; links to them become plain text.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\]\([^)]*\))*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the first page, and the files outside docs/ that pages link to."""
    pages = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    pages["README.md"] = (ROOT / "README.md").read_text("utf-8")
    files.append(File.generated(config, "index.md", content=pages["README.md"]))
    linked = {_target(page, link[3]) for page, text in pages.items() for link in _LINK.finditer(text)}
    for path in sorted(linked - pages.keys()):
        if not path.startswith("docs/") and (ROOT / path).is_file():
            files.append(File.generated(config, f"files/{path}.txt", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Turn links to the repository into links of the site."""
    source = "README.md" if page.file.src_uri == "index.md" else f"docs/{page.file.src_uri}"

    def turned(link: re.Match[str]) -> str:
        mark, text, address = link.groups()
        target = _target(source, address)
        heading = address.partition("#")[2]
        if "://" in address or address.startswith("#"):
            return link[0]
        text = _LINK.sub(turned, text)
        if not (ROOT / target).is_file():
            return text
        inside = target.removeprefix("docs/")
        to = "index.md" if target == "README.md" else inside if inside != target else f"files/{target}.txt"
        anchor = f"#{heading}" if heading else ""
        return f"{mark}[{text}]({posixpath.relpath(to, posixpath.dirname(page.file.src_uri) or '.')}{anchor})"

    return _LINK.sub(turned, markdown)


def _target(page: str, link: str) -> str:
    """The path in the repository that a page's link leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), link.partition("#")[0]))
