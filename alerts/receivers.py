"""Receivers in Alertmanager's config: the fields that the user gave, and the texts that all kinds share."""

from collections.abc import Mapping
from typing import Any

_TITLE, _TEXT, _LINK = (f'{{{{ template "gateway.{part}" . }}}}' for part in ("title", "text", "link"))

# What a kind's config has of its own: its texts. Other fields are the user's, who may also replace these.
TEXTS: dict[str, dict[str, Any]] = {
    "discord": {"title": _TITLE, "message": _TEXT},
    "email": {"headers": {"Subject": _TITLE}, "text": _TEXT, "html": ""},
    "incidentio": {},
    "jira": {"summary": _TITLE, "description": _TEXT},
    "mattermost": {"title": _TITLE, "title_link": _LINK, "text": _TEXT, "fallback": _TITLE},
    "msteams": {"title": _TITLE, "summary": _TITLE, "text": _TEXT},
    "msteamsv2": {"title": _TITLE, "text": _TEXT},
    "opsgenie": {"message": _TITLE, "description": _TEXT},
    "pagerduty": {
        "description": _TITLE,
        "severity": "{{ .GroupLabels.severity }}",
        "client": "gateway-exporter",
        "client_url": _LINK,
        # Alertmanager adds these two, with every label and annotation of every alert.
        "details": {"text": _TEXT, "firing": "", "resolved": ""},
    },
    "pushover": {"title": _TITLE, "message": _TEXT, "url": _LINK},
    "rocketchat": {"title": _TITLE, "title_link": _LINK, "text": _TEXT},
    "slack": {"title": _TITLE, "title_link": _LINK, "text": _TEXT, "fallback": _TITLE},
    "sns": {"subject": _TITLE, "message": f"{_TITLE}\n\n{_TEXT}"},
    # Without a parse mode, so that < and & in a text stay what they are.
    "telegram": {"message": f"{_TITLE}\n\n{_TEXT}", "parse_mode": ""},
    "victorops": {"entity_display_name": _TITLE, "state_message": _TEXT},
    "webex": {"message": f"{_TITLE}\n\n{_TEXT}"},
    "webhook": {},
    "wechat": {"message": f"{_TITLE}\n\n{_TEXT}"},
}


def receiver(name: str, kinds: Mapping[str, Mapping[str, Any]], for_customers: bool) -> dict[str, Any]:
    """A receiver with all its kinds, and the texts for those who read them."""
    made = {f"{kind}_configs": [_config(kind, fields, for_customers)] for kind, fields in kinds.items()}
    return {"name": name} | made


def _config(kind: str, fields: Mapping[str, Any], for_customers: bool) -> dict[str, Any]:
    given = dict(fields)
    if kind == "webhook" and (file := given.pop("credentials_file", "")):
        given["http_config"] = {"authorization": {"credentials_file": file}} | given.get("http_config", {})
    texts = _for_customers(TEXTS[kind]) if for_customers else TEXTS[kind]
    return {"send_resolved": True} | texts | given


def _for_customers(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace('template "gateway.', 'template "customer.')
    return {name: _for_customers(part) for name, part in value.items()}
