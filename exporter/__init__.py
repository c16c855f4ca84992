"""gateway-exporter: access logs of API gateways as true Prometheus metrics."""
