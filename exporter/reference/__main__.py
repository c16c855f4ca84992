"""Writes the pages, and the config's schema. `--check` only compares them with what is there."""

import sys
from pathlib import Path

from exporter.generated_files import report
from exporter.reference import attributes, commands, config, fields, formats, metrics

ROOT = Path(__file__).parents[2]


def pages() -> dict[str, str]:
    """The generated files, by their paths in the repository."""
    return {
        "docs/attributes.md": attributes.page(),
        "docs/commands.md": commands.page(),
        "docs/config.md": config.page(),
        "docs/fields.md": fields.page(),
        "docs/formats.md": formats.page(),
        "docs/metrics.md": metrics.page(),
        "exporter/config/schema.json": config.schema(),
    }


if __name__ == "__main__":
    sys.exit(report(pages(), ROOT, check="--check" in sys.argv))
