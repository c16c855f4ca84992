"""The pages of docs/ that are made from the code are what the code says, and leave nothing out."""

import json

import msgspec
import pytest
import yaml

from exporter.model.catalog import CATALOG
from exporter.reference import config, metrics
from exporter.reference.__main__ import ROOT, pages


@pytest.mark.parametrize("path", pages())
def test_a_page_is_up_to_date(path: str) -> None:
    """`python -m exporter.reference` writes it."""
    assert (ROOT / path).read_text("utf-8") == pages()[path], "run python -m exporter.reference"


@pytest.mark.parametrize("section", config.sections(), ids=lambda section: section.__name__)
def test_every_setting_has_a_text(section: type[msgspec.Struct]) -> None:
    """Below its declaration."""
    texts = config.field_texts(section)
    assert [field.name for field in msgspec.structs.fields(section) if not texts.get(field.name)] == []


def test_every_label_has_a_meaning() -> None:
    """And none is explained that no family has."""
    assert set(metrics.LABELS) == {label for family in CATALOG.values() for label in family.labels}


def test_the_schema_takes_the_example_and_finds_a_misspelt_setting() -> None:
    """As an editor uses it."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    schema = Draft202012Validator(json.loads(config.schema()))
    example = yaml.safe_load((ROOT / "config.example.yaml").read_text("utf-8"))
    assert [error.message for error in schema.iter_errors(example)] == []
    example["metrics"]["max_serie"] = example["metrics"].pop("max_series")
    assert len([*schema.iter_errors(example)]) == 1
