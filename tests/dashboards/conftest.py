"""A gateway's day in Prometheus, played once for all tests that ask it."""

from collections.abc import Iterator

import pytest

from tests.dashboards.scene import Scene


@pytest.fixture(scope="package")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    played = Scene(tmp_path_factory.mktemp("scene"))
    try:
        yield played
    finally:
        played.close()
