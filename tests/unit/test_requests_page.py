"""The page of single requests without a browser: its files, who gets them, and what it is told of the config."""

import asyncio
import fnmatch
import re
import tomllib
from pathlib import Path

import msgspec
import pytest
import yaml

from exporter.config.load import load
from exporter.model.catalog import CATALOG
from exporter.model.fields import ATTEMPT_OUTCOMES, ERROR_TYPES
from exporter.request_log.filters import FILTERS
from exporter.service.web import requests_page
from exporter.service.web.requests_page import PATH, RequestsPage, about, series
from tests.keeping import Keeping
from tests.unit.test_request_log import FORMAT, line

FOLDER = Path(requests_page.__file__).parent / "pages"
FILES = sorted(path.name for path in FOLDER.iterdir())


@pytest.fixture
def page(tmp_path: Path) -> RequestsPage:
    (tmp_path / "config.yaml").write_text("inputs: [{path: a.log, format: nginx-json}]\n", encoding="utf-8")
    config = load(tmp_path / "config.yaml").config
    return RequestsPage(lambda: config)


def answered(
    page: RequestsPage, path: str, operator: bool = True, method: str = "GET"
) -> tuple[int, dict[str, str], str]:
    """The status, the headers and the body of an answer."""
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def ask() -> None:
        await page.pages[path]({"path": path, "method": method, "state": {"operator": operator}}, send)

    asyncio.run(ask())
    headers = {name.decode(): text.decode() for name, text in sent[0]["headers"]}  # type: ignore[attr-defined]
    body = b"".join(message["body"] for message in sent[1:])  # type: ignore[misc]
    return sent[0]["status"], headers, body.decode()  # type: ignore[return-value]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/about.json", *(f"{PATH}/{name}" for name in FILES)])
def test_operators_get_each_file_and_nobody_else_does(page: RequestsPage, path: str) -> None:
    status, headers, body = answered(page, path)
    assert status == 200
    assert body
    assert (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        in headers["content-security-policy"]
    )
    assert "unsafe" not in headers["content-security-policy"]
    assert answered(page, path, method="HEAD")[::2] == (200, "")
    status, _, body = answered(page, path, operator=False)
    assert (status, body.partition(",")[0]) == (403, "The page /requests is answered on this machine only")


def test_nothing_is_loaded_from_elsewhere_and_no_text_becomes_html() -> None:
    """Each file that is named is there, no address has a host, and no script writes HTML or evaluates a text."""
    for name in FILES:
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert not re.search(r"https?:|(?<!:)//[a-z]|url\(|@import", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), (
            name
        )
        named = re.findall(r'from "\./([^"]+)"', text) + re.findall(r'(?:src|href)="requests/([^"]+)"', text)
        assert [file for file in named if file not in FILES] == []


def test_packages_have_its_files() -> None:
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["exporter.service.web"]
    assert [name for name in FILES if not any(fnmatch.fnmatch(f"pages/{name}", pattern) for pattern in patterns)] == []


def test_there_are_words_for_each_error_and_outcome() -> None:
    text = (FOLDER / "words.js").read_text(encoding="utf-8")
    errors, outcomes = (re.search(rf"const {name} = {{(.*?)\n}}", text, re.DOTALL) for name in ("ERRORS", "OUTCOMES"))
    assert errors
    assert outcomes
    assert tuple(re.findall(r"^  (\w+):", errors[1], re.MULTILINE)) == ERROR_TYPES
    assert tuple(re.findall(r"^  (\w+):", outcomes[1], re.MULTILINE)) == ATTEMPT_OUTCOMES


def test_it_is_told_whether_requests_are_kept_and_what_can_be_filtered(page: RequestsPage, tmp_path: Path) -> None:
    found = msgspec.json.decode(answered(page, f"{PATH}/about.json")[2])
    assert (found["kept"], found["timezone"], found["currency"]) == (False, "UTC", "USD")
    assert found["filters"] == FILTERS
    config = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    config |= {"requests": {}, "state": {"path": "state.db"}, "pricing": {"currency": "EUR"}}
    config |= {"limits": {"timezone": "Europe/Berlin"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    told = about(load(tmp_path / "config.yaml").config)
    assert (told["kept"], told["timezone"], told["currency"]) == (True, "Europe/Berlin", "EUR")


MODEL = {"model": "m", "by": "p", "in": 10, "cost": 0.5}
REQUESTS = {
    "failed": line(1, s=503),
    "to a model": line(1, MODEL),
    "blocked": line(1, s=403, why="policy"),
    "cached": line(1, MODEL, cached="true", **{"in": None, "cost": None}),
    "unbilled": line(1, path="/free"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_series_of_a_row_are_those_that_it_was_counted_in(tmp_path: Path, name: str) -> None:
    """Each, and no other. Its key and method have been seen, so they have a place in their budgets."""
    more = "pricing: {unbilled: [/free]}\nroutes: [/v1/things, /free]\nmetrics: {admit_after: 1}"
    keeping = Keeping(tmp_path, FORMAT, more=more)
    before = keeping.keep(line(0, MODEL))
    after = keeping.keep(REQUESTS[name])
    row = keeping.rows()[0]
    keeping.log.close()
    grown = [sample for sample, value in after.items() if value > before.get(sample, 0)]
    told = series(keeping.assembly.config.families)
    selectors = {
        family["name"]: {f'{label}="{row[field]}"' for label, field in family["labels"].items() if row[field]}
        for family in told
        if all(row[field] for field in family["when"])
    }
    assert set(selectors) == {family["name"] for family in told} & {sample.partition("{")[0] for sample in grown}
    for family, pairs in selectors.items():
        labels = [set(sample.partition("{")[2][:-1].split(",")) for sample in grown if sample.startswith(f"{family}{{")]
        assert any(pairs <= found for found in labels), (family, pairs, labels)


def test_selectors_have_declared_labels_and_none_that_are_dropped() -> None:
    family = CATALOG["gateway_requests_total"]
    fewer = msgspec.structs.replace(family, labels=("key", "status", "team", "of_an_input"))
    [found] = series({"gateway_requests_total": fewer}, ["team"])
    labels = {"key": "key", "status": "status", "team": "labels.team"}
    assert found == {"name": "gateway_requests_total", "labels": labels, "when": []}
