"""Code generation: the one file that turns text into functions.

The text is made of names that the product chose and of escaped literals, never of what a user wrote.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def function_source(name: str, arguments: str, lines: Iterable[str]) -> str:
    """The source of a function with `lines` as its body."""
    return "\n".join([f"def {name}({arguments}):", *(f"  {line}" for line in lines)])


def compile_function(name: str, arguments: str, lines: Iterable[str], names: Mapping[str, Any]) -> Callable[..., Any]:
    """The function itself; `names` are the globals that its lines use."""
    scope = dict(names)
    exec(compile(function_source(name, arguments, lines), f"<generated {name}>", "exec"), scope)
    # Taken out of its own globals, or it would keep them, and all that they hold, until garbage is collected.
    function: Callable[..., Any] = scope.pop(name)
    return function
