"""Alert: one alert rule, with what it says to the person it wakes."""

from typing import Any

from msgspec import Struct

from alerts.customers import ADVICE
from alerts.promql import Terms
from exporter.config.overrides import AlertChange

COMPONENTS = ("gateway", "key", "provider", "exporter")
CATEGORIES = ("quota", "errors", "latency", "keys", "cost", "providers", "exporter")

# The alert's value in a sentence.
PERCENT, DURATION = (f"{{{{ $value | {how} }}}}" for how in ("humanizePercentage", "humanizeDuration"))
# A count; rates over a window are extrapolated, so it may have a fraction.
COUNT = '{{ $value | printf "%.0f" }}'
# A count that may be in millions.
NUMBER = f"{{{{ if lt $value 1000.0 }}}}{COUNT}{{{{ else }}}}{{{{ $value | humanize }}}}{{{{ end }}}}"
# A key in a sentence: its display name, and its id where that differs.
KEY = "{{ $labels.name }}{{ if ne $labels.name $labels.key }} ({{ $labels.key }}){{ end }}"
METHOD = "{{ $labels.method }}{{ with $labels.chain }} on {{ . }}{{ end }}"


def counted(one: str, many: str, number: str = COUNT) -> str:
    """A count with its noun, and what depends on it: 1 key is, 2 keys are."""
    return f'{number} {{{{ if eq ($value | printf "%.0f") "1" }}}}{one}{{{{ else }}}}{many}{{{{ end }}}}'


def share(value: str, of: str = "") -> str:
    """A share that may be many times the whole: 83.5%, 12 times. `of` follows a percentage."""
    times = f'{{{{ printf "%.0f" {value} }}}} times'
    return f"{{{{ if ge {value} 10.0 }}}}{times}{{{{ else }}}}{{{{ {value} | humanizePercentage }}}}{of}{{{{ end }}}}"


def percent(share: float) -> str:
    """A share from the config, as the value beside it is written: 0.95 → 95%."""
    return f"{100 * share:.4g}%"


def length(seconds: float) -> str:
    """A duration from the config, as the value beside it is written: 0.5 → 500ms."""
    return f"{1000 * seconds:.4g}ms" if seconds < 1 else f"{seconds:g}s"


class Alert(Struct, frozen=True, kw_only=True):
    """An alert rule.

    `expression` compares, and its labels are the alert's. `for_` and `keep_firing_for` are Prometheus' own: how long
    it must hold, and how long it goes on firing after it held. Texts are Prometheus templates: `recommendation` says
    what to look at first, and what to do. `dashboard` is the uid of the dashboard that shows it, `shown` the labels
    that become the dashboard's variables.
    """

    name: str
    severity: str
    component: str
    category: str
    expression: str
    for_: str
    summary: str
    description: str
    recommendation: str
    dashboard: str
    shown: tuple[str, ...] = ()
    keep_firing_for: str = ""
    labels: dict[str, str] = {}

    def rule(self, terms: Terms) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        change = self.change(terms)
        advice = {"customer_advice": ADVICE[self.name]} if self.name in ADVICE else {}
        keep_firing_for = self.keep_firing_for if change.keep_firing_for is None else change.keep_firing_for
        labels = {"severity": change.severity or self.severity, "component": self.component, "category": self.category}
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.for_ if change.for_ is None else change.for_,
            **({"keep_firing_for": keep_firing_for} if keep_firing_for else {}),
            "labels": labels | self.labels,
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "recommendation": self.recommendation,
                **advice,
                "runbook_url": f"{terms.config.runbook_url}#{self.name.lower()}",
                "dashboard_url": self._link(terms),
                **({"requests_url": self._requests(terms)} if self._has_requests(terms) else {}),
            },
        }

    def change(self, terms: Terms) -> AlertChange:
        """What the config changes of it."""
        return terms.config.overrides.get(self.name, AlertChange())

    def _link(self, terms: Terms) -> str:
        """The dashboard, over the last six hours, with the alert's own key, method … filled in."""
        link = f"{terms.config.grafana_url.rstrip('/')}/d/{self.dashboard}?from=now-6h&to=now"
        for label in (*self.shown, *terms.served.record_scope):
            link += f"{{{{ with $labels.{label} }}}}&var-{label}={{{{ urlquery . }}}}{{{{ end }}}}"
        return link

    def _has_requests(self, terms: Terms) -> bool:
        return bool(terms.served.requests_url) and self.component != "exporter"

    def _requests(self, terms: Terms) -> str:
        """The page of single requests, over the last six hours, with the alert's own key, method … as its filter."""
        link = f"{terms.served.requests_url}/requests?last=6h"
        if self.category == "errors":
            link += "&failed=true"
        for label in self.shown:
            rest = "unknown" if label == "key" else "other"  # which stands for many
            # In quotes (%22), as a value may have a comma.
            given = f'{{{{ if ne . "{rest}" }}}}&{label}=%22{{{{ urlquery . }}}}%22{{{{ end }}}}'
            link += f"{{{{ with $labels.{label} }}}}{given}{{{{ end }}}}"
        return link
