"""The status page in each state that it is looked at for: what is wrong stands at its top, with what to do."""

import re
from html import unescape
from typing import Any

import msgspec
import pytest

from exporter.request_log.outbox.settings import Sending
from exporter.service.input_journal import Rejected
from exporter.service.web.status import InputStatus, Snapshot
from exporter.service.web.status_page import page

AT = 1772546709.0
LOG = "/var/log/nginx/access.json"
INPUT = InputStatus(
    name="edge",
    files=[LOG],
    readable=True,
    unreadable={},
    parsed=184_220,
    ignored=12,
    rejected=0,
    pace=213.4,
    lag_bytes=0,
    lag=0.0,
    last_record=AT,
    rejects=[],
    losses=[],
)
HEALTHY = Snapshot(
    up_seconds=93_000,
    ready=True,
    version="1.0.0",
    state="/var/lib/gateway-exporter/state.db",
    healthy=True,
    committed_at=AT,
    held=0,
    unopened=0,
    descriptors=1024,
    inputs=[INPUT],
    families=[("gateway_requests_total", 412, 200_000, "Requests.")],
    implausible=[],
    sending=None,
    budgets={"key": (41, 5000), "method": (12, 300), "origin": (3, 20)},
    refused={},
)
SHAPE = '{"a":0,"a":"<b>"}'


def state(input_: dict[str, Any] | None = None, **changes: Any) -> Snapshot:
    """The healthy exporter with changes, also of its input."""
    changes |= {"inputs": [msgspec.structs.replace(INPUT, **input_)]} if input_ else {}
    return msgspec.structs.replace(HEALTHY, **changes)


REJECTED = [Rejected(AT, "not_json", 17, SHAPE)]
# By state: what is shown, and what stands at the top.
STATES: dict[str, tuple[Snapshot, list[str]]] = {
    "healthy": (HEALTHY, []),
    "receiver away": (
        state({}, sending=Sending("http://logs/v1/logs", 1_200, 7_200.0, AT, "http://logs/v1/logs: answered 503")),
        [
            "Requests can't be sent on: http://logs/v1/logs: answered 503. 1,200 wait at most, the oldest 2.0 h old; "
            "they are tried again."
        ],
    ),
    "no log": (
        state({"files": [], "readable": False, "unreadable": {"/var/log/nginx/*.json": "no file matches"}}),
        ["edge: /var/log/nginx/*.json can't be read: no file matches. It is tried again every second."],
    ),
    "unreadable": (
        state({"readable": False, "unreadable": {f"/logs/{n}.json": "Permission denied" for n in range(7)}}),
        [
            *(
                f"edge: /logs/{n}.json can't be read: Permission denied. It is tried again every second."
                for n in range(5)
            ),
            "edge: 2 more logs can't be read.",
        ],
    ),
    "behind": (
        state({"lag_bytes": 73_400_320, "lag": 5_400}, ready=False),
        ["edge: 1.5 h behind, with 73,400,320 bytes to read."],
    ),
    "wrong format": (
        state({"parsed": 0, "rejected": 900, "last_record": None, "rejects": REJECTED}),
        ["edge: none of 900 lines could be parsed. gateway-exporter init finds the format."],
    ),
    "rejecting": (
        state({"parsed": 90, "rejected": 10, "rejects": REJECTED * 20}),
        ["edge: 10% of the lines are rejected; gateway-exporter explain says why."],
    ),
    "losing": (state({"losses": [("truncated", 2, 5120), ("dropped", 40, 0)]}), []),
    "full disk": (
        state(healthy=False),
        [
            "Commits to /var/lib/gateway-exporter/state.db have failed since 2026-03-03 14:05:09 UTC: counters are "
            "served as they were then, and counting continues in memory. Is the disk full? The log has the reason."
        ],
    ),
    "refused reload": (
        state(refused={"config": (AT, "config.yaml:3: inputs[0].format: unknown preset 'ngnix-json'")}),
        [
            "The config could not be read again since 2026-03-03 14:05:09 UTC; the old one stays in use. "
            "config.yaml:3: inputs[0].format: unknown preset 'ngnix-json'"
        ],
    ),
    "dead registry": (
        state(refused={"key registry": (AT, "http://gateway.example/key/list: connection refused")}),
        [
            "The key registry could not be read again since 2026-03-03 14:05:09 UTC; the old one stays in use. "
            "http://gateway.example/key/list: connection refused"
        ],
    ),
    "over budget": (
        state(budgets={"key": (5000, 5000)}, families=[("gateway_requests_total", 200_000, 200_000, "Requests.")]),
        [
            "The budget of key is used up (5,000): further values are counted together. Raise metrics.budgets.key, or "
            "declare the values.",
            "gateway_requests_total has as many series as it may (200,000): further ones are counted together. Raise "
            "metrics.max_series, or drop a label.",
        ],
    ),
    "no descriptors, no times": (
        state({"last_record": None}, unopened=3),
        [
            "3 logs can't be opened: no file descriptor is left (limit 1,024). Raise the limit of open files "
            "(ulimit -n, LimitNOFILE=).",
            "edge: no record has a time: name it in the format (time).",
        ],
    ),
}


def problems(html: str) -> list[str]:
    """The list at the top, as text."""
    found = re.search(r"<ul class=bad>(.*?)</ul>", html, re.DOTALL)
    return [unescape(re.sub("<[^>]+>", "", item)) for item in found[1].split("<li>")[1:]] if found else []


@pytest.mark.parametrize("name", STATES)
def test_what_is_wrong_stands_at_the_top_with_what_to_do(name: str) -> None:
    """And nothing else does: a healthy exporter needs no attention."""
    shown, expected = STATES[name]
    assert problems(page(shown)) == expected


def test_what_is_lost_and_rejected_is_listed_with_its_reason() -> None:
    """Bytes where they are known; the shape of a line as text, whatever characters it has."""
    losing, rejecting = page(STATES["losing"][0]), page(STATES["rejecting"][0])
    assert "no copy of what it held was found<td class=n>2<td class=n>5,120" in losing
    assert "or their connection ended within one<td class=n>40<td class=n>unknown" in losing
    assert rejecting.count("<code>{&quot;a&quot;:0,&quot;a&quot;:&quot;&lt;b&gt;&quot;}</code>") == 20


def test_it_leads_to_single_requests_metrics_and_the_runbook() -> None:
    """The runbook only where the config has a URL: its default is a file of the repository."""
    linked = [
        re.findall(r"href='?([^'> ]+)", page(HEALTHY, runbook))
        for runbook in ("docs/runbook.md", "https://git.test/runbook?a'b")
    ]
    here = ["requests", "metrics", "-/healthy", "-/ready"]
    assert linked == [here, [*here, "https://git.test/runbook?a&#x27;b"]]


@pytest.mark.parametrize("name", STATES)
def test_every_table_scrolls_by_itself_on_a_narrow_screen(name: str) -> None:
    """So the page is never wider than a phone."""
    html = page(STATES[name][0])
    assert html.count("<table>") == html.count("<div><table>") > 2
