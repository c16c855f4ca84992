"""The config's section `metrics.labels`: labels made of fields that are no labels in the catalogue."""

from collections.abc import Collection, Mapping

import msgspec

from exporter.config.inputs import RESERVED
from exporter.config.values import Count, check_label
from exporter.errors import FieldError, unknown
from exporter.model.fields import LABEL_FIELDS
from exporter.model.key_shapes import could_be_a_key
from exporter.yaml_file import Part

# What alerts and queries call things.
_OF_RULES = {"alertname", "severity", "component", "category", "range", "about"}


class LabelConfig(Part):
    """A label that families may `add`. Of values that could be an API key the hash is shown, and e-mail addresses are
    shortened, as in names.
    """

    field: str = ""
    """The field that it is made of (default: of the same name): `user`, `team`, `tenant`, `region`, `service`, or one
    of a format's `custom_fields`.
    """
    budget: Count = 100
    """The maximum number of values; additional values are counted as `other`."""
    values: list[str] = msgspec.field(default_factory=list)
    """Values that are shown besides, whatever the budget."""

    def __post_init__(self) -> None:
        for n, value in enumerate(self.values):
            if could_be_a_key(value):
                raise FieldError(("values", n), "looks like a raw API key; it would be visible in every metric")


def fields_of(labels: Mapping[str, LabelConfig]) -> dict[str, str]:
    """The field that each label is made of."""
    return {name: label.field or name for name, label in labels.items()}


def check_labels(labels: Mapping[str, LabelConfig], custom_fields: Collection[str], of_inputs: Collection[str]) -> None:
    """FieldError if a label's name is taken, as by `labels` of inputs, or if no log can have its field."""
    allowed = (*LABEL_FIELDS, *custom_fields)
    for name, field_ in fields_of(labels).items():
        check_label(("labels", name), name)
        if name in RESERVED | _OF_RULES:
            problem = (
                f"{name!r} is used by Prometheus, the catalogue or the rules; choose another name, and set `field`"
            )
            raise FieldError(("labels", name), problem)
        if name in of_inputs:
            raise FieldError(("labels", name), f"{name!r} is a label of an input, which it adds to every family")
        if field_ not in allowed:
            at = ("labels", name, "field") if labels[name].field else ("labels", name)
            problem = f"{unknown('field', field_, allowed)}; others are declared in a format's custom_fields"
            raise FieldError(at, problem)
