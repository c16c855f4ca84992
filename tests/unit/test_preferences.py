"""In which form a client wants what it asks for."""

import pytest

from exporter.service.web.preferences import weight

# As Prometheus 3 writes it with `scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0]`.
TEXT_FIRST = "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.4"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("text/plain;q=0.2, text/*;q=0.9, */*", 0.2),
        ("text/plain;q=0, */*", 0),
        ("application/openmetrics-text;q=0.5, */*;q=0.8", 0.8),
        ("text/html, text/*;q=0.3", 0.3),
        ("text/html", 0),
    ],
)
def test_the_most_specific_name_counts(header: str, expected: float) -> None:
    assert weight(header, "text/plain", "text/*", "*/*") == expected


@pytest.mark.parametrize(
    ("header", "name", "expected"),
    [
        (TEXT_FIRST, "text/plain", 0.6),
        (TEXT_FIRST, "application/openmetrics-text", 0.5),
        ("APPLICATION/OpenMetrics-Text; Version=1.0.0", "application/openmetrics-text", 1),
        ("text/plain;q=0.2, text/plain; version=1.0.0 ; q=0.7", "text/plain", 0.7),
        ("gzip;q=0", "gzip", 0),
        ("gzip;q=0.000, identity", "gzip", 0),
        ("br, gzip;q=x", "gzip", 1),
        ("x-gzip", "gzip", 0),
        ("*/*", "text/plain", 0),
        (",,;;q=1,", "gzip", 0),
        ("", "gzip", 0),
    ],
)
def test_the_weight_of_what_a_header_names(header: str, name: str, expected: float) -> None:
    assert weight(header, name) == expected
