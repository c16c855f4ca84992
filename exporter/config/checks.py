"""Rules of the config that need its formats, families and plans, and the lines of its file. Each raises ConfigError."""

from collections.abc import Mapping
from pathlib import Path

from exporter.config.config import Config
from exporter.config.labels import check_labels as check_declared
from exporter.config.objectives import Objective
from exporter.errors import Steps, dotted, unknown
from exporter.formats.format import build
from exporter.formats.spec import resolved
from exporter.inputs.syslog.address import is_syslog
from exporter.model import catalog
from exporter.model.catalog import CATALOG, Family
from exporter.yaml_file import YamlFile


def check_inputs(file: YamlFile, config: Config) -> None:
    """Check that formats are valid and names differ; name the inputs that have no name."""
    names: dict[str, int] = {}
    for n, input_ in enumerate(config.inputs):
        with file.part("inputs", n, "format"):
            build(input_.spec)
        input_.name = input_.name or _input_name(input_.path)
        if input_.name in names:
            problem = f"{input_.name!r} is the name of inputs[{names[input_.name]}] too; give each its own"
            raise file.error(("inputs", n, "name"), problem)
        names[input_.name] = n


def check_labels(file: YamlFile, config: Config) -> None:
    """Check declared labels, which rules must not keep apart: not every family has them."""
    custom_fields = {name for input_ in config.inputs for name in resolved(input_.spec).custom_fields}
    of_inputs = {label for input_ in config.inputs for label in input_.labels}
    with file.part("metrics"):
        check_declared(config.metrics.labels, sorted(custom_fields), of_inputs)
    for n, label in enumerate(config.alerts.scope_labels):
        if label in config.metrics.labels:
            problem = f"{label!r} is declared in metrics.labels, and only some families have it"
            raise file.error(("alerts", "scope_labels", n), problem)


def check_families(file: YamlFile, config: Config) -> None:
    """Check changed and custom families, and that limits and alerts have the families they need."""
    with file.part("metrics"):
        families = config.families
    for plan, config_of in config.plans.items():
        for limit in config_of.all_limits:
            name = f"gateway_{limit.unit}_total"
            if limit.unit != "requests" and name not in families:
                problem = f"can't be off: the plan {plan!r} limits {limit.unit}"
                raise file.error(("metrics", "families", name), problem)
    durations = families.get(catalog.REQUEST_DURATION_SECONDS.name)
    for n, promise in enumerate(config.alerts.objectives.promises):
        at: Steps = ("alerts", "objectives", *(("each", n - 1) if n else ()), "latency_seconds")
        if promise.latency is not None or not n:
            _check_bucket(file, families, at, promise)
    if durations and config.alerts.slow_methods and "method" not in durations.labels:
        problem = f"can't be excluded: {durations.name} has no label method"
        raise file.error(("alerts", "slow_methods"), problem)


def check_plans(file: YamlFile, config: Config) -> None:
    """ConfigError for an exception from an alert's thresholds that names a plan which is not there."""
    for name, change in config.alerts.overrides.items() if config.plans else ():
        for n, exception in enumerate(change.exceptions):
            if exception.plan and "*" not in exception.plan and exception.plan not in config.plans:
                at = ("alerts", "overrides", name, "exceptions", n, "plan")
                raise file.error(at, unknown("plan", exception.plan, config.plans))


def _check_bucket(file: YamlFile, families: Mapping[str, Family], at: Steps, promised: Objective) -> None:
    """ConfigError where what is promised can't be measured: requests within a bucket are counted, no others."""
    name = {"model": catalog.MODEL_REQUEST_DURATION_SECONDS, "plan": catalog.KEY_REQUEST_DURATION_SECONDS}.get(
        promised.label, catalog.REQUEST_DURATION_SECONDS
    ).name
    durations, seconds_ = families.get(name), promised.latency_seconds
    if durations and seconds_ not in durations.buckets:
        if seconds_ in CATALOG[name].buckets:
            raise file.error(("metrics", "families", name, "buckets"), f"{seconds_:g} is missing: it is {dotted(at)}")
        bounds = ", ".join(f"{bound:g}" for bound in durations.buckets)
        raise file.error(at, f"{seconds_:g} is not a bucket of {name} (allowed: {bounds})")


def _input_name(path: str) -> str:
    """A name for an input that has none: the file's, without wildcards."""
    name = Path(path).name.replace("*", "").replace("?", "").strip(".-_")
    return "stdin" if path == "-" else "syslog" if is_syslog(path) else name or "log"
