"""gateway-exporter: access logs of API gateways as true Prometheus metrics."""

__version__ = "0.1.0"
