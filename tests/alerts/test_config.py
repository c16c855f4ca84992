"""The section `alerts`: each rule of validity, and the message that it gives."""

from pathlib import Path

import pytest

from exporter.errors import ConfigError
from tests.alerts.built import config
from tests.command import run

# A section, and what is said of it: field, problem.
BAD = [
    ("{latncy: {}}", "alerts.latncy: unknown field 'latncy'; did you mean 'latency'? (allowed: anomalies, exporter, "),
    (
        "{retention: 15 days}",
        "alerts.retention: must be a duration, as in 15s, 5m, 24h or 1h30m, not '15 days'",
    ),
    ("{retention: 2d, anomalies: null}", "alerts.retention: 2d is too short: burn rates look back 3d"),
    ("{retention: 14d}", "alerts.retention: 14d is too short: anomalies look back 14d1h (weeks: 2)"),
    ("{interval: 10m}", "alerts.interval: 10m is not from 1s to 5m; series go stale after five minutes"),
    ("{job: ''}", "alerts.job: is empty: name the scrape job that Prometheus has for the exporters"),
    (
        "{scope_labels: [eu-1]}",
        "alerts.scope_labels[0]: 'eu-1' is not a valid label name: letters, digits and _ are allowed",
    ),
    ("{scope_labels: [key]}", "alerts.scope_labels[0]: 'key' is a label that rules use themselves; choose another"),
    ("{grafana_url: grafana}", "alerts.grafana_url: must be a URL that begins with http:// or https://"),
    ("{min_requests: 0}", "alerts.min_requests: must be at least 1"),
    (
        "{success_rate: {warning: 95}}",
        "alerts.success_rate.warning: must be a share between 0 and 1, such as 0.95, not 95",
    ),
    (
        "{success_rate: {warning: 0.95, critical: 0.97}}",
        "alerts.success_rate.warning: must be reached before critical; with these values critical ",
    ),
    ("{latency: {warning: 2}}", "alerts.latency.warning: must be reached before critical; "),
    ("{latency: {warning: -1}}", "alerts.latency.warning: must be more than 0, or null for no alert, not -1"),
    ("{limits: {warning: 0.95}}", "alerts.limits.warning: must be reached before critical; "),
    ("{keys: {expires: {warning: 1h}}}", "alerts.keys.expires.warning: must be reached before critical; "),
    (
        "{objectives: {availability: 0.9}}",
        "alerts.objectives.availability: with 0.9 even a total failure burns the budget less than 14.4 times as fast "
        "as allowed, so no alert would fire; more than 0.9306 is needed",
    ),
    (
        "{objectives: {latency_seconds: 0.6}}",
        "alerts.objectives.latency_seconds: 0.6 is not a bucket of gateway_request_duration_seconds (allowed: 0.005, ",
    ),
    ("{anomalies: {factor: 1}}", "alerts.anomalies.factor: must be more than 1 (else every hour is abnormal), not 1"),
    ("{anomalies: {weeks: 0}}", "alerts.anomalies.weeks: must be at least 1"),
    ("{exporter: {lag: {warning: 10m}}}", "alerts.exporter.lag.warning: must be reached before critical; "),
    (
        "{overrides: {GatewayWatchdog: {for: soon}}}",
        "alerts.overrides.GatewayWatchdog.for: must be a duration, as in 15s, 5m, 24h or 1h30m, not 'soon'",
    ),
    ("{notify: {receivers: {team: {}}}}", "alerts.notify.receivers.team: has no destination; add one of discord, "),
    (
        "{notify: {receivers: {team: {email: {to: a@b}}}}}",
        "alerts.notify.receivers.team: sends e-mail, but no smtp server is configured; add smtp with a smarthost",
    ),
    (
        "{notify: {receivers: {team: {webhook: {url: 'http://a'}}}}}",
        "alerts.notify.routes: warning is missing; alerts without a route of their own go to its receiver",
    ),
    (
        "{notify: {receivers: {team: {webhook: {url: 'http://a'}}}, routes: {warnings: team}}}",
        "alerts.notify.routes.warnings: unknown route 'warnings'; did you mean 'warning'? (allowed: cost, critical, ",
    ),
    (
        "{notify: {receivers: {team: {webhook: {url: 'http://a'}}}, routes: {warning: taem}}}",
        "alerts.notify.routes.warning: unknown receiver 'taem'; did you mean 'team'? (allowed: team)",
    ),
    (
        "{notify: {receivers: {team: {webhook: {url: 'http://a'}}}, routes: {warning: team}, owners: {acme: acme}}}",
        "alerts.notify.owners.acme: unknown receiver 'acme' (allowed: team)",
    ),
    (
        "{notify: {receivers: {team: {slak: {}}}}}",
        "alerts.notify.receivers.team.slak: unknown kind of receiver 'slak'; did you mean 'slack'? (allowed: discord, ",
    ),
    (
        "{notify: {receivers: {team: {telegram: {bot_token: '12:s3cret', chat_id: 1}}}}}",
        "alerts.notify.receivers.team.telegram.bot_token: is a secret; put it into a file, and the file's path into "
        "bot_token_file",
    ),
    (
        "{notify: {receivers: {team: {webhook: {url: 'http://a', http_config: {basic_auth: {password: s3cret}}}}}}}",
        "alerts.notify.receivers.team.webhook.http_config.basic_auth.password: is a secret; put it into a file",
    ),
    (
        "{notify: {receivers: {team: {sns: {sigv4: {secret_key: s3cret}}}}}}",
        "alerts.notify.receivers.team.sns.sigv4.secret_key: is a secret; leave it out, so that Alertmanager uses the ",
    ),
    (
        "{notify: {receivers: {team: {webhook: {url: 'http://a'}}}, routes: {warning: team}, mute: {info: [night]}}}",
        "alerts.notify.mute.info: unknown route 'info' (allowed: warning)",
    ),
    (
        "{notify: {receivers: {team: {webhook: {url: 'http://a'}}}, routes: {warning: team}, "
        "time_intervals: {nights: []}, mute: {warning: [night]}}}",
        "alerts.notify.mute.warning[0]: unknown time interval 'night'; did you mean 'nights'? (allowed: nights)",
    ),
    (
        "{overrides: {GatewayKeyUnused: {severity: urgent}}}",
        "alerts.overrides.GatewayKeyUnused.severity: unknown severity 'urgent' (allowed: critical, info, warning)",
    ),
    (
        "{overrides: {GatewayLimitsNear: {exceptions: [{plan: a, warning: 0.5}]}}}",
        "alerts.overrides.GatewayLimitsNear.exceptions[0]: unknown alert with exceptions 'GatewayLimitsNear'; did you "
        "mean 'GatewayLimitNear'? (allowed: GatewayKeyAuthFailures, ",
    ),
    (
        "{overrides: {GatewayLimitNear: {exceptions: [{pln: a, warning: 0.5}]}}}",
        "alerts.overrides.GatewayLimitNear.exceptions[0].pln: unknown field 'pln'; did you mean 'plan'? (allowed: ",
    ),
    (
        "{overrides: {GatewayLimitNear: {exceptions: [{plan: a, warning: 0.5}, {method: a, warning: 0.5}]}}}",
        "alerts.overrides.GatewayLimitNear.exceptions[1].method: is not known of this alert; name key or plan",
    ),
    (
        "{overrides: {GatewayLimitNear: {exceptions: [{plan: a, threshold: 0.5}]}}}",
        "alerts.overrides.GatewayLimitNear.exceptions[0].threshold: unknown threshold of this alert 'threshold' "
        "(allowed: critical, warning)",
    ),
    (
        "{overrides: {GatewayLimitNear: {exceptions: [{plan: a}]}}}",
        "alerts.overrides.GatewayLimitNear.exceptions[0]: changes nothing; set warning or critical",
    ),
    (
        "{overrides: {GatewayMethodSlow: {exceptions: [{threshold: 5}]}}}",
        "alerts.overrides.GatewayMethodSlow.exceptions[0]: is an exception for everything; name method or chain",
    ),
    (
        "{overrides: {GatewayLimitNear: {exceptions: [{plan: a, warning: 95}]}}}",
        "alerts.overrides.GatewayLimitNear.exceptions[0].warning: must be a share between 0 and 1, such as 0.95, ",
    ),
    (
        "{overrides: {GatewayLimitNear: {exceptions: [{plan: a, warning: 0.95}]}}}",
        "alerts.overrides.GatewayLimitNear.exceptions[0].warning: must be reached before critical; ",
    ),
    (
        "{overrides: {GatewayKeyUnused: {exceptions: [{plan: a, threshold: soon}]}}}",
        "alerts.overrides.GatewayKeyUnused.exceptions[0].threshold: must be a duration, as in 15s, 5m, 24h or 1h30m, ",
    ),
    (
        "{anomalies: null, overrides: {GatewayKeyCallsSpike: {exceptions: [{plan: a, threshold: 30}]}}}",
        "alerts.overrides.GatewayKeyCallsSpike.exceptions[0]: would change a section that is null, so the alert ",
    ),
    (
        "{notify: {time_intervals: {night: [{times: [{start_time: 20:00, end_time: '24:00'}]}]}}}",
        'alerts.notify.time_intervals.night[0].times[0].start_time: must be a time in quotes, as "07:30" or "24:00",',
    ),
    (
        "{notify: {time_intervals: {night: [{times: [{start_time: '8:00', end_time: '24:00'}]}]}}}",
        'alerts.notify.time_intervals.night[0].times[0].start_time: must be a time in quotes, as "07:30" or "24:00"',
    ),
    (
        "{notify: {time_intervals: {weekend: [{weekday: [sunday]}]}}}",
        "alerts.notify.time_intervals.weekend[0].weekday: unknown field 'weekday'; did you mean 'weekdays'? ",
    ),
    (
        "{notify: {time_intervals: {weekend: [{weekdays: [sun]}]}}}",
        "alerts.notify.time_intervals.weekend[0].weekdays[0]: must be a day or a range, as sunday or monday:friday",
    ),
    (
        "{notify: {time_intervals: {new: [{days_of_month: [1-5]}]}}}",
        'alerts.notify.time_intervals.new[0].days_of_month[0]: must be as 1, "1:5" or "-3:-1", not \'1-5\'',
    ),
    (
        "{notify: {receivers: {team: {slack: {api_url_file: [a]}}}, routes: {warning: team}}}",
        "alerts.notify.receivers.team.slack.api_url_file: must be the path of a file",
    ),
    (
        "{notify: {receivers: {team: {webhook: {url: 'http://a', credentials_file: b, http_config: 1}}}}}",
        "alerts.notify.receivers.team.webhook.http_config: must be a mapping",
    ),
    ("{kubernetes: {namespace: My_Space}}", "alerts.kubernetes.namespace: must be a namespace in Kubernetes, not 'My_"),
    ("{kubernetes: {name: Gateway Exporter}}", "alerts.kubernetes.name: must be a name in Kubernetes, not 'Gateway "),
    (
        "{notify: {grouping: {wait: ten}}}",
        "alerts.notify.grouping.wait: must be a duration, as in 15s, 5m, 24h or 1h30m, not 'ten'",
    ),
]


@pytest.mark.parametrize(("section", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(tmp_path: Path, section: str, message: str) -> None:
    """As everywhere in the config."""
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, section)
    assert str(caught.value).startswith(f"{tmp_path}/config.yaml:2: {message}")
    assert "s3cret" not in str(caught.value)


def test_a_change_of_an_alert_that_does_not_exist_is_told_by_check_too(tmp_path: Path) -> None:
    """With the near miss; nothing is written."""
    config(tmp_path, "{overrides: {GatewayLimitsNear: {enabled: false}}}")
    said = f"{tmp_path}/config.yaml: alerts.overrides: unknown alert of this config 'GatewayLimitsNear'; "
    said += "did you mean 'GatewayLimitNear'?"
    for command in (["check"], ["alerts", "--out", str(tmp_path / "out"), "--config.file"]):
        done = run(*command, str(tmp_path / "config.yaml"))
        assert done.code == 2
        assert done.stderr.startswith(f"gateway-exporter: {said} (allowed: Gateway")
    assert not (tmp_path / "out").exists()


def test_a_severity_is_changed_where_an_alert_has_one(tmp_path: Path) -> None:
    """With two, both would become one rule's; the unwanted threshold is set to null instead."""
    config(tmp_path, "{overrides: {GatewayLimitNear: {severity: info}}}")
    done = run("check", str(tmp_path / "config.yaml"))
    assert (done.code, done.stderr) == (
        2,
        f"gateway-exporter: {tmp_path}/config.yaml: alerts.overrides.GatewayLimitNear.severity: the alert has a "
        "threshold for each severity; set one of them to null instead\n",
    )


def test_an_exception_for_a_plan_that_is_not_there_is_told_with_the_near_miss(tmp_path: Path) -> None:
    """Patterns are not judged."""
    section = "{overrides: {GatewayLimitNear: {exceptions: [{plan: p*, warning: 0.5}, {plan: fre, warning: 0.5}]}}}"
    plans = "\nplans: {free: {limits: [{window: 1m, requests: 60}]}}"
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, section + plans)
    assert str(caught.value) == (
        f"{tmp_path}/config.yaml:2: alerts.overrides.GatewayLimitNear.exceptions[1].plan: unknown plan 'fre'; did you "
        "mean 'free'? (allowed: free)"
    )
