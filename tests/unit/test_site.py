"""The documentation is a site, without a broken link, that loads nothing from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_site_is_built_whole(tmp_path: Path) -> None:
    """Every page is in its menu, and the README is the first; each link leads to a page or a file."""
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site"))
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first = (tmp_path / "site" / "index.html").read_text("utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f'href="{page.stem}.html"' in first
    assert not re.search(r"<(?:script|img|link)[^>]+(?:src|href)=\"https?:", first)
    assert (tmp_path / "site" / "files" / "config.example.yaml.txt").exists()
