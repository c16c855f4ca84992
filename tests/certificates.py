"""Certificates for tests: an authority, and what it signs, made by openssl."""

import subprocess
from pathlib import Path

import pytest


class Authority:
    """Signs certificates; `path` is its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self.path = folder / f"{name}.pem"
        self._openssl("req", "-x509", *self._key(name), "-subj", f"/CN={name}", "-out", str(self.path), "-days", "30")

    def sign(self, name: str, sans: str = "IP:127.0.0.1,DNS:localhost", days: int = 2) -> tuple[Path, Path]:
        """A certificate and its key; one of -1 days has expired."""
        path, key, request = (self._folder / f"{self._name}-{name}.{end}" for end in ("pem", "key", "csr"))
        self._openssl("req", *self._key(f"{self._name}-{name}"), "-subj", f"/CN={name}", "-out", str(request))
        extensions = self._folder / "extensions"
        extensions.write_text(f"subjectAltName={sans}\n", encoding="utf-8")
        signed = ("-CA", str(self.path), "-CAkey", str(self._folder / f"{self._name}.key"), "-CAcreateserial")
        given = ("-in", str(request), "-out", str(path), "-extfile", str(extensions), "-days", str(days))
        self._openssl("x509", "-req", *given, *signed)
        return path, key

    def _key(self, name: str) -> tuple[str, ...]:
        key = str(self._folder / f"{name}.key")
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key)

    @staticmethod
    def _openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for all tests."""
    return Authority(tmp_path_factory.mktemp("authority"), "tests")
