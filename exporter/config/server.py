"""What sections of the config have that name a server to ask."""

from pathlib import Path
from urllib.parse import urlsplit

from exporter.config.values import Duration
from exporter.durations import seconds
from exporter.errors import FieldError
from exporter.http_client import Server
from exporter.yaml_file import Part

SECRET_FILES = ("password_file", "token_file", "headers_file")
FILES = (*SECRET_FILES, "ca_file")


class ServerPart(Part):
    """A server, and the files with what it takes to be let in. They are read for each request."""

    url: str
    """Its address, as https://server.example:8080; with a path, if what is asked for is below one."""
    username: str = ""
    """A user's name, with a `password_file`."""
    password_file: str = ""
    """A file with the user's password."""
    token_file: str = ""
    """A file with a bearer token, instead of a user."""
    headers_file: str = ""
    """A file with more headers, as lines `Name: value`, such as X-Scope-OrgID of Mimir."""
    ca_file: str = ""
    """Certificates that sign the server's own, if those of the machine do not."""
    timeout: Duration = "10s"
    """How long an answer may take."""

    def __post_init__(self) -> None:
        self._check_url()
        if bool(self.username) != bool(self.password_file):
            raise FieldError("username", "goes with a password_file, and only with one")
        if self.username and self.token_file:
            raise FieldError("token_file", "can't be used together with username: choose one")
        if seconds(self.timeout) < 1:
            raise FieldError("timeout", "must be at least 1s")

    def _check_url(self) -> None:
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            good = False
        if not good:
            raise FieldError("url", "must be like https://server.example:8080/path")
        if parts.username or parts.password:
            raise FieldError("url", "contains a password; put it into a headers_file, password_file or token_file")

    def find_files(self, folder: Path) -> None:
        """Relative paths start at a folder."""
        for name in self.files:
            if path := getattr(self, name):
                setattr(self, name, str(folder / path))

    @property
    def files(self) -> tuple[str, ...]:
        """The fields that name files."""
        return FILES

    @property
    def server(self) -> Server:
        """How the server is asked."""
        return Server(
            url=self.url,
            username=self.username,
            password_file=self.password_file,
            token_file=self.token_file,
            headers_file=self.headers_file,
            ca_file=self.ca_file,
            timeout=seconds(self.timeout),
        )
