"""Receivers as the Prometheus operator's AlertmanagerConfig (v1alpha1) has them.

Source: the custom resource's definition in the operator 0.85, and how that converts it.
"""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from msgspec import Struct

from alerts.texts import inline


class LostError(Exception):
    """What an AlertmanagerConfig can't have, and why."""


class _Part(Struct, frozen=True):
    """Fields of a receiver, or of a part of it, by their names there. Ours are the same in snake case, but for secrets:
    ours name a file, theirs a key of a Secret.
    """

    fields: str = ""
    secrets: Mapping[str, str] = {}
    pairs: str = ""
    """Mappings that are a list of `key` and `value` there."""
    parts: Mapping[str, "_Part"] = {}


_HTTP = {
    "http_config": _Part(
        "followRedirects noProxy proxyFromEnvironment proxyURL",
        parts={
            "authorization": _Part("type", {"credentials_file": "credentials"}),
            "basic_auth": _Part(secrets={"username_file": "username", "password_file": "password"}),
            "tls_config": _Part("insecureSkipVerify serverName"),
        },
    )
}
_SLACK = (
    "callbackId channel color fallback fields footer iconEmoji iconURL imageURL linkNames mrkdwnIn pretext shortFields "
    "text thumbURL title titleLink username"
)
KINDS = {
    "discord": _Part("avatarURL content message title username", {"webhook_url_file": "apiURL"}, parts=_HTTP),
    "email": _Part(
        "authIdentity authUsername from hello html requireTLS smarthost text to",
        {"auth_password_file": "authPassword", "auth_secret_file": "authSecret"},
        "headers",
        {"tls_config": _Part("insecureSkipVerify serverName")},
    ),
    "msteams": _Part("summary text title", {"webhook_url_file": "webhookUrl"}, parts=_HTTP),
    "msteamsv2": _Part("text title", {"webhook_url_file": "webhookURL"}, parts=_HTTP),
    "opsgenie": _Part(
        "actions apiURL description entity message note priority responders source tags updateAlerts",
        {"api_key_file": "apiKey"},
        "details",
        _HTTP,
    ),
    "pagerduty": _Part(
        "class client clientURL component description group severity source url",
        {"routing_key_file": "routingKey", "service_key_file": "serviceKey"},
        "details",
        _HTTP,
    ),
    "pushover": _Part(
        "device expire html message priority retry title ttl url urlTitle",
        {"user_key_file": "userKey", "token_file": "token"},
        parts=_HTTP,
    ),
    "slack": _Part(_SLACK, {"api_url_file": "apiURL"}, parts=_HTTP),
    "sns": _Part(
        "apiURL attributes message phoneNumber subject targetARN topicARN",
        parts={**_HTTP, "sigv4": _Part("profile region roleArn")},
    ),
    "telegram": _Part("apiURL chatID message messageThreadID parseMode", {"bot_token_file": "botToken"}, parts=_HTTP),
    "victorops": _Part(
        "apiUrl entityDisplayName messageType monitoringTool routingKey stateMessage",
        {"api_key_file": "apiKey"},
        "customFields",
        _HTTP,
    ),
    "webex": _Part("apiURL message roomID", parts=_HTTP),
    "webhook": _Part("maxAlerts timeout url", {"url_file": "urlSecret"}, parts=_HTTP),
    "wechat": _Part(
        "agentID apiURL corpID message messageType toParty toTag toUser", {"api_secret_file": "apiSecret"}, parts=_HTTP
    ),
}
_NO_KEY = re.compile(r"[^-._a-zA-Z0-9]+")
_LOST = {"rocketchat": "the operator 0.85 drops its channel and its texts"}


class Secrets:
    """The keys of the Secret `name`: each file that our config names is one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.files: dict[str, str] = {}

    def reference(self, file: str) -> dict[str, str]:
        """What refers to a file's content. Its key is the file's name, or its whole path if another has that name."""
        key = _NO_KEY.sub("-", PurePath(file).name)
        if self.files.get(key, file) != file:
            key = _NO_KEY.sub("-", file.strip("/"))
        self.files[key] = file
        return {"name": self.name, "key": key}

    def command(self, namespace: str) -> list[str]:
        """The lines of the command that makes it, without the newlines at the files' ends: the operator keeps them."""
        place = f"--namespace {shlex.quote(namespace)} " if namespace else ""
        made = [f"kubectl {place}create secret generic {self.name}"]
        made += [f"--from-file={key}=<(tr -d '\\n' < {shlex.quote(file)})" for key, file in self.files.items()]
        return [f"  {line}" for line in " \\\n  ".join(made).split("\n")]


def converted(kind: str, config: Mapping[str, Any], secrets: Secrets) -> dict[str, Any]:
    """A receiver of one kind. Raises LostError if it can't be had."""
    if kind not in KINDS:
        raise LostError(_LOST.get(kind, "the operator 0.85 has no such receiver"))
    made = {"sendResolved": config["send_resolved"]}
    # An empty text is the operator's word for Alertmanager's default, but in mails.
    given = {name: part for name, part in config.items() if name != "send_resolved" and (part != "" or kind == "email")}
    return made | _part(KINDS[kind], given, secrets)


def _part(part: _Part, given: Mapping[str, Any], secrets: Secrets) -> dict[str, Any]:
    names = {name.lower(): name for name in (part.fields + " " + part.pairs).split()}
    made: dict[str, Any] = {}
    for ours, value in given.items():
        name = names.get(str(ours).replace("_", ""), "")
        inner = part.parts.get(ours)
        if (inner or name in part.pairs.split()) and not isinstance(value, Mapping):
            raise LostError(f"its field {ours} is not a mapping")
        if inner:
            made[_camel(ours)] = _part(inner, value, secrets)
        elif theirs := part.secrets.get(ours):
            made[theirs] = secrets.reference(value)
        elif name in part.pairs.split():
            made[name] = [{"key": str(key), "value": inline(_text(part))} for key, part in value.items()]
        elif name:
            made[name] = inline(value) if isinstance(value, str) else value
        else:
            raise LostError(f"its field {ours} can't be carried over")
    return made


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
