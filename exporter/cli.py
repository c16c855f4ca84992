"""The command line: arguments and exit codes. What each command does is in `commands/`.

Exit codes: 0 success, 1 the command failed, 2 the command line or the config is wrong, 130 interrupted.
"""

import argparse
import contextlib
import gc
import os
import sys
from typing import NoReturn

from exporter import __version__, logs
from exporter.environment import Parser
from exporter.errors import ExporterError
from exporter.private_folder import SERVICE_STATE


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
    # Series and cells are many, live long and are never in cycles: frequent collections find nothing.
    gc.set_threshold(100_000, 50, 1000)
    try:
        code: int | None = args.command(args)
        sys.stdout.flush()
        return code or 0
    except ExporterError as error:
        logs.say(f"gateway-exporter: {error}", "ERROR")
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:  # errors of the user's files are raised as ExporterError; this one is the output's
        logs.say(f"gateway-exporter: can't write: {error.strerror}", "ERROR")
        return 1
    except KeyboardInterrupt:
        return 130


def command_line() -> argparse.ArgumentParser:
    """The parser of the command line; man page and shell completion are made from it, too."""
    parser = Parser(
        prog="gateway-exporter",
        description="Count the access logs of API gateways and serve Prometheus metrics.",
        epilog="Flags with a dot can also be set by environment variables: --log.level by GATEWAY_EXPORTER_LOG_LEVEL.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        added.set_defaults(command=function)
        return added

    run = command("run", _run, "count logs and serve metrics")
    run.add_argument("logs", nargs="*", metavar="LOG", help="logs to read from their start, without a config")
    _add_config(run, "config (see config.example.yaml)")
    demo = command("demo", _demo, "run the exporter with a built-in sample gateway")
    for serving in (run, demo):
        serving.add_argument(
            "--web.listen-address",
            dest="listen",
            metavar="HOST:PORT",
            help="address to serve on (default: the config's web.listen, else 127.0.0.1:10114)",
        )
        serving.add_argument(
            "--log.level",
            dest="log_level",
            choices=logs.LEVELS,
            default="info",
            help="least severe messages to log (default: info)",
        )
        serving.add_argument(
            "--log.format",
            dest="log_format",
            choices=logs.FORMATS,
            default="text",
            help="log as text, or as JSON with one object per line (default: text)",
        )
    hash_ = command("hash", _hash, "read raw keys from standard input, one per line, and print their hashed names")
    _add_config(hash_, "config with the secret for key names", required=True)
    hash_.add_argument("--input", metavar="NAME", help="input whose log holds the keys (needed if inputs differ)")
    init = command("init", _init, "detect the format of the given logs and print a working config")
    init.add_argument("logs", nargs="+", metavar="LOG", help="logs to read later, plain text")
    init.add_argument(
        "--state.folder",
        dest="state",
        metavar="DIR",
        help=f"folder for the state (default: {SERVICE_STATE} if this user can write there, else the config's)",
    )
    check = command("check", _check, "check a config, its key registry and its price tables")
    checked = check.add_mutually_exclusive_group(required=True)
    checked.add_argument("config", nargs="?", metavar="FILE", help="config to check")
    checked.add_argument("--config.file", dest="config_file", metavar="FILE", help="the same")
    check.add_argument("--offline", action="store_true", help="ask no admin API for its keys")
    explain = command("explain", _explain, "show the record read from each line and the series it adds to")
    _add_config(explain, "config with the log's format (default: detect the format)")
    explain.add_argument("log", nargs="?", default="-", metavar="LOG", help="log, or - for standard input (default: -)")
    explain.add_argument("--loop", action="store_true", help="print the Python code that counts its lines instead")
    replay = command("replay", _replay, "count whole logs once and print the metrics")
    _add_config(replay, "config with the logs' formats", required=True)
    for reading in (explain, replay):
        reading.add_argument(
            "--input", metavar="NAME", help="input that the log belongs to (default: the one whose path matches)"
        )
    replay.add_argument("logs", nargs="+", metavar="LOG", help="logs, oldest first; .gz and .zst are unpacked")
    replay.add_argument(
        "--since", type=_time, metavar="TIME", help="count records from this time on (2026-03-01, 2026-03-01T12:00:00Z)"
    )
    replay.add_argument("--until", type=_time, metavar="TIME", help="count records before this time")
    replay.add_argument("--csv", action="store_true", help="print each record as CSV instead of metrics")
    _add_requests(command("requests", _requests, "find, follow, export or delete single requests"))
    alerts = command("alerts", _alerts, "write recording rules, alert rules and an Alertmanager config")
    alerts.add_argument("--kubernetes", action="store_true", help="also write a PrometheusRule for Prometheus Operator")
    alerts.add_argument("--check", action="store_true", help="write nothing; exit with 1 if DIR is not up to date")
    boards = command("dashboards", _dashboards, "write Grafana dashboards, or upload them to a Grafana")
    boards.add_argument("--kubernetes", action="store_true", help="also write ConfigMaps for Grafana's sidecar")
    target = boards.add_mutually_exclusive_group()
    target.add_argument("--check", action="store_true", help="write nothing; exit with 1 if DIR is not up to date")
    target.add_argument("--push", metavar="URL", help="upload to this Grafana instead of writing files")
    boards.add_argument(
        "--token.file", dest="token", metavar="FILE", help="file with Grafana's token (default: $GRAFANA_TOKEN)"
    )
    for generating in (alerts, boards):
        _add_config(generating, "config to generate for (default: built-in defaults)")
        generating.add_argument("--out", metavar="DIR", required=generating is alerts, help="output directory")
    return parser


def _add_requests(parser: argparse.ArgumentParser) -> None:
    from exporter.request_log.filters import FILTERS

    _add_config(parser, "config with the section `requests`", required=True)
    parser.add_argument("-f", "--follow", action="store_true", help="go on with requests as they come")
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many (default: 50; 10 before --follow)")
    parser.add_argument(
        "--format",
        choices=("table", "json", "csv", "sums"),
        default="table",
        help="json is a line each; sums adds them up (default: table)",
    )
    parser.add_argument("--delete", action="store_true", help="delete the requests of one --key or --client")
    filters = parser.add_argument_group("which requests", "Several values, separated by commas, are alternatives.")
    for name, text in FILTERS.items():
        filters.add_argument(f"--{name.replace('_', '-')}", dest=f"filter_{name}", metavar="VALUE", help=text)


def _add_config(parser: argparse.ArgumentParser, text: str, required: bool = False) -> None:
    parser.add_argument("--config.file", dest="config", metavar="FILE", required=required, help=text)


# Each command is loaded when it is run: a web server or grafanalib takes long to load, and most commands need neither.


def _run(args: argparse.Namespace) -> None:
    from exporter.commands import run

    run.run(args.config, args.logs, args.listen)


def _demo(args: argparse.Namespace) -> None:
    from exporter.commands import run

    run.demo(args.listen)


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


def _requests(args: argparse.Namespace) -> None:
    from exporter.commands import requests

    asked = {name.removeprefix("filter_"): value for name, value in vars(args).items() if name.startswith("filter_")}
    given = {name: value for name, value in asked.items() if value}
    requests.run(args.config, given, args.limit, args.format, args.follow, args.delete)


def _alerts(args: argparse.Namespace) -> int:
    from exporter.commands import generate

    return generate.alerts(args.config, args.out, args.check, args.kubernetes)


def _dashboards(args: argparse.Namespace) -> int:
    from exporter.commands import generate

    return generate.dashboards(args.config, args.out, args.check, args.kubernetes, args.push, args.token)


def _time(text: str) -> float:
    """Epoch seconds of a time on the command line."""
    from exporter.formats.values import timestamp

    seconds = timestamp(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a valid time; use 2026-03-01, 2026-03-01T12:00:00Z or epoch seconds"
        )
    return seconds
