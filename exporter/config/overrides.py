"""The config's section `alerts.overrides`: changes of one alert, and exceptions from its thresholds."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from exporter.config.values import Duration
from exporter.convert import convert
from exporter.errors import FieldError, unknown, within
from exporter.yaml_file import Part

T = TypeVar("T")

_KEYS, _METHODS = ("key", "plan"), ("method", "chain")
_Value = float | str | None | UnsetType
_Some = Annotated[str, Meta(min_length=1, description="a name; `*` stands for any text")] | None


class Threshold(msgspec.Struct, frozen=True):
    """Where in the section `alerts` the thresholds of an alert are, by the field of an exception that changes them; and
    what its exceptions can name.
    """

    fields: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...] = _KEYS


def _two(*steps: str) -> dict[str, tuple[str, ...]]:
    return {severity: (*steps, severity) for severity in ("warning", "critical")}


# The alerts whose thresholds can have exceptions.
THRESHOLDS = {
    "GatewayLimitNear": Threshold(_two("limits")),
    "GatewayRequestsRefused": Threshold({"threshold": ("limits", "refused")}),
    "GatewayKeyExpiring": Threshold(_two("keys", "expires")),
    "GatewayKeyUnused": Threshold({"threshold": ("keys", "unused")}),
    "GatewayKeyAuthFailures": Threshold({"threshold": ("keys", "auth_failures")}),
    "GatewayKeyNewOrigins": Threshold({"threshold": ("keys", "new_origins")}),
    "GatewayKeyCallsSpike": Threshold({"threshold": ("anomalies", "calls")}),
    "GatewayKeyTokensSpike": Threshold({"threshold": ("anomalies", "tokens")}),
    "GatewaySpendAnomaly": Threshold({"threshold": ("anomalies", "cost")}),
    "GatewayKeySpendOverBudget": Threshold({"threshold": ("spend", "key_daily")}),
    "GatewayKeySuccessRateLow": Threshold({"threshold": ("success_rate", "warning")}),
    "GatewayMethodSuccessRateLow": Threshold({"threshold": ("success_rate", "warning")}, _METHODS),
    "GatewayMethodSlow": Threshold({"threshold": ("latency", "warning")}, _METHODS),
}


class Excepted(Part):
    """Other thresholds for those that fit all of `key`, `plan`, `method` and `chain`, in which `*` is any text. A
    threshold that is left out is that of all.
    """

    key: _Some = None
    """The key, as metrics show it."""
    plan: _Some = None
    """The plan of the key."""
    method: _Some = None
    """The method."""
    chain: _Some = None
    """The chain."""
    threshold: _Value = UNSET
    """The threshold, for alerts that have one. null: no alert."""
    warning: _Value = UNSET
    """The threshold of the warning. null: no warning."""
    critical: _Value = UNSET
    """The threshold of the critical alert. null: none."""

    @property
    def names(self) -> dict[str, str]:
        """What it names, by label."""
        return {name: value for name in (*_KEYS, *_METHODS) if (value := getattr(self, name))}

    @property
    def values(self) -> dict[str, float | str | None]:
        """The thresholds that it changes, by field."""
        values = {name: getattr(self, name) for name in ("threshold", "warning", "critical")}
        return {name: value for name, value in values.items() if value is not UNSET}


class AlertChange(Part, rename={"for_": "for"}):
    """A change of one alert."""

    enabled: bool = True
    """`false` switches the alert off."""
    for_: Duration | None = None
    """How long its condition must last."""
    keep_firing_for: Duration | None = None
    """How long the alert goes on after its condition has ended."""
    severity: Literal["critical", "warning", "info"] | None = None
    """Its severity, if it has only one."""
    exceptions: list[Excepted] = field(default_factory=list)
    """Other thresholds for some keys, plans, methods or chains; the first that fits counts."""


def check_exceptions(config: msgspec.Struct, overrides: Mapping[str, AlertChange]) -> None:
    """FieldError for an exception that does not fit its alert, or whose threshold the section `alerts` refuses."""
    for name, change in overrides.items():
        for n, exception in enumerate(change.exceptions):
            with within("overrides", name, "exceptions", n):
                if name not in THRESHOLDS:
                    raise FieldError((), unknown("alert with exceptions", name, THRESHOLDS))
                _check(exception, THRESHOLDS[name])
                with_thresholds(config, name, exception)


def _check(exception: Excepted, about: Threshold) -> None:
    for name in exception.names:
        if name not in about.names:
            raise FieldError(name, f"is not known of this alert; name {' or '.join(about.names)}")
    for name in exception.values:
        if name not in about.fields:
            raise FieldError(name, unknown("threshold of this alert", name, about.fields))
    if not exception.names:
        raise FieldError((), f"is an exception for everything; name {' or '.join(about.names)}")
    if not exception.values:
        raise FieldError((), f"changes nothing; set {' or '.join(about.fields)}")


def with_thresholds(config: T, alert: str, exception: Excepted) -> T:
    """The section `alerts` with the thresholds of an exception. FieldError if a value is refused."""
    fields = THRESHOLDS[alert].fields
    # All of an alert's are in one part.
    section, *rest = next(iter(fields.values()))
    values = {fields[name][-1]: value for name, value in exception.values.items()}
    # With `threshold` the alert has no critical; the part's own is another alert's.
    config = copy(config)
    try:
        setattr(config, section, _changed(getattr(config, section), rest[:-1], values, "threshold" in fields))
    except FieldError as error:
        # The exception has the field under another name.
        names = [name for name, steps in fields.items() if steps[-1] in error.steps]
        raise FieldError(tuple(names[:1]), error.problem) from None
    return config


def _changed(part: Any, steps: Sequence[str], values: Mapping[str, Any], alone: bool) -> Any:
    """A part with other values."""
    if part is None:
        raise FieldError((), "would change a section that is null, so the alert is off for all")
    if steps:
        return msgspec.structs.replace(part, **{steps[0]: _changed(getattr(part, steps[0]), steps[1:], values, alone)})
    plain = msgspec.to_builtins(part)
    return convert(plain | ({"critical": None} if alone and "critical" in plain else {}) | dict(values), type(part))
