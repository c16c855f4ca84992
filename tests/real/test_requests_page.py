"""The page of single requests in a browser, as people use it: mouse, keyboard, narrow, and with a hostile log."""

import csv
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from tests.beside import SECRET
from tests.exporter import Exporter
from tests.process import free_port
from tests.real.browser import Browser
from tests.waiting import eventually

IMAGE = "<img src=x onerror='window.broken=1'>"
HOSTILE = f"{IMAGE}</td><script>window.broken=1</script>{'w' * 200}"
CONFIG = """
inputs:
  - path: access.json
    format:
      json: {time: t, status: s, rpc_method: m, http_method: verb, path: path, key: key, origin: from, duration: took,
        request_id: id, model: model, requested_model: asked, billed_model: billed, provider: by, attempts: tried,
        upstream_status: statuses, attempt_times: times, attempt_circuits: circuits, input_tokens: in,
        output_tokens: out, cache_read_tokens: read, cost: cost, blocked_reason: why, time_to_first_token: first,
        cost_multiplier: factor, user: user, team: team, tenant: squad}
routes: [/v1/chat, /v1/things, /free]
pricing: {unbilled: [/free], currency: EUR}
limits: {timezone: America/New_York}
identity: {secret_file: secret}
keys: keys.yaml
state: {path: state.db}
metrics:
  scrape_interval: 1ms
  admit_after: 1
  labels: {squad: {field: tenant, values: [blue]}}
  families: {gateway_requests_total: {add: [squad]}}
start_at: beginning
requests: {}
"""
KEYS = [
    *({"id": id_, "name": f"Key {id_}"} for id_ in ("live", "many", "back")),
    {"id": "acme", "name": "Acme app", "owner": "Acme Ltd"},
    {"id": "other", "name": "<b>bold</b>", "owner": "<i>it</i>"},
]


@cache
def begun() -> int:
    """When the first request was: ten minutes before the first test here, as the page shows those of an hour."""
    return int(time.time()) - 600


def in_berlin(at: int) -> str:
    """A time as the page shows it, in the time zone of the browser."""
    return datetime.fromtimestamp(at, ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%d %H:%M:%S.000")


def line(n: int, **more: Any) -> str:
    """A request, `n` seconds after the first one, whose id is rN."""
    usual = {
        "t": begun() + n,
        "s": 200,
        "verb": "GET",
        "path": "/v1/things",
        "key": "acme",
        "id": f"r{n}",
        "took": 0.02,
    }
    return json.dumps(usual | more) + "\n"


MODEL: dict[str, Any] = {"verb": "POST", "path": "/v1/chat", "in": 1200, "out": 34, "cost": 0.0123456}
FAILOVER = {"by": "b", "tried": "a, b", "statuses": "503, 200", "times": "0.2, 0.05", "circuits": "open, closed"}
WHOSE = {"user": "ada", "team": "search, ads", "squad": "blue"}
MODELS = {"asked": "m-1", "model": "m-2", "billed": "m-3"}


def lines() -> tuple[str, ...]:
    """What is in the log from the start."""
    return (
        *(line(n) for n in range(4)),
        line(4, s=504, took=1.5),
        line(5, **MODEL, **FAILOVER, **MODELS, **WHOSE, took=0.26, first=0.21, read=700, factor=1.5),
        line(6, s=403, why="policy"),
        line(7, path="/free"),
        line(8, **MODEL, **{"key": "other", "model": "m-8", "by": "p-8", "tried": "p-8, p-8", "from": "h.example"}),
    )


# In columns that texts of a row come from, where a log that we do not know yet may have them.
_BREAK = """
UPDATE kind SET method = :it, route = :it, model = :it, requested_model = :it || 'x', provider = :it, chain = :it,
  blocked_reason = :it, attempts = json_replace(attempts, '$[0][0]', :it, '$[0][1]', :it, '$[0][3]', :it)
WHERE provider = 'p-8'"""


# Rows are highlighted for some seconds only: each that is, is noted.
_NOTE_NEW = """
window.seen = new Set();
new MutationObserver(() => document.querySelectorAll("tr.request.new").forEach(row => window.seen.add(row)))
  .observe(document.querySelector("#requests"), {subtree: true, childList: true, attributes: true});"""


class Scene:
    """An exporter that has read `lines()`, and a browser for its page."""

    def __init__(self, folder: Path) -> None:
        (folder / "secret").write_text(SECRET, encoding="utf-8")
        (folder / "secret").chmod(0o600)
        (folder / "keys.yaml").write_text(json.dumps(KEYS), encoding="utf-8")
        (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
        self.folder = folder
        self._address = f"127.0.0.1:{free_port()}"
        self.write(*lines())
        self.start()
        try:
            eventually(lambda: self.exporter.get("/api/v1/requests/sums").json()["requests"] == len(lines()))
            self._break()
            self.browser = Browser(folder, "Europe/Berlin")
        except BaseException:
            self.exporter.close()
            raise

    def start(self) -> None:
        """Start the exporter, at the same address each time."""
        self.exporter = Exporter("run", "--config.file", "config.yaml", cwd=self.folder, address=self._address)

    def _break(self) -> None:
        for path in (self.folder / "requests").glob("*.db"):
            with closing(sqlite3.connect(path, timeout=60)) as db, db:
                db.execute(_BREAK, {"it": HOSTILE})
                db.execute("UPDATE word SET text = ? WHERE text = 'h.example'", (HOSTILE,))

    def close(self) -> None:
        try:
            self.browser.close()
        finally:
            self.exporter.close()

    def open(self, query: str, requests: int, width: int = 1600) -> Browser:
        """Open the page, until the requests of the query are there, with their sums."""
        self.browser.said.clear()
        self.browser.open(f"{self.exporter.url}/requests{query}", width)
        self.shows(requests)
        return self.browser

    def shows(self, requests: int) -> None:
        """Wait until so many requests are there, in the table and on the card."""
        eventually(
            lambda: len(self.browser.texts("tr.request")) == requests and self.card("Requests") == str(requests),
            f"{requests} are shown",
        )

    def card(self, title: str) -> str:
        """What a card says."""
        said = next(text for text in (*self.browser.texts("#cards dl"), title) if text.startswith(title))
        return said.removeprefix(title).strip()

    def write(self, *lines: str) -> None:
        with (self.folder / "access.json").open("a", encoding="utf-8") as out:
            out.write("".join(lines))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = Scene(tmp_path_factory.mktemp("page"))
    yield scene
    scene.close()


def test_the_page_shows_requests_and_what_they_add_up_to(scene: Scene) -> None:
    """Who failed and who answered, the three models, what is blocked, and what nobody is billed for."""
    browser = scene.open("?status=200&provider=b", 1)
    cells = dict(zip(browser.texts("#requests > thead th"), browser.texts("tr.request td"), strict=True))
    assert cells["Time"] == in_berlin(begun() + 5)
    assert cells["Key"] == "Acme app Acme Ltd"
    assert cells["User"] == "ada search, ads"
    assert cells["Provider"] == "a ✗ : failed → , then b ✓ : answered ×1.5"
    assert cells["Model"] == "m-1 → , answered by m-2 billed: m-3"
    assert cells["Cost, EUR"] == "0.012346"
    assert (cells["Input"], cells["Output"], cells["Cache read"]) == ("1,200", "34", "700")
    assert browser.texts("#requests > thead th:not([hidden])") == [title for title in cells if cells[title]]
    assert scene.card("Cost") == "0.012346 EUR"
    assert scene.card("Tokens") == "1,234 in 1.2K · out 34"
    assert scene.card("Cache tokens") == "700 written 0 · read 700"
    assert scene.card("Average duration") == "260 ms"
    scene.open("?key=acme", 8)
    assert scene.card("Failures") == "2 25.00 %"
    assert browser.texts("tr.request:has(.tag.blocked) .status") == ["403"]
    assert browser.texts("tr.request.unbilled .tag") == ["unbilled"]
    assert browser.texts(".status.s5") == ["504"]
    assert browser.said == []


def test_filters_stand_in_the_address(scene: Scene) -> None:
    """What is typed and chosen; the back button takes a filter back; a mistake is said and shows nothing."""
    browser = scene.open("?key=Acme+app", 8)
    browser.click("#filter-status")
    browser.type("4xx,5xx")
    scene.shows(2)
    assert browser.run("location.search") == "?last=1h&status=4xx%2C5xx&key=Acme+app"
    browser.choose("#filter-blocked", "true")
    scene.shows(1)
    browser.run("history.back()")
    scene.shows(2)
    assert browser.run("document.querySelector('#filter-blocked').value") == ""
    browser.run("history.back()")
    scene.shows(8)
    browser.click("#filter-status")
    browser.type("bad")
    eventually(lambda: browser.texts("#problem") == ["status: 'bad' is not valid; use 404, 4xx or other"])
    eventually(lambda: browser.texts("tr.request") == [])
    browser.click("form button")
    scene.shows(len(lines()))
    assert browser.run("document.querySelector('#problem').hidden")
    browser.choose("#filter-last", "between")
    until = browser.run("document.querySelector('#filter-until')")
    assert until is not None
    scene.open(f"?since={begun() + 2}&until={begun() + 4}", 2)
    shown = time.strftime("%M:%S", time.gmtime(begun() + 2)).removesuffix(":00")  # as browsers write it
    assert browser.run("document.querySelector('#filter-since').value").endswith(shown)


def test_a_row_opens_to_its_timeline(scene: Scene) -> None:
    """With errors in words and the series that it was counted in, which are served."""
    browser = scene.open("?provider=b", 1)
    browser.click("tr.request td:nth-child(3)")
    [row] = browser.texts("tr.details")
    assert "Attempt 1 a failed, status 503, circuit open +0 ms 200 ms" in row
    assert "Attempt 2 b answered, status 200, circuit closed +200 ms 50 ms" in row
    assert "Squad blue" in row
    assert "First token the answer began +0 ms 210 ms" in row
    bars = browser.run("[...document.querySelectorAll('.took')].slice(0, 2).map(it => [it.offsetLeft, it.offsetWidth])")
    assert bars[0][0] < bars[1][0]
    assert bars[1][1] == pytest.approx(bars[0][1] / 4, abs=2)
    served = scene.exporter.get().text
    selectors = browser.texts(".series code")
    assert [name.partition("{")[0] for name in selectors] == [
        "gateway_requests_total",
        "gateway_model_requests_total",
        "gateway_tokens_total",
        "gateway_cost_total",
    ]
    for selector in selectors:
        assert any(is_of(sample, selector) for sample in served.splitlines()), selector
    scene.open("?status=504", 1)
    browser.click("tr.request")
    assert "It took longer than allowed." in browser.text("tr.details")
    browser.click("button.only[title~=status]")
    assert browser.run("document.querySelector('#filter-status').value") == "504"


def test_a_value_with_a_comma_is_found_by_a_click_and_by_a_link(scene: Scene) -> None:
    """It stands in quotes; a link's quotes that are not needed are not shown."""
    browser = scene.open('?key="acme"&provider=b', 1)
    assert browser.run("document.querySelector('#filter-key').value") == "acme"
    browser.click("tr.request")
    browser.click("button.only[title~=team]")
    scene.shows(1)
    assert browser.run("document.querySelector('#filter-team').value") == '"search, ads"'


def is_of(sample: str, selector: str) -> bool:
    """Whether a sample has all labels of a selector; those that are empty are absent there."""
    name, _, labels = selector.removesuffix("}").partition("{")
    pairs = [pair for pair in labels.split(", ") if not pair.endswith('=""')]
    return sample.startswith(f"{name}{{") and all(pair in sample for pair in pairs)


def test_the_keyboard_alone_is_enough(scene: Scene) -> None:
    """From the top to a row, with a focus that can be seen; Escape closes it and goes back to its button."""
    browser = scene.open("?key=acme", 8)
    browser.press("Tab")
    assert focused(browser) == "Skip to the requests"
    browser.press("Enter")
    browser.press("Tab")
    assert focused(browser) == in_berlin(begun() + 7)
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press("Enter")
    assert browser.run("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert browser.run("Boolean(document.getElementById(document.activeElement.getAttribute('aria-controls')))")
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "only"
    browser.press("Escape")
    assert browser.run("document.activeElement.getAttribute('aria-expanded')") == "false"
    assert browser.texts("tr.details") == []
    browser.press(" ")
    assert len(browser.texts("tr.details")) == 1
    names = browser.run("[...document.querySelectorAll('input, select')].map(it => it.labels[0]?.textContent || it.id)")
    assert not [name for name in names if name.startswith("filter-")]


def focused(browser: Browser) -> str:
    """What the focused element shows."""
    return str(browser.run("document.activeElement.innerText")).strip()


def test_new_requests_come_by_themselves_until_they_are_paused(scene: Scene) -> None:
    """Highlighted, with their sums, in their place; an open row stays where it is."""
    browser = scene.open("?key=live", 0)
    assert browser.texts("#none") == ["No request of this filter is kept."]
    browser.run(_NOTE_NEW)
    scene.write(line(20, key="live"))
    scene.shows(1)
    assert browser.run("window.seen.size") == 1
    browser.resize(1600, 400)  # the page is longer than the window
    browser.click("tr.request button")
    place = browser.run("document.querySelector('tr.details').getBoundingClientRect().top")
    scene.write(line(22, key="live", s=502), line(21, key="live"))
    scene.shows(3)
    assert browser.texts("tr.request .status") == ["502", "200", "200"]
    assert browser.run("document.querySelector('tr.details').getBoundingClientRect().top") == pytest.approx(
        place, abs=1
    )
    browser.click("#pause")
    assert browser.run("document.querySelector('#pause').getAttribute('aria-pressed')") == "true"
    asked = scene.exporter.get("/api/v1/requests?key=live").json()
    scene.write(line(23, key="live"))
    eventually(lambda: scene.exporter.get(f"/api/v1/requests?key=live&after={asked['last']}").json()["requests"])
    browser.run("new Promise(done => setTimeout(done, 2500))")
    assert len(browser.texts("tr.request")) == 3
    browser.click("#pause")
    scene.shows(4)
    assert browser.said == []


def test_older_requests_are_added_below(scene: Scene) -> None:
    scene.write(*(line(-n, key="many") for n in range(230)))
    eventually(lambda: scene.exporter.get("/api/v1/requests/sums?key=many").json()["requests"] == 230)
    browser = scene.browser
    browser.open(f"{scene.exporter.url}/requests?key=many")
    for shown in (100, 200, 230):
        eventually(lambda shown=shown: len(browser.texts("tr.request")) == shown)  # type: ignore[misc]
        assert browser.run("document.querySelector('#older').hidden") == (shown == 230)
        if shown < 230:
            browser.click("#older")
    times = browser.run("[...document.querySelectorAll('tr.request time')].map(it => it.dateTime)")
    assert times == sorted(set(times), reverse=True)


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_what_is_filtered_is_exported(scene: Scene, format_: str, tmp_path: Path) -> None:
    browser = scene.open("?key=acme&status=4xx,5xx", 2)
    browser.downloads(tmp_path)
    browser.click(f"#{format_}")
    path = tmp_path / f"requests.{format_}"
    eventually(path.exists)
    text = path.read_text("utf-8")
    rows = [*csv.DictReader(text.splitlines())] if format_ == "csv" else [*map(json.loads, text.splitlines())]
    assert [row["request_id"] for row in rows] == ["r6", "r4"]


@pytest.mark.parametrize("width", [1920, 1600, 1200, 1000, 390])
def test_hostile_texts_are_texts(scene: Scene, width: int) -> None:
    """In any field, at any width, and in the filter of a link: nothing runs, is loaded, or makes the page too wide."""
    browser = scene.open("?key=acme,other", len(lines()), width)
    assert browser.run("document.documentElement.scrollWidth") == width
    scene.open("?blocked=true&retried=true", 1, width)
    browser.click("tr.request button")
    shown = browser.text("tr.details")
    assert shown.count("<img src=x onerror=") >= 8
    assert browser.run("[window.broken, document.images.length, document.scripts.length]") == [None, 0, 1]
    assert browser.run("document.documentElement.scrollWidth") == width
    browser.open(f"{scene.exporter.url}/requests?{urlencode({'key': IMAGE, '<b>': 1})}", width)
    eventually(lambda: browser.texts("#problem")[0].startswith("'<b>' is not a filter"))
    assert browser.run("[window.broken, document.images.length]") == [None, 0]
    assert [said for said in browser.said if "400" not in said] == []


def test_the_page_says_how_to_keep_requests_where_none_are(scene: Scene, tmp_path: Path) -> None:
    """Also to somebody whose address has a user and a password."""
    (tmp_path / "access.log").touch()
    (tmp_path / "config.yaml").write_text("inputs: [{path: access.log, format: nginx-json}]\n", encoding="utf-8")
    with Exporter("run", "--config.file", "config.yaml", cwd=tmp_path) as exporter:
        scene.browser.open(exporter.url.replace("://", "://me:secret@") + "/requests")
        said = "No single requests are kept: for that, the config needs requests: {} and a state.path."
        eventually(lambda: scene.browser.texts("body > p") == [said])


def test_an_exporter_that_is_away_is_asked_until_it_is_back(scene: Scene) -> None:
    """What is shown stays; what comes afterwards is shown."""
    browser = scene.open("?key=back", 0)
    scene.write(line(40, key="back"))
    scene.shows(1)
    scene.exporter.process.kill()
    eventually(lambda: browser.texts("#problem") == ["The exporter does not answer; it is asked again."])
    assert len(browser.texts("tr.request")) == 1
    scene.start()
    scene.write(line(41, key="back"))
    scene.shows(2)
    assert browser.run("document.querySelector('#problem').hidden")


def test_times_are_in_the_chosen_zone(scene: Scene) -> None:
    """The reader's own at first; the configured one is a choice, and is remembered."""
    browser = scene.open("?provider=b", 1)
    assert browser.texts("#zone option") == ["Europe/Berlin (here)", "America/New_York"]
    before = browser.text("tr.request time")
    browser.choose("#zone select", "America/New_York")
    assert browser.texts("tr.request time") != [before]
    scene.open("?provider=b", 1)
    assert browser.texts("tr.request time") != [before]
    hours = range(1_760_000_000_000, 1_800_000_000_000, 3_600_000)
    back = browser.run(
        "import('./requests/times.js').then(it => "
        f"{list(hours)[::7]}.filter(at => it.epoch(it.localTime(at)) !== at).map(at => it.localTime(at)))"
    )
    # The hour that clocks show twice in autumn is taken for the first or the second one.
    assert [time_ for time_ in back if not time_.startswith(("2025-11-02T01", "2026-11-01T01"))] == []
    browser.choose("#zone select", "Europe/Berlin")
    assert browser.texts("tr.request time") == [before]
