"""docs/dashboards.md: which panel answers which question, from the builders themselves.

python -m dashboards.usage > docs/dashboards.md
"""

from collections.abc import Iterator

from dashboards.board import Board
from dashboards.build import boards
from dashboards.grafana import Panel
from exporter.config_served import Served

QUESTIONS = {
    "A1": "What did the key's calls cost in credits, hour by hour, over the last 24 hours?",
    "A2": "Which five methods does it call most, what is their share, and what is the rest?",
    "A3": "Which chains does it use? For 15 minutes to 30 days, and for one chain.",
    "A4": "What did it ask, what failed, with which statuses, over HTTPS and WSS?",
    "A5": "Where is it used from, over HTTPS and WSS?",
    "B1": "Models by key, model, model type and period.",
    "B2": "How many model calls, service calls, internal calls, and tokens of each type?",
    "B3": "How did requests and tokens of each model develop, day by day?",
    "B4": "What did it cost, by key and by model?",
    "B5": "Where are the peaks, and who needs a larger limit?",
    "B6": "Whose calls or tokens rose suddenly?",
    "B7": "How do keys compare, side by side?",
    "B9": "Which keys expire soon, or are over their quota?",
    "C1": "How many requests, failures, bytes; average and peak latency; requests a minute, hour, day and their peaks?",
    "C2": "The same over time: by minute, hour, day, week, month.",
    "C3": "By endpoint, HTTP method, status, key, with shares.",
    "C4": "Which errors, of which type, with which share, meaning what, and where?",
    "C5": "How far is each limit used, by minute, hour, day and month?",
    "C6": "Which alerts fire now?",
    "C7": "Are requests, latency and errors increasing, stable or decreasing?",
    "C8": "What are the bottlenecks, and what is to be done about each?",
    "C9": "What does it cost today, and in the next month, quarter and year?",
    "C10": "How much load is there now, and in 30 days?",
    "D1": "Which keys are there, since when, last used when, active or not?",
    "D2": "Calls by day; the month's calls against the quota, what is left, when it resets.",
    "D4": "Which key is refused again and again, used far more or less than usual, or from new places?",
    "D5": "What does each plan allow?",
    "E1": "Requests, cost, tokens and cache tokens of what is chosen.",
    "E2": "Narrow by time, key, provider, model, endpoint.",
    "E4": "Which provider failed, why, who answered instead, how long it took; circuits, multipliers.",
    "E5": "What was blocked, unbilled, or redirected to another model, and which model is billed?",
}
# Answered by drop-downs and the time picker rather than by a panel.
BY_VARIABLES = {"E2": "the drop-downs of every page, and the time picker. A status can't narrow tokens and cost."}

_HEAD = """\
# Dashboards

Eight Grafana dashboards, for Grafana 9.4 and later. `gateway-exporter dashboards --config.file config.yaml --out DIR`
writes them for a config: families and labels that are not served take their panels along, thresholds are those of the
alerts. Those in [dashboards/generated](../dashboards/generated) are made with the defaults. `--check` says whether a
folder is up to date; `--push URL` uploads them, with a service account's token in `GRAFANA_TOKEN` or `--token.file`.

## Set up by files

`provisioning/` beside the dashboards has a dashboard provider, and a data source for a Prometheus at
`localhost:9090` (leave it out where Grafana has one). A Grafana that starts with these has everything:

| from | to |
| --- | --- |
| `gateway-*.json` | `/var/lib/grafana/dashboards/gateway-exporter/` |
| `provisioning/` | `/etc/grafana/provisioning/` |

Panels of days and weeks read the series of the recording rules that `gateway-exporter alerts` makes: load those into
Prometheus too. Panels over the chosen time read what was scraped itself: for many keys, a month of that takes
Prometheus seconds.

This file is made of the builders: `python -m dashboards.usage > docs/dashboards.md`.
"""


def page(served: Served) -> str:
    """The whole document."""
    every = list(boards(served))
    parts = [_HEAD, "| dashboard | uid | for |\n| --- | --- | --- |"]
    parts += [f"| {board.title} | `{board.uid}` | {board.description} |" for board in every]
    parts.append("\n## Questions and panels\n\n| | question | panels |\n| --- | --- | --- |")
    for row, question in QUESTIONS.items():
        named = [f"{board.title}: {panel.title}" for board, panel in _answers(every, row)]
        parts.append(f"| {row} | {question} | {'<br>'.join(named) or BY_VARIABLES[row]} |")
    parts.append("\n## Queries")
    for board in every:
        parts.append(f"\n### {board.title}")
        for panel in (panel for row in board.kept() for panel in row.panels if panel.targets):
            asked = "\n".join(
                f"# {one.legendFormat}\n{one.expr}" if one.legendFormat else one.expr for one in panel.targets
            )
            rows = f" ({', '.join(panel.answers.split())})" if panel.answers else ""
            parts.append(f"\n**{panel.title}**{rows}: {panel.description}\n\n```promql\n{asked}\n```")
    return "\n".join(parts) + "\n"


def _answers(every: list[Board], question: str) -> Iterator[tuple[Board, Panel]]:
    for board in every:
        for row in board.kept():
            for panel in row.panels:
                if question in panel.answers.split():
                    yield board, panel


if __name__ == "__main__":
    print(page(Served()), end="")
