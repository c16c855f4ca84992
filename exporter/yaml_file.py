"""Reads YAML files that people write. Every error has file, line and field."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from exporter.convert import convert
from exporter.errors import ConfigError, FieldError, Steps, dotted, within

T = TypeVar("T")


class Part(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A mapping in a config. An unknown field is an error."""


class _Loader(yaml.SafeLoader):
    """A YAML loader that raises ConfigError for duplicate keys and invalid dates or numbers. `name` is the file's.
    `fill` is applied to each scalar before its type is decided; it raises LookupError for a variable that is not set.
    """

    fill: Callable[[str], str] | None = None

    def compose_scalar_node(self, anchor: Any) -> Any:
        """A scalar, filled."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if self.fill:
            try:
                event.value = self.fill(event.value)
            except LookupError as error:
                problem = f"environment variable {error.args[0]} is not set (a default: ${{{error.args[0]}:-…}})"
                raise ConfigError(self.name, event.start_mark.line + 1, "", problem) from None
        if "\0" in event.value:
            raise ConfigError(
                self.name, event.start_mark.line + 1, "", "a text has a NUL character, which is not allowed"
            )
        return super().compose_scalar_node(anchor)

    def compose_mapping_node(self, anchor: Any) -> Any:
        """A mapping. Raises ConfigError for a duplicate key; mappings merged with `<<` may repeat keys."""
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            line, name = key.start_mark.line + 1, key.value
            if name in lines:
                raise ConfigError(self.name, line, "", f"duplicate {name!r}: already used on line {lines[name]}")
            lines[name] = line
        return node

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """A value. Raises ConfigError if it looks like a date or a number and is not valid."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:
            kind = node.tag.rpartition(":")[2].replace("timestamp", "date")
            raise ConfigError(
                self.name, node.start_mark.line + 1, "", f"{node.value!r} is not a valid {kind}: {error}"
            ) from None


class YamlFile:
    """A YAML file: its content, and the line of each part. Raises ConfigError if it can't be read.

    `fill` replaces environment variables in each scalar.
    """

    def __init__(self, path: Path, fill: Callable[[str], str] | None = None) -> None:
        self.path = path
        try:
            loader = _Loader(path.read_text(encoding="utf-8"))
            loader.name, loader.fill = str(path), fill
            self._root = loader.get_single_node()
            self.content: Any = None if self._root is None else loader.construct_document(self._root)
        except OSError as error:
            raise ConfigError(str(path), 0, "", f"can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(str(path), 0, "", "is not UTF-8 text") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or getattr(error, "reason", "unknown")  # of a character
            raise ConfigError(str(path), mark.line + 1 if mark else 1, "", f"is not YAML: {problem}") from None
        except RecursionError:
            raise ConfigError(str(path), 1, "", "is nested too deep") from None

    def convert(self, type_: type[T]) -> T:
        """The content as a type made of msgspec Structs."""
        with self.part():
            return convert({} if self.content is None else self.content, type_)

    @contextmanager
    def part(self, *steps: str | int) -> Iterator[None]:
        """Mistakes that are found in here are mistakes in the part at `steps`: ConfigError instead of ValueError."""
        try:
            with within(*steps):
                yield
        except FieldError as error:
            raise self.error(error.steps, error.problem) from None

    def error(self, steps: Steps, problem: str) -> ConfigError:
        """The error for a mistake in the field at `steps`."""
        return ConfigError(str(self.path), self.line(steps), dotted(steps), problem)

    def rename(self, steps: Steps, old: str, new: str) -> int:
        """Rename a field of the mapping at `steps`. Returns its line, 0 if there is no such field. Raises ConfigError
        if the mapping has both names.
        """
        part = self.content
        for step in steps:
            part = part.get(step) if isinstance(part, dict) else None
        if not isinstance(part, dict) or old not in part:
            return 0
        at = (*steps, old)
        line = self.line(at)
        if new in part:
            raise self.error(at, f"is the old name of {new}, which is there, too; write {new} only")
        part[new] = part.pop(old)
        self._way(at)[-1][0].value = new
        return line

    def line(self, steps: Steps) -> int:
        """The line of a part; if it does not exist, that of the nearest part around it."""
        way = self._way(steps)
        return way[-1][0].start_mark.line + 1 if way else 1

    def _way(self, steps: Steps) -> list[tuple[yaml.Node, yaml.Node]]:
        """The names and values on the path to a part, as far as they exist."""
        way: list[tuple[yaml.Node, yaml.Node]] = []
        node = self._root
        for step in steps:
            found = None
            if isinstance(node, yaml.MappingNode):
                # The last entry with a name counts; those that `<<` merged come first.
                found = next(((key, value) for key, value in reversed(node.value) if key.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = (node.value[step], node.value[step])
            if not found:
                break
            way.append(found)
            node = found[1]
        return way


def read_date(name: str, value: Any) -> datetime | None:
    """A date from a YAML file; a day without a time means 00:00 UTC. Raises FieldError if it is not a date."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise FieldError(name, f"{value!r} is not a valid date; use 2026-12-31 or 2026-12-31T18:00:00Z") from None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise FieldError(name, f"{value!r} is not a valid date; use 2026-12-31 or 2026-12-31T18:00:00Z")
