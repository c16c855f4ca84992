"""Values → types: the mistake's steps, and the sentence about it."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

import msgspec
import pytest
from msgspec import Meta, Struct, field

from exporter.config.config import Config
from exporter.convert import convert
from exporter.errors import FieldError, within
from exporter.pricing.tables import _PricePart

Share = Annotated[float, Meta(gt=0, lt=1, description="a share")]
Name = Annotated[str, Meta(pattern="^[a-z]+$", description="a name", extra={"secret": True})]


class Inner(Struct, forbid_unknown_fields=True):
    x: int = 1

    def __post_init__(self) -> None:
        if self.x == 7:
            raise FieldError(("x", 0), "is seven")
        if self.x == 8:
            raise ValueError("eight")


class Outer(Struct, forbid_unknown_fields=True, rename={"class_": "class"}):
    share: Share | None = None
    name: Name = "a"
    class_: Literal["", "one", "two"] = "one"
    inner: str | Inner | None = None
    inners: dict[str, Inner] = field(default_factory=dict)
    shares: dict[str, list[Share]] = field(default_factory=dict)
    pair: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("content", "steps", "problem"),
    [
        ({"share": 95}, ("share",), "must be a share, not 95"),
        ({"share": 1.5}, ("share",), "must be a share, not 1.5"),
        ({"share": True}, ("share",), "must be a number, not true or false"),
        ({"share": "x"}, ("share",), "must be a number, not 'x'"),
        ({"name": "A1"}, ("name",), "must be a name"),
        ({"name": 5}, ("name",), "must be a name"),
        ({"class": "on"}, ("class",), "unknown class 'on'; did you mean 'one'? (allowed: one, two)"),
        ({"inner": {"x": 7}}, ("inner", "x", 0), "is seven"),
        ({"inner": {"x": 8}}, ("inner",), "eight"),
        ({"inner": {"y": 8}}, ("inner", "y"), "unknown field 'y' (allowed: x)"),
        ({"inners": {"a": {}, "b.c": {"x": 7}}}, ("inners", "b.c", "x", 0), "is seven"),
        ({"inners": {"a": {}, 1: {}}}, ("inners", "1"), "a name must be text: write it in quotes"),
        ({"shares": {"a": [0.5], "b": [0.5, 2]}}, ("shares", "b", 1), "must be a share, not 2"),
        ({"pair": [{}, {"x": "y"}]}, ("pair", 1, "x"), "must be a whole number, not 'y'"),
        ([], (), "must be a mapping, not a list"),
    ],
)
def test_a_mistake_has_its_field_as_data(content: Any, steps: tuple[str | int, ...], problem: str) -> None:
    """Whoever found it: the types, a Struct's own check, or one of a part of it."""
    with pytest.raises(FieldError) as caught:
        convert(content, Outer)
    assert (caught.value.steps, caught.value.problem) == (steps, problem)


def test_steps_add_up() -> None:
    """Each part knows only what is below it."""
    with pytest.raises(FieldError) as caught, within("a", 0), within("b"), within():
        raise ValueError("no")
    assert caught.value.steps == ("a", 0, "b")
    assert str(caught.value) == "a[0].b: no"


def metas(type_: Any) -> Iterator[Meta]:
    """All constraints below a type."""
    if isinstance(type_, Meta):
        yield type_
    elif isinstance(type_, type) and issubclass(type_, Struct):
        for field in msgspec.structs.fields(type_):
            yield from metas(field.type)
    else:
        for part in get_args(type_):
            yield from metas(part)


def test_every_constraint_of_the_config_says_what_is_allowed() -> None:
    """Else msgspec's own words would be shown."""
    found = [*metas(Config), *metas(_PricePart)]
    assert len(found) > 50
    assert all(field.description for field in found)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ({"inner": {"share": 0.1}}, "; 'share' is a field of the top level"),
        ({"pair": [{"shares": {}}]}, "; 'shares' is a field of the top level"),
        ({"x": 1}, "; 'x' is a field of inner and of inners[] and of pair[]"),
        ({"y": 1}, ""),
    ],
)
def test_a_field_in_another_place_is_sent_to_its_own(content: Any, hint: str) -> None:
    """As start_at in an input, or scrape_interval on top."""
    with pytest.raises(FieldError) as raised:
        convert(content, Outer)
    assert raised.value.problem.rpartition(")")[2] == hint
