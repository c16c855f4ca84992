"""Runs the command that the command line asks for. What each command does is in `commands/`.

Exit codes: 0 success, 1 the command failed, 2 the command line or the config is wrong, 130 interrupted.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from exporter import logs
from exporter.command_line import command_line
from exporter.errors import ExporterError, UsageError
from exporter.memory import collect_rarely, keep_little


def command() -> NoReturn:
    """Run `main` and exit at once: deallocating a hundred thousand series first would only take time."""
    code = main()
    with contextlib.suppress(OSError):  # `main` has reported it
        sys.stdout.flush()
    os._exit(code)


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    args = command_line().parse_args(argv)
    logs.configure(getattr(args, "log_level", "warn"), getattr(args, "log_format", "text"))
    collect_rarely()
    keep_little()
    try:
        code: int | None = _COMMANDS[args.command](args)
        sys.stdout.flush()
        return code or 0
    except ExporterError as error:
        logs.say(f"gateway-exporter: {error}", "ERROR")
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:  # of a folder that may not be entered, or of the output, which has no name
        what = error.filename or "can't write"
        logs.say(f"gateway-exporter: {what}: {error.strerror}", "ERROR")
        return 1
    except KeyboardInterrupt:
        return 130


# Each command is loaded when it is run: a web server or grafanalib takes long to load, and most commands need neither.


def _run(args: argparse.Namespace) -> None:
    from exporter.commands import run

    run.run(args.config, args.logs, args.listen)


def _demo(args: argparse.Namespace) -> None:
    from exporter.commands import demo

    demo.run(args.listen)


def _hash(args: argparse.Namespace) -> None:
    from exporter.commands import hash as hash_

    hash_.run(args.config, args.input)


def _init(args: argparse.Namespace) -> None:
    from exporter.commands import suggest_config

    suggest_config.run(args.logs, args.state)


def _check(args: argparse.Namespace) -> None:
    from exporter.commands import check

    check.run(args.config or args.config_file, args.offline)


def _explain(args: argparse.Namespace) -> None:
    from exporter.commands import explain

    explain.run(args.config, args.log, args.input, args.loop)


def _replay(args: argparse.Namespace) -> None:
    from exporter.commands import replay

    replay.run(args.config, args.logs, args.input, args.since, args.until, args.csv)


def _usage(args: argparse.Namespace) -> None:
    from exporter.commands import usage
    from exporter.usage.ask import Wanted, length
    from exporter.usage.scope import ENTRIES

    if args.since and args.begin is not None:
        raise UsageError("--since and --from both say when it begins; give one")
    wanted = Wanted(
        keys=args.key or [],
        owner=args.owner or "",
        plan=args.plan or "",
        chain=args.chain,
        model=args.model,
        since=length("--since", args.since) if args.since else None,
        begin=args.begin,
        end=args.end,
        granularity=args.granularity,
        sort=args.sort,
        order=args.order,
        limit=args.limit if args.limit is not None else sys.maxsize if args.format == "csv" else ENTRIES,
        offset=args.offset,
    )
    usage.run(args.config, args.prometheus, wanted, args.format)


def _reconcile(args: argparse.Namespace) -> int:
    from exporter.commands import reconcile

    return reconcile.run(args.config, args.prometheus, args.logs, args.input, args.begin, args.end, args.tolerance)


def _requests(args: argparse.Namespace) -> None:
    from exporter.commands import requests

    asked = {name.removeprefix("filter_"): value for name, value in vars(args).items() if name.startswith("filter_")}
    given = {name: value for name, value in asked.items() if value}
    requests.run(args.config, given, args.limit, args.format, args.follow, args.delete)


def _alerts(args: argparse.Namespace) -> int:
    from exporter.commands import generate

    return generate.alerts(args.config, args.out, args.check, args.kubernetes, args.grafana)


def _dashboards(args: argparse.Namespace) -> int:
    from exporter.commands import generate

    return generate.dashboards(args.config, args.out, args.check, args.kubernetes, args.push, args.token)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "run": _run,
    "demo": _demo,
    "hash": _hash,
    "init": _init,
    "check": _check,
    "explain": _explain,
    "replay": _replay,
    "usage": _usage,
    "reconcile": _reconcile,
    "requests": _requests,
    "alerts": _alerts,
    "dashboards": _dashboards,
}
