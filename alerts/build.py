"""From a config to the files that Prometheus and Alertmanager read. The same config gives the same bytes."""

from typing import Any

import yaml

from alerts import recording, usage
from alerts.alert import CATEGORIES
from alerts.choice import chosen
from alerts.grafana import provisioning
from alerts.kubernetes import alertmanager_config, prometheus_rule
from alerts.promql import Terms
from alerts.routing import alertmanager
from alerts.texts import TEMPLATES, templates
from exporter.config.config import Config
from exporter.config.served import served
from exporter.durations import seconds

_MADE = "# Made by `gateway-exporter alerts`: change the config's section `alerts`, and run it again.\n"
# A rate over five minutes stands on four scrapes, so that it has two where some fail.
_LONGEST_SCRAPE_INTERVAL = 75


def files(config: Config | None, kubernetes: bool = False, grafana: bool = False) -> dict[str, str]:
    """Name → content of all files; of the defaults without a config. ValueError where `overrides` do not fit, or the
    exporter is scraped too seldom.

    `kubernetes` adds a PrometheusRule and an AlertmanagerConfig of the Prometheus operator, `grafana` rules for
    Grafana's alerting.
    """
    if config and seconds(config.metrics.scrape_interval) > _LONGEST_SCRAPE_INTERVAL:
        raise ValueError(
            f"metrics.scrape_interval: {config.metrics.scrape_interval} is too long for the rules: their rates over "
            f"five minutes need four scrapes, one each {_LONGEST_SCRAPE_INTERVAL}s"
        )
    terms = Terms(served(config))
    recorded, alerting = recording.groups(terms), alert_groups(terms)
    of_usage = usage.groups(terms) if config and config.usage else []
    made = {
        "recording.rules.yml": _yaml({"groups": recorded}),
        **({"usage.rules.yml": _yaml({"groups": of_usage})} if of_usage else {}),
        "alerts.rules.yml": _yaml({"groups": alerting}),
        "alertmanager.yml": _yaml(alertmanager(terms)),
        TEMPLATES: templates(),
    }
    if kubernetes:
        made["prometheusrule.yml"] = _yaml(prometheus_rule(terms, [*recorded, *of_usage, *alerting]))
        made["alertmanagerconfig.yml"] = _yaml(alertmanager_config(terms).manifest)
    if grafana:
        made["grafana-alerting.yml"] = _yaml(provisioning(terms))
    return made


def alert_groups(terms: Terms) -> list[dict[str, Any]]:
    """The groups of alert rules, one for each category."""
    on = chosen(terms)
    groups = {category: [alert.rule(terms) for alert in on if alert.category == category] for category in CATEGORIES}
    # As often as the limits' own recordings: a minute's limit is over in a minute.
    return [
        {
            "name": f"gateway-alerts-{category}",
            "interval": f"{min(terms.interval, 30) if category == 'quota' else terms.interval}s",
            "rules": rules,
        }
        for category, rules in groups.items()
        if rules
    ]


class _Dumper(yaml.CSafeDumper):
    """YAML as people write it: expressions over several lines as blocks, nothing folded, no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - its name is yaml's
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(content: dict[str, Any]) -> str:
    return _MADE + yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
