"""Which server is asked, and how."""

from msgspec import Struct, field


class Source(Struct, frozen=True, kw_only=True):
    """Where to ask, and how. `timeout` is seconds. `match` are labels that all series to count have."""

    url: str
    username: str = ""
    password_file: str = ""
    token_file: str = ""
    headers_file: str = ""
    ca_file: str = ""
    timeout: float = 10.0
    match: dict[str, str] = field(default_factory=dict)
