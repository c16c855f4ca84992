"""Raw keys → public names; nothing of a raw key in any name."""

import re

import pytest

from exporter.keys.identity import Identity, KeyEntry, bare_key

SECRET = b"a secret of the deployment"


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("sk-abc", "sk-abc"),
        (" sk-abc ", "sk-abc"),
        ("Bearer sk-abc", "sk-abc"),
        ("bearer   sk-abc", "sk-abc"),
        ("ApiKey abc", "abc"),
        ("Key abc", "abc"),
        ("Token abc", "abc"),
        ("Basic YWxpY2U6cHc=", "alice"),
        ("Basic OnNlY3JldA==", "secret"),
        ("Basic !!", "!!"),
        ("AWS4-HMAC-SHA256 Credential=AKID/20260303/eu/s3/aws4_request, SignedHeaders=host, Signature=f00", "AKID"),
        ('Digest username="bob", realm="x", nonce="changes"', "bob"),
        ("two words", "two words"),
        ("Bearer", ""),
        ("Bearer REDACTED", ""),
        ("REDACTED", ""),
        ("[REDACTED]", ""),
        ("<hidden>", ""),
        ("***REDACTED***", ""),
        ("********", ""),
        ("", ""),
        ("  ", ""),
    ],
)
def test_bare_keys(raw: str, key: str) -> None:
    """A key is what is the same in every request of its owner; what a gateway hid is none."""
    assert bare_key(raw) == key


def test_public_names() -> None:
    """A key is its registry id, known by its hash or by name; an id is no key; else k_ and 16 hex digits."""
    plain = Identity(SECRET)
    hashed = plain.hash("sk-abc")
    identity = Identity(
        SECRET, (KeyEntry(id="acme", hash=hashed), KeyEntry(hash=plain.hash("sk-def")), KeyEntry(id="team-b"))
    )
    assert re.fullmatch("k_[0-9a-f]{16}", hashed)
    assert identity.public("Bearer sk-abc") == "acme"
    assert identity.public("acme") == plain.hash("acme")
    assert identity.public("team-b") == "team-b"
    assert identity.public("sk-def") == plain.hash("sk-def")
    assert identity.public("sk-new") == plain.public("sk-new") == plain.hash("sk-new")
    assert identity.public("REDACTED") == ""


def test_names_depend_on_the_secret() -> None:
    """Without the secret nobody can tell a key from its name, and two secrets have different fingerprints."""
    identity, other = Identity(SECRET), Identity(b"another")
    assert identity.hash("sk-abc") != other.hash("sk-abc")
    assert identity.fingerprint != other.fingerprint
    assert re.fullmatch("[0-9a-f]{8}", identity.fingerprint)


@pytest.mark.parametrize("raw", ["ключ-é", "\udcff\udc00", "\x00", "key" * 30_000, "\ud800"])
def test_any_key_has_a_name(raw: str) -> None:
    """Odd bytes in a key are no reason to fail."""
    assert re.fullmatch("k_[0-9a-f]{16}", Identity(SECRET).public(raw))
