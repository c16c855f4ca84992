"""The page `/requests`: its files, which are in `pages/`, and what they ask about the config.

/requests               the page
/requests/NAME          its scripts and its style
/requests/about.json    what can be filtered, and which series a request is counted in
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from exporter.config.config import Config
from exporter.model.catalog import Family
from exporter.request_log.fields import FIELDS
from exporter.request_log.filters import FILTERS
from exporter.service.web.answers import HTML, PLAIN, Page, Scope, Send, answer
from exporter.service.web.requests import ONLY_OPERATORS

PATH = "/requests"
_ABOUT = f"{PATH}/about.json"
_FOLDER = Path(__file__).parent / "pages"
_TYPES = {".css": "text/css; charset=utf-8", ".html": HTML, ".js": "text/javascript; charset=utf-8"}
# Its own files and the API, nothing else; and no text is ever read as HTML or as a script.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
# Fields of a row: by `Family.adds` and `Family.when`, the one that a request has that is counted; and by label, the one
# that has the label's value, where its name is another one.
_OF_ADDS = {"requests": "", "cost": "cost", "tokens": "input_tokens"}
_OF_WHEN = {"": "", "type": "error_type", "blocked": "blocked_reason"}
_OF_WHEN |= {name: name for name in ("model", "chain", "method", "provider", "unbilled", "cached")}
_OF_LABEL = {"type": "error_type", "reason": "blocked_reason"}


class RequestsPage:
    """Answers the page and its files. `config` returns the config that is in use."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        files = {path.name: (_TYPES[path.suffix], path.read_bytes()) for path in _FOLDER.iterdir()}
        self._files = {f"{PATH}/{name}": file for name, file in files.items()} | {PATH: files["requests.html"]}

    @property
    def pages(self) -> dict[str, Page]:
        """What answers each path."""
        return dict.fromkeys((*self._files, _ABOUT), self._answer)

    async def _answer(self, scope: Scope, send: Send) -> None:
        """Answer an operator; 403 to anybody else."""
        if not scope["state"]["operator"]:
            await answer(send, 403, PLAIN, f"The page {PATH} is {ONLY_OPERATORS}.\n".encode())
            return
        if scope["path"] == _ABOUT:
            content_type, body = "application/json", msgspec.json.encode(about(self._config()))
        else:
            content_type, body = self._files[scope["path"]]
        headers = {"content-security-policy": _POLICY}
        await answer(send, 200, content_type, b"" if scope["method"] == "HEAD" else body, headers)


def about(config: Config) -> dict[str, Any]:
    """What the page asks about a config: filters with their meanings, and the series of a request."""
    return {
        "kept": config.requests is not None,
        "timezone": config.limits.timezone,
        "currency": config.pricing.currency,
        "filters": FILTERS,
        "series": series(config.families, config.labels),
    }


def series(families: Mapping[str, Family], declared: Collection[str] = ()) -> list[dict[str, Any]]:
    """The families that requests, their tokens and costs are counted in, with the field of a row that has a label's
    value; `labels.NAME` is one of the `declared` labels. Requests that lack a field of `when` are not counted there.
    Labels that no field has are left out: those of inputs, and the type of tokens.
    """
    return [
        {
            "name": family.name,
            "labels": _labels(family, declared),
            "when": [field for field in (_OF_ADDS[family.adds], _OF_WHEN[family.when]) if field],
        }
        for family in families.values()
        if family.type == "counter" and family.adds in _OF_ADDS and family.when in _OF_WHEN
    ]


def _labels(family: Family, declared: Collection[str]) -> dict[str, str]:
    found = {}
    for label in family.labels:
        field = _OF_LABEL.get(label, label)
        if label in declared:
            found[label] = f"labels.{label}"
        elif field in FIELDS and (family.adds, label) != ("tokens", "type"):
            found[label] = field
    return found
