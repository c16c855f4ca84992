"""Environment variables: values of flags, and `${NAME}` in a config. No message repeats a value of one."""

import os
import re
from argparse import ArgumentParser
from collections.abc import Mapping
from functools import partial
from typing import Any

from exporter.errors import ConfigError

# `${NAME}`, or `${NAME:-default}`; `$${NAME}` is the text `${NAME}`. Names in lower case are nginx's variables.
_NAMED = re.compile(r"(\$?)\$\{([A-Z_][A-Z0-9_]*)(?::-([^}]*))?\}")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)+)'|\"((?:[^\"\\]|\\.)+)\"")


class Parser(ArgumentParser):
    """An argument parser whose flags with a dot can also be set by environment variables: `--log.level` by
    `GATEWAY_EXPORTER_LOG_LEVEL`. The flag takes precedence.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments. Exits with 2 if a variable has none of the values that its flag allows."""
        for action in self._actions:
            name = next((variable(flag) for flag in action.option_strings if "." in flag), "")
            if value := os.environ.get(name):
                if action.choices and value not in action.choices:
                    self.error(f"environment variable {name}: invalid value (choose from {', '.join(action.choices)})")
                action.default, action.required = value, False
        return super().parse_known_args(args, namespace)


def variable(flag: str) -> str:
    """The environment variable of a flag."""
    return "GATEWAY_EXPORTER" + re.sub("[.-]+", "_", flag.replace("--", "-", 1)).upper()


class Placeholders:
    """Fills `${NAME}` with values of environment variables, and hides these in messages."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._used: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """A text with values. Raises LookupError, with the name, if a variable is not set and has no default."""
        return _NAMED.sub(self._value, text) if "${" in text else text

    def _value(self, found: re.Match[str]) -> str:
        escaped, name, default = found.groups()
        if escaped:
            return found[0][1:]
        value = self._values.get(name) or default
        if value is None:
            raise LookupError(name)
        if name in self._values:
            self._used[name] = value
        return value

    def hide(self, error: ConfigError) -> ConfigError:
        """The same error without values; they, and what is quoted from them, are shown as `${NAME}`."""
        for name, value in sorted(self._used.items(), key=lambda item: -len(item[1])):
            error = error.rewritten(partial(_hidden, name, value))
        return error


def _hidden(name: str, value: str, text: str) -> str:
    shown = f"${{{name}}}"
    for written in {value, repr(value)[1:-1]} - {""}:
        text = re.sub(rf"(?<!\w){re.escape(written)}(?!\w)", lambda _: shown, text)
    return _QUOTED.sub(lambda found: f"'{shown}'" if (found[1] or found[2]) in value else found[0], text)
