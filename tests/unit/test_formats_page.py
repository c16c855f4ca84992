"""docs/formats.md is what the presets say, and all of them say it."""

import pytest

from exporter.formats.about import About
from exporter.formats.format import build
from exporter.formats.spec import FormatSpec, about, presets
from exporter.reference.formats import page


@pytest.mark.parametrize("preset", presets())
def test_a_preset_says_what_it_reads(preset: str) -> None:
    """Each preset names its gateway, the versions it reads, how to switch the log on, and where that is documented."""
    said = about(preset)
    assert all((said.gateway, said.versions, said.settings, said.links))
    assert not any(text.endswith(".") for text in (said.gateway, said.versions, said.settings, said.lacks))


def test_the_page_says_what_a_log_cannot_tell() -> None:
    """What people look for and a log does not have stands under its name."""
    section = page().partition("## nginx-combined\n")[2].partition("\n## ")[0]
    assert "- Not in the log: keys, durations." in section


def test_a_copy_of_a_preset_may_say_it_too() -> None:
    """`about` in a custom format changes nothing."""
    said = About(gateway="g", versions="v", settings="s", links=["https://example.org"])
    fields = {"status": "status"}
    assert build(FormatSpec(json=fields, about=said)).fields == build(FormatSpec(json=fields)).fields


def test_a_link_is_an_address() -> None:
    """A preset without a link to its format's documentation is refused."""
    with pytest.raises(ValueError, match="links: must have at least one URL"):
        About(gateway="g", versions="v", settings="s", links=["nginx.org"])
