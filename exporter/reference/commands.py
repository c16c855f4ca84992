"""docs/commands.md, from the parser of the command line."""

import argparse

from exporter.command_line import command_line

_HEAD = """\
# Commands

As `gateway-exporter COMMAND --help` prints them. A command that finds a mistake in a config or in its arguments exits
with status 2, and has started nothing; one that fails later exits with 1.
"""


def page() -> str:
    """The page's text."""
    parser = command_line()
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    parts = [_HEAD]
    for name, command in commands.choices.items():
        command.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
        parts.append(f"\n## {name}\n\n```text\n{command.format_help()}```\n")
    return "".join(parts)
