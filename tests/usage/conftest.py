"""The exporters and the Prometheus that the tests of this folder share."""

from collections.abc import Iterator

import pytest

from tests.usage.live import Live


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    made = Live(tmp_path_factory.mktemp("live"))
    yield made
    made.close()
