"""The error classes. Every error that a user can cause is one of these, and `cli.main` catches them in one place.

    ExporterError            exit 1: something could not be done
    ├── UsageError           exit 2: the command line or the config is wrong
    │   └── ConfigError      … with file, line and field
    ├── QueryError           a server can't be asked, or has no answer
    │   └── SlowQueryError   … in time
    ├── InputError           a log can't be read, or its format is not recognized
    └── StateError           the state file can't be used
        └── DamagedError     the state file's content is damaged; the file is set aside

A mistake in a config is first a `FieldError`, which has the field but not the file; `YamlFile` makes it a ConfigError.

A message is one line: what is wrong, what is allowed, and the near miss if there is one. None holds a raw API key.
"""

import re
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*+(?:'|$)|\"(?:[^\"\\]|\\.)*+(?:\"|$)", re.DOTALL)
# An entry of a list, and a field of it.
_ENTRY = re.compile(r"(\[\d+\])(?:\.(.*))?", re.DOTALL)


class ExporterError(Exception):
    """Something could not be done. `exit_code` is the exit status of the process."""

    exit_code = 1


class UsageError(ExporterError):
    """A mistake in the command line or in the config."""

    exit_code = 2


class ConfigError(UsageError):
    """A mistake in a file that the user writes: `config.yaml:7: inputs[0].format: unknown preset …`. One of the whole
    file has no line: 0.
    """

    def __init__(self, file: str, line: int, field: str, problem: str) -> None:
        super().__init__(": ".join(part for part in (f"{file}:{line}" if line else file, field, problem) if part))
        self._parts = file, line, field, problem

    def rewritten(self, change: Callable[[str], str]) -> "ConfigError":
        """The same error, with each of its texts changed."""
        file, line, field, problem = self._parts
        return ConfigError(change(file), line, change(field), change(problem))

    def without_values(self, known: Collection[str]) -> "ConfigError":
        """The same error for a list that may hold secrets: only `known` names of fields are quoted."""
        file, line, field, problem = self._parts
        entry = _ENTRY.match(field)
        shown = entry[0] if entry and (not entry[2] or entry[2] in known) else entry[1] if entry else ""
        return ConfigError(
            file, line, shown, _QUOTED.sub(lambda found: found[0] if found[0][1:-1] in known else "'…'", problem)
        )


class QueryError(ExporterError):
    """A server can't be asked, or has no answer."""


class SlowQueryError(QueryError):
    """A server did not answer in time."""


class InputError(ExporterError):
    """A log can't be read, or does not look like any known format."""


class StateError(ExporterError):
    """The state file is in use, can't be opened, or has an unknown version."""


class DamagedError(StateError):
    """The state file's content is damaged."""


Steps = tuple[str | int, ...]


class FieldError(ValueError):
    """A mistake in a field. `steps` is its path in the part that was checked, `problem` says what is wrong."""

    def __init__(self, field: str | Steps, problem: str) -> None:
        super().__init__(problem)
        self.steps = (field,) if isinstance(field, str) else field
        self.problem = problem

    def __str__(self) -> str:
        return ": ".join(part for part in (dotted(self.steps), self.problem) if part)


@contextmanager
def within(*steps: str | int) -> Iterator[None]:
    """Put `steps` in front of the field of every FieldError raised in here. A ValueError becomes one."""
    try:
        yield
    except FieldError as error:
        raise FieldError((*steps, *error.steps), error.problem) from None
    except ValueError as error:
        raise FieldError(steps, str(error)) from None


def dotted(steps: Steps) -> str:
    """Steps as text: `inputs[0].format`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """The message for an unknown name, with the near miss and the allowed names."""
    choices = sorted(allowed)
    near = get_close_matches(name, choices, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {name!r}{hint} (allowed: {', '.join(choices)})"


def place(error: Exception) -> str:
    """The class of an error and where it was raised, without its message, which may hold a secret."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"
