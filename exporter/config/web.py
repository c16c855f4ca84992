"""`web.config`: TLS, passwords and headers of the web server, in the form that Prometheus' exporters share.

Source: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md. What Python's `ssl` or
uvicorn can't do is refused by its field's name. Paths are relative to the file.
"""

import re
import ssl
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from exporter.errors import FieldError, Steps, unknown
from exporter.yaml_file import Part, YamlFile

_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}")
_HEADER_TEXT = re.compile(r"[\x20-\x7e]*")
_HEADERS = {
    "Strict-Transport-Security": None,
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": None,
    "Content-Security-Policy": None,
}
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
# IANA's names, which Go uses, and OpenSSL's. Those of TLS 1.3 can't be chosen.
_SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
_REFUSED = {
    "cert": "is not read here: give its file as cert_file",
    "key": "is not read here: give its file as key_file",
    "client_ca": "is not read here: give its file as client_ca_file",
    "curve_preferences": "can't be chosen with Python's ssl module: remove it",
}


class TlsServerConfig(Part):
    """`tls_server_config`."""

    cert_file: str = ""
    key_file: str = ""
    client_auth_type: str = "NoClientCert"
    client_ca_file: str = ""
    client_allowed_sans: list[str] = field(default_factory=list)
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"
    cipher_suites: list[str] = field(default_factory=list)
    prefer_server_cipher_suites: bool = True
    cert: Any = None
    key: Any = None
    client_ca: Any = None
    curve_preferences: Any = None

    def __post_init__(self) -> None:
        for name, problem in _REFUSED.items():
            if getattr(self, name):
                raise FieldError(name, problem)
        for name in ("cert_file", "key_file"):
            if not getattr(self, name):
                raise FieldError(name, "is missing: TLS needs a certificate and its key")
        self._check_clients()
        if _VERSIONS[self.min_version] > _VERSIONS[self.max_version]:
            raise FieldError("min_version", "is above max_version")
        for n, suite in enumerate(self.cipher_suites):
            if suite not in _SUITES:
                raise FieldError(("cipher_suites", n), f"{unknown('suite', suite, _SUITES)}; TLS 1.3 has its own")

    def _check_clients(self) -> None:
        if self.client_auth_type in ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert"):
            problem = f"can't be {self.client_auth_type}: Python's ssl verifies each certificate that it asks for"
            raise FieldError("client_auth_type", f"{problem} (allowed: {', '.join(_CLIENT_AUTH)})")
        if self.client_auth_type not in _CLIENT_AUTH:
            raise FieldError("client_auth_type", unknown("type", self.client_auth_type, _CLIENT_AUTH))
        if bool(self.client_ca_file) != (self.client_auth_type != "NoClientCert"):
            raise FieldError("client_ca_file", "goes with a client_auth_type that verifies, and only with it")
        if self.client_allowed_sans and not self.client_ca_file:
            raise FieldError("client_allowed_sans", "needs a client_ca_file")


class HttpServerConfig(Part):
    """`http_server_config`."""

    http2: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.http2:
            raise FieldError("http2", "can't be true: HTTP/1.1 is served only")
        for name, value in self.headers.items():
            if name not in _HEADERS:
                raise FieldError(("headers", name), unknown("header", name, _HEADERS))
            allowed = _HEADERS[name]
            if not _HEADER_TEXT.fullmatch(value) or (allowed and value.lower() not in allowed):
                raise FieldError(("headers", name), f"must be {' or '.join(allowed or ('one line of ASCII text',))}")


class WebFile(Part):
    """The file."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = field(default_factory=HttpServerConfig)
    basic_auth_users: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, hashed in self.basic_auth_users.items():
            if not name or ":" in name:
                raise FieldError(("basic_auth_users", name), "a user needs a name, without a colon")
            if not _BCRYPT.fullmatch(hashed):
                problem = "must be a bcrypt hash of cost 4 to 14, as `htpasswd -nBC 10 NAME` prints it"
                raise FieldError(("basic_auth_users", name), problem)


class Web(Struct, kw_only=True):
    """What a web config asks for: users with their hashes, headers in small letters, TLS and, if any, the names of
    which a client's certificate must have one. `files` are those that it was read from.
    """

    users: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    client_names: frozenset[str] = frozenset()
    files: tuple[Path, ...] = ()
    key_file: str = ""


def load_web(path: Path) -> Web:
    """Read a web config, its certificates and keys. ConfigError names the first mistake."""
    file = YamlFile(path)
    config = file.convert(WebFile)
    tls = config.tls_server_config
    web = Web(
        users=config.basic_auth_users,
        headers={name.lower(): value for name, value in config.http_server_config.headers.items()},
        files=(path,),
    )
    if tls:
        folder = path.resolve().parent
        web.key_file = str(folder / tls.key_file)
        web.tls = _context(file, tls, folder)
        web.client_names = frozenset(tls.client_allowed_sans)
        named = (tls.cert_file, tls.key_file, tls.client_ca_file)
        web.files = (path, *(folder / name for name in named if name))
    return web


def _context(file: YamlFile, config: TlsServerConfig, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[config.min_version], _VERSIONS[config.max_version]
    if config.cipher_suites:
        context.set_ciphers(":".join(_SUITES[suite] for suite in config.cipher_suites))
    if not config.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    for name in ("cert_file", "key_file", "client_ca_file"):
        if value := getattr(config, name):
            _check_pem(file, ("tls_server_config", name), folder / value)
    try:
        context.load_cert_chain(folder / config.cert_file, folder / config.key_file, password=_refuse_password)
    except ssl.SSLError as error:
        problem = (
            "does not belong to the certificate"
            if "MISMATCH" in (error.reason or "")
            else "or cert_file is not a PEM file"
        )
        raise file.error(("tls_server_config", "key_file"), problem) from None
    except _EncryptedError:
        raise file.error(("tls_server_config", "key_file"), "is encrypted; give one without a password") from None
    if config.client_ca_file:
        try:
            context.load_verify_locations(folder / config.client_ca_file)
        except ssl.SSLError:
            raise file.error(("tls_server_config", "client_ca_file"), "holds no valid certificate") from None
        context.verify_mode = _CLIENT_AUTH[config.client_auth_type]
    return context


def _check_pem(file: YamlFile, at: Steps, path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise file.error(at, f"{path} can't be read: {error.strerror}") from None


class _EncryptedError(Exception):
    """A key needs a password."""


def _refuse_password() -> str:
    """Instead of asking on the terminal."""
    raise _EncryptedError
