"""`alerts` and `dashboards`: write the files generated from a config, compare them with a folder, or upload them."""

from pathlib import Path

from alerts.build import files as rule_files
from alerts.summary import summary
from exporter.config.config import Config
from exporter.config.load import load
from exporter.config.served import served
from exporter.errors import UsageError
from exporter.generated_files import report


def alerts(path: str | None, out: str, check: bool, kubernetes: bool, grafana: bool) -> int:
    """Write rules and an Alertmanager config into `out`, or only `check` that folder. Returns the exit code."""
    config = _config(path)
    code = report(rules(path, config, kubernetes, grafana), Path(out), check)
    if not check:
        print("\n".join(summary(config, kubernetes, grafana)))
    return code


def rules(path: str | None, config: Config | None, kubernetes: bool = False, grafana: bool = False) -> dict[str, str]:
    """The files of `alerts`: content by name. UsageError if `alerts.overrides` names an unknown alert."""
    try:
        return rule_files(config, kubernetes, grafana)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None


def dashboards(
    path: str | None, out: str | None, check: bool, kubernetes: bool, push: str | None, token_file: str | None
) -> int:
    """Write dashboards into `out`, only `check` that folder, or `push` to a Grafana. Returns the exit code."""
    from dashboards.build import OURS, documents, files  # noqa: PLC0415 - grafanalib is not needed for alerts
    from dashboards.push import Grafana, token  # noqa: PLC0415

    if bool(out) == bool(push):
        raise UsageError("dashboards needs either --out DIR or --push URL")
    shown = served(_config(path))
    if out:
        return report(files(shown, kubernetes), Path(out), check, OURS)
    assert push
    for line in Grafana(push, token(token_file)).push(documents(shown)):
        print(line, flush=True)
    return 0


def _config(path: str | None) -> Config | None:
    return load(Path(path)).config if path else None
