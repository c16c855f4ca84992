"""The error tree. Everything a user can cause ends as one of these, and `cli.main` catches them once.

    ExporterError            exit 1: it could not be done
    ├── UsageError           exit 2: the command line or the config is wrong
    │   └── ConfigError      … with file, line and field
    ├── InputError           a log could not be read, or its format not be told
    └── StateError           the state file can't be used
        └── DamagedError     … as it is not what was written; it is set aside

A mistake is first a `FieldError`, which knows its field but not the file; `YamlFile` makes a ConfigError of it.

A message is one line: what is wrong, what is allowed, and the near miss if there is one. None holds a raw API key.
"""

import re
import traceback
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*+(?:'|$)|\"(?:[^\"\\]|\\.)*+(?:\"|$)", re.DOTALL)
# An entry of a list, and a field of it.
_ENTRY = re.compile(r"(\[\d+\])(?:\.(.*))?", re.DOTALL)


class ExporterError(Exception):
    """Something could not be done; `exit_code` is the process's."""

    exit_code = 1


class UsageError(ExporterError):
    """The user asked for something that does not exist or can't be."""

    exit_code = 2


class ConfigError(UsageError):
    """A mistake in a file that the user writes: `config.yaml:7: inputs[0].format: unknown preset …`."""

    def __init__(self, file: str, line: int, field: str, problem: str) -> None:
        super().__init__(": ".join(part for part in (f"{file}:{line}", field, problem) if part))
        self._parts = file, line, field, problem

    def without_values(self, known: Collection[str]) -> "ConfigError":
        """The same mistake, for a list that may hold secrets: nothing is quoted but `known` names of fields."""
        file, line, field, problem = self._parts
        entry = _ENTRY.match(field)
        shown = entry[0] if entry and (not entry[2] or entry[2] in known) else entry[1] if entry else ""
        return ConfigError(
            file, line, shown, _QUOTED.sub(lambda found: found[0] if found[0][1:-1] in known else "'…'", problem)
        )


class InputError(ExporterError):
    """A log can't be read, or does not look like any known format."""


class StateError(ExporterError):
    """The state file is in use, can't be opened, or is of a version that is not known."""


class DamagedError(StateError):
    """The state file is not what was written to it."""


Steps = tuple[str | int, ...]


class FieldError(ValueError):
    """A mistake in a field: `steps` lead to it from the part that was looked at, `problem` is the sentence about it."""

    def __init__(self, field: str | Steps, problem: str) -> None:
        super().__init__(problem)
        self.steps = (field,) if isinstance(field, str) else field
        self.problem = problem

    def __str__(self) -> str:
        return ": ".join(part for part in (dotted(self.steps), self.problem) if part)


@contextmanager
def within(*steps: str | int) -> Iterator[None]:
    """Mistakes that are found in here are in the field at `steps`, or in a field of it."""
    try:
        yield
    except FieldError as error:
        raise FieldError((*steps, *error.steps), error.problem) from None
    except ValueError as error:
        raise FieldError(steps, str(error)) from None


def dotted(steps: Steps) -> str:
    """Steps as people write them: `inputs[0].format`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """The sentence for a name that does not exist, with the near miss and what is allowed."""
    choices = sorted(allowed)
    near = get_close_matches(name, choices, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {name!r}{hint} (allowed: {', '.join(choices)})"


def place(error: Exception) -> str:
    """What kind of error was raised, and where in the code; without its message, which may hold a secret."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"
