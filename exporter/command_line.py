"""The arguments of each command. `cli` runs what they say."""

import argparse
import contextlib

from exporter import __version__, logs
from exporter.environment import Parser
from exporter.formats.values import timestamp
from exporter.private_folder import SERVICE_STATE
from exporter.request_log.filters import FILTERS
from exporter.usage.scope import ENTRIES, GRANULARITIES, ORDERS, SORTS


def command_line() -> argparse.ArgumentParser:
    """The parser of the command line; man page and shell completion are made from it, too."""
    parser = Parser(
        prog="gateway-exporter",
        description="Count the access logs of API gateways and serve Prometheus metrics.",
        epilog="Flags with a dot can also be set by environment variables: --log.level by GATEWAY_EXPORTER_LOG_LEVEL.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")

    run = command("run", "count logs and serve metrics")
    run.add_argument("logs", nargs="*", metavar="LOG", help="logs to read from their start, without a config")
    _add_config(run, "config (see config.example.yaml)")
    demo = command("demo", "run the exporter with a built-in sample gateway")
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
    hash_ = command("hash", "read raw keys from standard input, one per line, and print their hashed names")
    _add_config(hash_, "config with the secret for key names", required=True)
    hash_.add_argument("--input", metavar="NAME", help="input whose log holds the keys (needed if inputs differ)")
    init = command("init", "detect the format of the given logs and print a working config")
    init.add_argument("logs", nargs="+", metavar="LOG", help="logs to read later, plain text")
    init.add_argument(
        "--state.folder",
        dest="state",
        metavar="DIR",
        help=f"folder for the state (default: {SERVICE_STATE} if this user can write there, else the config's)",
    )
    check = command("check", "check a config, its key registry and its price tables")
    checked = check.add_mutually_exclusive_group(required=True)
    checked.add_argument("config", nargs="?", metavar="FILE", help="config to check")
    checked.add_argument("--config.file", dest="config_file", metavar="FILE", help="the same")
    check.add_argument("--offline", action="store_true", help="ask no server that the config names")
    explain = command("explain", "show the record read from each line and the series it adds to")
    _add_config(explain, "config with the log's format (default: detect the format)")
    explain.add_argument("log", nargs="?", default="-", metavar="LOG", help="log, or - for standard input (default: -)")
    explain.add_argument("--loop", action="store_true", help="print the Python code that counts its lines instead")
    replay = command("replay", "count whole logs once and print the metrics")
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
    _add_usage(command("usage", "report the usage of keys, from what a Prometheus holds"))
    _add_reconcile(command("reconcile", "compare logs with what a Prometheus holds of the same time"))
    _add_requests(command("requests", "find, follow, export or delete single requests"))
    alerts = command("alerts", "write recording rules, alert rules and an Alertmanager config")
    for flag, text in (
        ("--kubernetes", "also write a PrometheusRule and an AlertmanagerConfig for Prometheus Operator"),
        ("--grafana", "also write rules for Grafana's own alerting"),
        ("--check", "write nothing; exit with 1 if DIR is not up to date"),
    ):
        alerts.add_argument(flag, action="store_true", help=text)
    boards = command("dashboards", "write Grafana dashboards, or upload them to a Grafana")
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


def _add_usage(usage: argparse.ArgumentParser) -> None:
    _add_config(usage, "config of the exporters that Prometheus scrapes", required=True)
    _add_prometheus(usage)
    whose = usage.add_mutually_exclusive_group()
    whose.add_argument("--key", action="append", metavar="KEY", help="a key, by its public or display name; repeatable")
    whose.add_argument("--owner", metavar="OWNER", help="keys of an owner")
    whose.add_argument("--plan", metavar="PLAN", help="keys of a plan")
    usage.add_argument("--chain", default="", metavar="CHAIN", help="only this chain")
    usage.add_argument("--model", default="", metavar="MODEL", help="only this model")
    usage.add_argument("--since", metavar="DURATION", help="the last 1h, 24h, 7d …, or all (default: 24h)")
    usage.add_argument("--from", dest="begin", type=_time, metavar="TIME", help="from this time on (2026-03-01)")
    usage.add_argument("--to", dest="end", type=_time, metavar="TIME", help="up to this time (default: now)")
    usage.add_argument("--granularity", choices=GRANULARITIES, help="steps of the time series (default: by the time)")
    usage.add_argument("--sort", choices=SORTS, default="requests", help="what lists are sorted by (default: requests)")
    usage.add_argument("--order", choices=ORDERS, default="desc", help="the largest first, or asc (default: desc)")
    usage.add_argument("--limit", type=_count, metavar="N", help=f"entries of each list (default: {ENTRIES}; csv: all)")
    usage.add_argument("--offset", type=_count, default=0, metavar="N", help="first entry of each list (default: 0)")
    usage.add_argument(
        "--format",
        choices=("table", "json", "csv"),
        default="table",
        help="csv has a row for each key; of one key, for each step of time (default: table)",
    )


def _add_reconcile(reconcile: argparse.ArgumentParser) -> None:
    _add_config(reconcile, "config of the exporters that read the logs", required=True)
    _add_prometheus(reconcile)
    reconcile.add_argument("--input", metavar="NAME", help="input that the logs belong to (default: by their paths)")
    reconcile.add_argument("--from", dest="begin", type=_time, metavar="TIME", help="from this time on")
    reconcile.add_argument("--to", dest="end", type=_time, metavar="TIME", help="up to this time")
    reconcile.add_argument(
        "--tolerance",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="accept differences up to this share (default: 0)",
    )
    reconcile.add_argument("logs", nargs="+", metavar="LOG", help="logs of all exporters, oldest first; .gz, .zst too")


def _add_prometheus(parser: argparse.ArgumentParser) -> None:
    text = "server to ask (default: the config's usage.prometheus.url, which has credentials and CA, too)"
    parser.add_argument("--prometheus.url", dest="prometheus", metavar="URL", help=text)


def _add_requests(parser: argparse.ArgumentParser) -> None:
    _add_config(parser, "config with the section `requests`", required=True)
    parser.add_argument("-f", "--follow", action="store_true", help="keep printing requests as they arrive")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="most requests to print (default: 50; 10 before --follow)"
    )
    parser.add_argument(
        "--format",
        choices=("table", "json", "csv", "sums"),
        default="table",
        help="json prints an object per line, sums their totals (default: table)",
    )
    parser.add_argument("--delete", action="store_true", help="delete the requests of one --key, --user or --client")
    alternatives = (
        "Several values, separated by commas, are alternatives; a value with a comma is put in double quotes."
    )
    filters = parser.add_argument_group("which requests", alternatives)
    for name, text in FILTERS.items():
        filters.add_argument(f"--{name.replace('_', '-')}", dest=f"filter_{name}", metavar="VALUE", help=text)


def _add_config(parser: argparse.ArgumentParser, text: str, required: bool = False) -> None:
    parser.add_argument("--config.file", dest="config", metavar="FILE", required=required, help=text)


def _time(text: str) -> float:
    """Epoch seconds of a time on the command line."""
    seconds = timestamp(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a valid time; use 2026-03-01, 2026-03-01T12:00:00Z or epoch seconds"
        )
    return seconds


def _count(text: str) -> int:
    """A number of entries on the command line."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number; use 0 or more")
    return int(text)


def _share(text: str) -> float:
    """A share on the command line."""
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a valid share; use 0 or more and less than 1, as in 0.001")
