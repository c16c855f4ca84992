"""docs/dashboards.md: which panel answers which question, from the builders themselves.

python -m dashboards.usage > docs/dashboards.md
"""

from collections.abc import Iterator

from dashboards.board import Board
from dashboards.build import boards
from dashboards.grafana import Panel
from dashboards.questions import Question
from exporter.config.served import Served

# Answered by drop-downs and the time picker rather than by a panel.
BY_VARIABLES = {
    Question.NARROWED: "the drop-downs of every page, and the time picker; by user, team and the like where the config "
    "declares them (`metrics.labels`). An endpoint (method) narrows *API key* and *Errors and latency*. A status can't "
    "narrow tokens and cost."
}

_HEAD = """\
# Dashboards

Nine Grafana dashboards, for Grafana 9.4 and later. `gateway-exporter dashboards --config.file config.yaml --out DIR`
writes them for a config: panels of families and labels that are not served are left out, and thresholds are those of
the alerts. The dashboards in [dashboards/generated](../dashboards/generated) are made with the defaults. `--check` says
whether a folder is up to date; `--push URL` uploads them, with a service account's token in `GRAFANA_TOKEN` or
`--token.file`.

## Set up by files

`provisioning/` beside the dashboards has a dashboard provider, and a data source for a Prometheus at
`localhost:9090` (leave it out where Grafana has one). A Grafana that starts with these has everything:

| from | to |
| --- | --- |
| `gateway-*.json` | `/var/lib/grafana/dashboards/gateway-exporter/` |
| `provisioning/` | `/etc/grafana/provisioning/` |

Load the recording rules that `gateway-exporter alerts` writes into Prometheus first: panels of days and weeks, trends,
forecasts and the error budget read the series that these rules record; without them, such panels say what is missing.
They have values from the first full hour on.

A bar spans at least one minute and at least four scrapes: four minutes with `metrics.scrape_interval: 1m`. The data
source in `provisioning/` has that scrape interval; set it in yours, too (*Scrape interval*).

Panels over the chosen time read scraped series. Where these would be too many samples (half a day and more of some
thousand series), the panels read recorded series, if these have the chosen labels and the rules have missed no hour.
Numbers and bars are then sums of whole hours, up to the last full one, and a bar is an hour or more; lines are averages
of what is recorded each minute or, by key and by model, of the hour before each point. Tables by key then compare 60
keys at most: their descriptions say which. To see others, choose an owner or keys.

With this, a page of a gateway of 500 keys, 20 methods and 5 chains reads less than 10 million samples, and of 30 days
less than 300 million (`python -m benchmarks.pages`). A panel takes less than 3 s of a Prometheus 2.42's CPU, of 30 days
too, with blocks as large as those of one that keeps 30 days (`python -m benchmarks.panels`, on a busy machine).

Colours: red is a failure of the gateway, of an upstream or of the exporter; orange and yellow are limits, slowness and
what expires; what clients are refused is not coloured. A number marked "before" is that of as much time just before the
chosen one. *API key* opens on the busiest key. Its list shows each key's name, owner and plan: type an owner's name to
find the owner's keys. *Keys* and *Limits and quotas* have lists of owners and plans.

[Pictures](images/README.md) show each of them.

This file is made of the builders: `python -m dashboards.usage > docs/dashboards.md`.
"""

_QUESTIONS = """
## Questions and panels

A is what the owner of a key asks, B who pays for language models, C who runs an API, D who hands out keys, E who looks
at the requests of a hub of language models. Single requests (D3, E3, E6) are no job of Prometheus: they have [a page
of the exporter's](requests.md), which panels link to where the config says its address. A period as CSV for an audit
(B8) is `gateway-exporter replay --since … --until … --csv`, from the log, or [`usage`](usage.md), from Prometheus.

| | question | panels |
| --- | --- | --- |"""


def page(served: Served) -> str:
    """The whole document."""
    every = list(boards(served))
    parts = [_HEAD, "| dashboard | uid | for |\n| --- | --- | --- |"]
    parts += [f"| {board.title} | `{board.uid}` | {board.description} |" for board in every]
    parts.append(_QUESTIONS)
    for question in Question:
        named = [f"{board.title}: {panel.title}{_own_time(panel)}" for board, panel in _answers(every, question)]
        parts.append(f"| {question.row} | {question.text} | {'<br>'.join(named) or BY_VARIABLES[question]} |")
    parts.append("\n## Queries")
    for board in every:
        parts += [f"\n### {board.title}", *_queries(board)]
    return "\n".join(parts) + "\n"


def _own_time(panel: Panel) -> str:
    """The time that a panel shows whatever is chosen, as its title bar says it."""
    if panel.timeFrom is None or panel.hideTimeOverride:
        return ""
    units = {"h": "hours", "d": "days", "y": "year"}
    return f" (last {panel.timeFrom[:-1]} {units[panel.timeFrom[-1]]})"


def _queries(board: Board) -> Iterator[str]:
    for panel in (panel for row in board.kept() for panel in row.panels if panel.targets):
        asked = "\n".join(
            f"# {target.legendFormat}\n{target.expr}" if target.legendFormat else target.expr
            for target in panel.targets
        )
        rows = f" ({', '.join(question.row for question in panel.answers)})" if panel.answers else ""
        yield f"\n**{panel.title}**{rows}: {panel.description}\n\n```promql\n{asked}\n```"


def _answers(every: list[Board], question: Question) -> Iterator[tuple[Board, Panel]]:
    for board in every:
        for row in board.kept():
            for panel in row.panels:
                if question in panel.answers:
                    yield board, panel


if __name__ == "__main__":
    print(page(Served()), end="")
