"""Tests that anyone can run ask for no server."""

from pathlib import Path

from tests.conftest import sort
from tests.unit.test_imports import imported

TESTS = Path(__file__).parents[1]
# Where the servers' programs are looked up.
_PROGRAMS = "tests.real.gateways"


def _needed(module: str, seen: set[str]) -> set[str]:
    """The modules of `tests` that a module needs, itself among them."""
    file = TESTS.parent.joinpath(*module.split(".")).with_suffix(".py")
    # The product imports none of them.
    if module in seen or not module.startswith("tests.") or not file.exists():
        return seen
    seen.add(module)
    for name in imported(file):
        # A name that is imported from a module, or the module.
        _needed(name, seen)
    return seen


def test_a_test_that_looks_a_server_up_is_marked_real() -> None:
    """What `make check` runs passes where nothing is installed but Python."""
    wrong = []
    for path in TESTS.rglob("test_*.py"):
        module = ".".join(path.relative_to(TESTS.parent).with_suffix("").parts)
        if sort(path.relative_to(TESTS)) in ("unit", "command") and _PROGRAMS in _needed(module, set()):
            wrong.append(path.relative_to(TESTS).as_posix())
    assert wrong == []
