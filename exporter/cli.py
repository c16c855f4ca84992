"""The command line: commands, exit codes, signals; no logic.

Exit codes: 0 good, 1 it could not be done, 2 the command line or the config is wrong.
"""

import argparse
import contextlib
import gc
import getpass
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from exporter import __version__, descriptors
from exporter.commands.explain import explain
from exporter.commands.notes import notes
from exporter.commands.replay import CsvExport, Replay
from exporter.commands.select_input import input_for, without_config
from exporter.commands.suggest_config import config_for, distinct
from exporter.config.inputs import InputConfig
from exporter.config.load import Config, Loaded, load, parse_address
from exporter.counting.meter import Meter
from exporter.errors import ExporterError, StateError, UsageError
from exporter.formats.spec import slow_parts
from exporter.formats.values import timestamp
from exporter.generated_files import report
from exporter.inputs.archive import whole_lines
from exporter.keys.secret import own_secret
from exporter.metrics.exposition import render
from exporter.service.assembly import Assembly, used_places
from exporter.service.input_journal import Journal
from exporter.service.reload import Reload

LEVELS = ("debug", "info", "warn", "error")


def command() -> NoReturn:
    """Run `main` and end at once: taking a hundred thousand series apart first would only cost time."""
    code = main()
    with contextlib.suppress(OSError):  # told by `main`
        sys.stdout.flush()
    os._exit(code)


def main(argv: list[str] | None = None) -> int:
    """Run a command; its exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    _log(getattr(args, "log_level", "warn"))
    # Series and cells are many, live long and are never in cycles: looking at them often finds nothing.
    gc.set_threshold(100_000, 50, 1000)
    try:
        code: int | None = args.command(args)
        sys.stdout.flush()
        return code or 0
    except ExporterError as error:
        print(f"gateway-exporter: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:  # what concerns a file of the user's is told where it is opened; this is the output
        print(f"gateway-exporter: can't write: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway-exporter", description="Access logs of API gateways as Prometheus metrics."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=function)
        return made

    run = command("run", _run, "count logs and serve metrics")
    run.add_argument("logs", nargs="*", metavar="LOG", help="logs to read from their start, without a config")
    run.add_argument("--config.file", dest="config", metavar="FILE")
    run.add_argument("--web.listen-address", dest="listen", metavar="HOST:PORT")
    demo = command("demo", _demo, "the exporter beside a built-in sample gateway")
    demo.add_argument("--web.listen-address", dest="listen", metavar="HOST:PORT")
    for serving in (run, demo):
        serving.add_argument("--log.level", dest="log_level", choices=LEVELS, default="info")
    hash_ = command("hash", _hash, "raw keys on standard input, one a line → their public names")
    hash_.add_argument("--config.file", dest="config", metavar="FILE", required=True)
    init = command("init", _init, "look at logs and print a config that works for them")
    init.add_argument("logs", nargs="+", metavar="LOG")
    check = command("check", _check, "check a config, its key registry and price tables")
    check.add_argument("config", metavar="FILE")
    told = command("explain", _explain, "show the record read from each line, and what it adds to")
    told.add_argument("--config.file", dest="config", metavar="FILE")
    told.add_argument("log", nargs="?", default="-", metavar="LOG", help="a log, or - for standard input")
    told.add_argument("--loop", action="store_true", help="print the Python code that counts its lines instead")
    replay = command("replay", _replay, "count whole logs once, and print what was counted")
    replay.add_argument("--config.file", dest="config", metavar="FILE", required=True)
    for reading in (told, replay):
        reading.add_argument("--input", metavar="NAME", help="the input whose format the log has")
    replay.add_argument("logs", nargs="+", metavar="LOG", help="logs; .gz and .zst too")
    replay.add_argument(
        "--since", type=_time, metavar="TIME", help="leave out records before, as in 2026-03-01 or 2026-03-01T12:00:00Z"
    )
    replay.add_argument("--until", type=_time, metavar="TIME", help="leave out records from then on")
    replay.add_argument("--csv", action="store_true", help="print each record as CSV instead")
    alerts = command("alerts", _alerts, "make recording rules, alert rules and an Alertmanager config")
    alerts.add_argument(
        "--config.file", dest="config", metavar="FILE", help="whose thresholds; the defaults unless said"
    )
    alerts.add_argument("--out", default="alerts/generated", metavar="DIR", help="where to; %(default)s unless said")
    alerts.add_argument("--check", action="store_true", help="only say whether DIR is up to date")
    alerts.add_argument("--kubernetes", action="store_true", help="a PrometheusRule for the Prometheus operator too")
    boards = command("dashboards", _dashboards, "make Grafana dashboards, or put them into a running Grafana")
    boards.add_argument("--config.file", dest="config", metavar="FILE", help="for whom; the defaults unless said")
    boards.add_argument(
        "--out", default="dashboards/generated", metavar="DIR", help="where to; %(default)s unless said"
    )
    doing = boards.add_mutually_exclusive_group()
    doing.add_argument("--check", action="store_true", help="only say whether DIR is up to date")
    doing.add_argument("--push", metavar="URL", help="upload to the Grafana there instead")
    boards.add_argument("--token.file", dest="token", metavar="FILE", help="its token; else GRAFANA_TOKEN is used")
    return parser


# --- commands


def _run(args: argparse.Namespace) -> None:
    if bool(args.config) == bool(args.logs):
        raise UsageError("run needs either --config.file FILE or LOG…")
    _serve(load(Path(args.config)) if args.config else without_config(args.logs), args.listen, args.config)


def _demo(args: argparse.Namespace) -> None:
    import tempfile  # noqa: PLC0415

    from exporter.demo import SampleGateway, write_config  # noqa: PLC0415 - not loaded where it isn't used

    with tempfile.TemporaryDirectory(prefix="gateway-exporter-demo-") as folder:
        gateway = SampleGateway(Path(folder))
        loaded = load(write_config(Path(folder)))
        gateway.start()
        try:
            _serve(loaded, args.listen)
        finally:
            gateway.stop()


def _hash(args: argparse.Namespace) -> None:
    loaded = _with_secret(load(Path(args.config), registry=False))  # which it helps to make
    if not loaded.secret:
        raise UsageError(
            f"{args.config}: state.path or identity.secret_file is needed: else names of keys change with every start"
        )
    identity = Assembly(loaded).identity
    keys: Iterator[str] | list[str] = (
        [getpass.getpass("key: ")] if sys.stdin.isatty() else (line.strip() for line in sys.stdin)
    )
    given = [key for key in keys if key]
    if not given:
        raise UsageError("hash needs a key on standard input, and got nothing")
    for key in given:
        print(identity.hash(key))


def _init(args: argparse.Namespace) -> None:
    print(config_for(args.logs), end="")


def _check(args: argparse.Namespace) -> None:
    loaded = load(Path(args.config))
    _rules(args.config, loaded.config)
    inputs = loaded.config.inputs
    slow = [f"input {one.name}: {part}" for one in inputs for part in slow_parts(one.spec)]
    for note in slow + notes({one.name: one.path for one in inputs}, loaded.config.state.path):
        print(f"{args.config}: {note}", file=sys.stderr)
    if loaded.config.state.path and Path(loaded.config.state.path).is_file():
        print(f"{args.config}: {_places(loaded)}")
    counts = {"input": len(inputs), "registered key": len(loaded.keys)}
    if loaded.pricing.priced:
        counts["price"] = loaded.pricing.size
    found = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items())
    print(f"{args.config}: good: {found}")


def _explain(args: argparse.Namespace) -> None:
    assembly, one = _one_input(args.config, args.log, args.input)
    meter = assembly.meter_of(one)
    if args.loop:
        print(meter.loop.source)
        return
    lines = (line for chunk, _ in whole_lines(args.log) for line in chunk.splitlines(keepends=True))
    for paragraph in explain(lines, meter, assembly.store):
        print(paragraph)


def _replay(args: argparse.Namespace) -> None:
    loaded = load(Path(args.config))
    assembly = Assembly(loaded)
    export = CsvExport(sys.stdout, assembly.shared.keys) if args.csv else None
    replay = Replay(args.since, args.until)
    meters = {one.name: assembly.meter_of(one) for one in loaded.config.inputs}
    logs: dict[str, list[str]] = {}
    for path in distinct(args.logs):
        logs.setdefault(input_for(path, loaded.config, args.input).name, []).append(path)
    rows = export.rows if export else Meter.count
    for name, paths in logs.items():
        replay.logs(paths, meters[name], Journal(name, assembly.store), rows)
    if not export:
        assembly.shared.slowest.show(int(max(meter.last_time or 0 for meter in meters.values()) // 60))
        assembly.shared.limits.show(None)
        sys.stdout.flush()
        sys.stdout.buffer.writelines(render(assembly.store)[0])


def _alerts(args: argparse.Namespace) -> int:
    config = load(Path(args.config)).config if args.config else None
    code = report(_rules(args.config, config, args.kubernetes), Path(args.out), args.check)
    if not args.check and not (config and config.alerts.notify.receivers):
        print("alertmanager.yml tells nobody: alerts.notify of the config names no receivers", file=sys.stderr)
    return code


def _dashboards(args: argparse.Namespace) -> int:
    from dashboards.command import run  # noqa: PLC0415 - not loaded where it isn't used

    config = load(Path(args.config)).config if args.config else None
    return run(config, Path(args.out), args.check, args.push, args.token)


# --- what they share


def _log(level: str) -> None:
    """Log to stderr: what the product does, from a level on; of libraries only what goes wrong. Their debug lines,
    written into a folder that is watched, would each cause the next.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(
        stream=sys.stderr, level=max(least, logging.WARNING), format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("exporter").setLevel(least)


def _rules(path: str, config: Config | None, kubernetes: bool = False) -> dict[str, str]:
    """The files of rules, by name."""
    from alerts.build import files  # noqa: PLC0415 - not loaded where it isn't used

    try:
        return files(config, kubernetes)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None


def _places(loaded: Loaded) -> str:
    """How many places values have taken, for people."""
    try:
        used = used_places(loaded)
    except StateError as error:
        return f"state.path: {error}"
    told = [f"{label} {count:,} used, {max(0, most - count):,} left" for label, (count, most) in used.items()]
    return f"places: {'; '.join(told)} (of the key with most)"


def _serve(loaded: Loaded, listen: str | None, config: str | None = None) -> None:
    """Run the pipeline and the server until SIGTERM or SIGINT, or until the inputs end. SIGHUP reloads the config."""
    from exporter.service.connections import Limits  # noqa: PLC0415 - a web server is long to load, and most commands need none
    from exporter.service.server import Server  # noqa: PLC0415

    descriptors.raise_limit()
    try:
        host, port = parse_address(listen or loaded.config.web.listen)
    except ValueError as error:
        raise UsageError(f"--web.listen-address: {error}") from None
    assembly = Assembly(_with_secret(loaded), serving=True)
    pipeline = assembly.pipeline()
    reload = Reload(Path(config), assembly, pipeline) if config else None
    limits = Limits(connections=descriptors.for_connections(descriptors.limit()))
    server = Server(pipeline, host, port, reload, limits)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: pipeline.stop())
    if reload:
        signal.signal(signal.SIGHUP, lambda *_: reload())
    pipeline.open()
    server.start()
    assembly.watch_keys(pipeline)
    print(f"metrics: {server.url}/metrics   status: {server.url}/", file=sys.stderr, flush=True)
    try:
        pipeline.run()
    finally:
        assembly.forget_keys()
        server.stop()
        pipeline.close()
    if server.failed:
        raise ExporterError("the web server has failed, and nothing could be served any more")


def _with_secret(loaded: Loaded) -> Loaded:
    """The config with a secret, which is made if it has a place."""
    if not loaded.secret and loaded.secret_file:
        loaded.secret = own_secret(loaded.secret_file)
    return loaded


def _one_input(config: str | None, log: str, name: str | None) -> tuple[Assembly, InputConfig]:
    if config:
        loaded = load(Path(config))
        return Assembly(loaded), input_for(log, loaded.config, name)
    if log == "-":
        raise UsageError("explain needs --config.file FILE to read standard input: its format can't be looked at")
    loaded = without_config([log])
    return Assembly(loaded), loaded.config.inputs[0]


def _time(written: str) -> float:
    found = timestamp(written)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{written!r} is no time: write 2026-03-01, 2026-03-01T12:00:00Z or epoch seconds"
        )
    return found
